"""Files that belong to an incident: logs, captures, the provider's report. Each is an event and the bytes it names."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, select

from groundwork.problems import Refused
from incident_store.advance import NoSuchIncident, StepRefused, take_step
from incident_store.blobs import Blob, pieces, put, spooled
from incident_store.domain.file_names import harmless
from incident_store.domain.incidents import Event
from incident_store.domain.lifecycle import ROLES, EventKind
from incident_store.domain.steps import Actor, Reason, Refusal, Step
from incident_store.file_kinds import NotTaken, examine
from incident_store.incident_rows import append, history, project
from incident_store.models import IncidentRow
from incident_store.transactions import in_transaction


class Purpose(StrEnum):
    """What an attached file is for."""

    LOG = "log"
    CAPTURE = "capture"
    RCA = "rca"
    OTHER = "other"


@dataclass(frozen=True)
class Attachment:
    """An attached file: its place among the incident's files (from 1), what it is, who attached it and when."""

    place: int
    name: str
    media_type: str
    purpose: Purpose
    blob: Blob
    author: str
    at: datetime


@dataclass(frozen=True)
class Offered:
    """A file that was examined and can be kept: `held` are its bytes, able to seek."""

    name: str
    media_type: str
    purpose: Purpose
    blob: Blob
    held: IO[bytes]


@contextmanager
def offered(name: str, source: IO[bytes], purpose: Purpose, limit: int) -> Iterator[Offered]:
    """A file of at most `limit` bytes, examined, while it is held outside the store.

    Raises TooLarge before the file was read to its end, NotTaken for a kind that is not taken.
    """
    shown = harmless(name)
    with spooled(source, limit) as (blob, held):
        if not blob.size:
            raise NotTaken(f"{shown}: it is empty; attach the file that was meant")
        yield Offered(shown, examine(shown, held, limit), purpose, blob, held)


def keep(
    connection: Connection,
    number: int,
    file: Offered,
    actor: Actor,
    now: datetime,
    received_at: datetime | None = None,
) -> Attachment:
    """Attach a file; the first RCA since a restoration is also its receipt, at `received_at`.

    Raises NoSuchIncident, and StepRefused for a role that may not and for an RCA before the restoration.
    """
    check_role(actor)
    details = {
        "name": file.name,
        "sha256": file.blob.sha256,
        "size": str(file.blob.size),
        "media_type": file.media_type,
        "purpose": file.purpose.value,
    }
    event = Event(EventKind.ATTACHED, now, now, actor.name, details)
    past = _file(connection, number, event)
    put(connection, file.blob, file.held, now)
    if file.purpose is Purpose.RCA and not _has_rca(past):
        receipt = Step(EventKind.RCA_RECEIVED, received_at or now, {"sha256": file.blob.sha256})
        take_step(connection, number, receipt, actor, now)
    return attachments([*past, event])[-1]


def attach(
    engine: Engine,
    number: int,
    name: str,
    source: IO[bytes],
    purpose: Purpose,
    actor: Actor,
    now: datetime,
    *,
    limit: int,
    received_at: datetime | None = None,
) -> Attachment:
    """`offered` and `keep` in one; after a refusal nothing is written."""
    check_role(actor)
    with offered(name, source, purpose, limit) as file:
        return in_transaction(engine, lambda connection: keep(connection, number, file, actor, now, received_at))


def check_role(actor: Actor) -> None:
    """Raise StepRefused when this person may attach nothing."""
    roles = ROLES[EventKind.NOTED]
    if actor.role not in roles:
        who = " or ".join(sorted(roles))
        raise StepRefused(Refusal(Reason.WRONG_ROLE, f"attaching is for {who}, and {actor.name} is {actor.role.value}"))


def _file(connection: Connection, number: int, event: Event) -> list[Event]:
    """Add the event to the incident's chain; returns what was there before it."""
    version = connection.scalar(select(IncidentRow.version).where(IncidentRow.id == number))
    if version is None:
        raise NoSuchIncident(number)
    past = history(connection, number)
    append(connection, number, [event])
    project(connection, number, version, [*past, event])
    return past


def _has_rca(events: Sequence[Event]) -> bool:
    """Whether the report of the last restoration was received already; a later file is then another version of it."""
    marks = [one.kind for one in events if one.kind in {EventKind.RCA_RECEIVED, EventKind.REOPENED}]
    return bool(marks) and marks[-1] is EventKind.RCA_RECEIVED


def attachments(events: Sequence[Event]) -> list[Attachment]:
    """The files of an incident in the order in which they were attached."""
    found = [event for event in events if event.kind is EventKind.ATTACHED]
    return [
        Attachment(
            place,
            event.details["name"],
            event.details["media_type"],
            Purpose(event.details["purpose"]),
            Blob(event.details["sha256"], int(event.details["size"])),
            event.author,
            event.at,
        )
        for place, event in enumerate(found, 1)
    ]


def find_attachment(connection: Connection, number: int, place: int) -> Attachment:
    """One file of an incident; raises Refused when there is none at this place."""
    found = attachments(history(connection, number))
    if not 1 <= place <= len(found):
        raise Refused(f"incident {number} has {len(found)} files: `renteseg incident attachments {number}` lists them")
    return found[place - 1]


def content(connection: Connection, attachment: Attachment) -> Iterator[bytes]:
    """Its bytes in pieces; raises Damaged after the last when they are not what was attached."""
    return pieces(connection, attachment.blob.sha256)


def save(connection: Connection, attachment: Attachment, out: Path) -> Path:
    """Write the file, verified, to `out`: a path that is free, or a folder; returns where it is.

    Raises Refused when something is there already, Damaged when the bytes are not what was attached; then nothing is
    left behind.
    """
    target = out / attachment.name if out.is_dir() else out
    descriptor, unfinished = tempfile.mkstemp(dir=target.parent, prefix=".renteseg-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in content(connection, attachment):
                file.write(piece)
        os.link(unfinished, target)
    except FileExistsError:
        raise Refused(f"{target} is there already; name another file with --out") from None
    finally:
        with suppress(FileNotFoundError):
            Path(unfinished).unlink()
    return target
