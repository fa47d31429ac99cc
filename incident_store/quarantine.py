"""What could not be understood waits here until somebody settles it: replayed or dismissed."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, case, func, insert, null, select, update

from groundwork.problems import Refused
from incident_store.access import TERMINAL, AccessKind, note_access
from incident_store.models import QuarantineRow
from incident_store.transactions import in_transaction

LISTED_DETAIL = 300
"""Characters of an entry's detail that a list shows."""


@dataclass(frozen=True)
class Rejected:
    """Something that could not be understood: a named reason, a sentence, and the bytes as they came."""

    reason: str
    detail: str
    body: bytes


class NotUnderstood(Refused):
    """An entry that was read again is no clearer; `reasons` say why."""

    def __init__(self, number: int, reasons: list[str]) -> None:
        told = "; ".join(reasons)
        super().__init__(f"entry {number} is still not understood: {told}; `renteseg quarantine dismiss` ends its wait")
        self.reasons = reasons


class Settlement(StrEnum):
    """How an entry was settled."""

    REPLAYED = "replayed"
    DISMISSED = "dismissed"


@dataclass(frozen=True)
class Entry:
    """One entry: what came, why it was not understood, when and how often, and whether it still waits."""

    number: int
    rejected: Rejected
    first_received_at: datetime
    last_received_at: datetime
    times: int
    settlement: Settlement | None


def quarantine(connection: Connection, rejected: Rejected, now: datetime) -> None:
    """Keep what could not be understood. The same bytes again only count; what was dismissed stays dismissed."""
    digest = hashlib.sha256(rejected.reason.encode() + b"\0" + rejected.body).hexdigest()
    dismissed = QuarantineRow.settlement == Settlement.DISMISSED.value
    again = connection.execute(
        update(QuarantineRow)
        .where(QuarantineRow.digest == digest)
        .values(
            times=QuarantineRow.times + 1,
            last_received_at=now,
            settled_at=case((dismissed, QuarantineRow.settled_at), else_=null()),
            settlement=case((dismissed, QuarantineRow.settlement), else_=null()),
        )
    )
    if again.rowcount:
        return
    connection.execute(
        insert(QuarantineRow).values(
            digest=digest,
            reason=rejected.reason,
            detail=rejected.detail.replace("\0", "\\0"),
            body=rejected.body,
            first_received_at=now,
            last_received_at=now,
            times=1,
        )
    )


@dataclass(frozen=True)
class Waiting:
    """An entry in a list: without its body, of which `size` is the number of bytes."""

    number: int
    reason: str
    detail: str
    size: int
    first_received_at: datetime
    last_received_at: datetime
    times: int


def waiting_entries(connection: Connection, limit: int = 1000) -> list[Waiting]:
    """The entries that wait to be settled, the oldest first."""
    rows = QuarantineRow.__table__.c
    columns = (rows.id, rows.reason, func.substr(rows.detail, 1, LISTED_DETAIL), func.length(rows.body))
    times = (rows.first_received_at, rows.last_received_at, rows.times)
    query = select(*columns, *times).where(rows.settled_at.is_(None)).order_by(rows.id).limit(limit)
    return [Waiting(*row) for row in connection.execute(query)]


def find_entry(connection: Connection, number: int) -> Entry | None:
    """One entry, settled or not; None when there is none with this number."""
    row = connection.execute(select(*QuarantineRow.__table__.c).where(QuarantineRow.id == number)).first()
    return None if row is None else _entry(row)


def settle(connection: Connection, number: int, settlement: Settlement, now: datetime, by: str = TERMINAL) -> None:
    """Note that an entry waits no more, why, and who decided it."""
    connection.execute(
        update(QuarantineRow).where(QuarantineRow.id == number).values(settled_at=now, settlement=settlement.value)
    )
    kind = {Settlement.REPLAYED: AccessKind.REPLAYED, Settlement.DISMISSED: AccessKind.DISMISSED}[settlement]
    note_access(connection, kind, by, by, now, entry=str(number))


def dismiss(engine: Engine, number: int, by: str, now: datetime) -> None:
    """The same bytes will not ask for attention again."""
    in_transaction(engine, lambda connection: settle(connection, number, Settlement.DISMISSED, now, by))


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        row.id,
        Rejected(row.reason, row.detail, row.body),
        row.first_received_at,
        row.last_received_at,
        row.times,
        Settlement(row.settlement) if row.settlement else None,
    )
