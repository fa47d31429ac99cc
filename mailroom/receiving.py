"""Takes mails into the store: original, attachments, what it is and what it suggests, in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import IO

import structlog
from sqlalchemy import Connection, select

from incident_store import blobs
from incident_store.domain.lifecycle import EventKind
from incident_store.inbox import Message, MessageState, Nature, keep_message, known_message, remark
from incident_store.mail_models import MessageRow, NoticeRow
from incident_store.models import IncidentRow
from incident_store.outbox import Attached
from incident_store.outbox_work import bounce
from incident_store.queries import IncidentRecord, find_incident, list_incidents
from incident_store.remarks import note
from mailroom.contacts import ADDRESS, MEBIBYTE, Contacts, Incoming, Party, PartyKind
from mailroom.natures import bounced, nature
from mailroom.parsing import Mail, Part, read_mail
from mailroom.proposals import (
    OpenIncident,
    answer_time,
    answers,
    likely_incident,
    received_at,
    subject_incident,
    suggestion,
)

log = structlog.get_logger()

WAITING = {Nature.REPORT, Nature.REPLY}
BOUNCE_READ = 512 * 1024
OPEN_LIMIT = 200
MOST_IDS = 20


@dataclass(frozen=True)
class Limits:
    """How many attachments of a mail are kept apart, and how large each may be; the original holds them all."""

    attachments: int = 50
    attachment_bytes: int = 25 * MEBIBYTE


def limits_of(incoming: Incoming) -> Limits:
    """The limits of a mailbox."""
    return Limits(incoming.attachments, incoming.attachment_mb * MEBIBYTE)


@dataclass(frozen=True)
class Arrival:
    """A mail as it lay in the mailbox: its bytes, what they are, when the mailbox got it, and where it lies while it is
    to be moved. `remark` says what is wrong with the bytes, if anything is."""

    source: IO[bytes]
    original: blobs.Blob
    at: datetime
    place: str | None = None
    remark: str | None = None


@dataclass
class Receiver:
    """Takes mails into the store within one transaction."""

    connection: Connection
    contacts: Contacts
    limits: Limits
    now: datetime

    def take(self, arrival: Arrival) -> int | None:
        """Store a mail; returns its number, None when it came before, by this or another way."""
        mail = read_mail(arrival.source)
        if known_message(self.connection, mail.identity) is not None:
            return None
        blobs.put(self.connection, arrival.original, arrival.source, self.now)
        attachments, remarks = self._keep(mail.parts)
        given = [arrival.remark] if arrival.remark else []
        message = replace(
            self._read(mail, received_at(mail, arrival.at, self.now)),
            original=arrival.original.sha256,
            size=arrival.original.size,
            attachments=attachments,
            remarks=[*given, *mail.remarks, *remarks],
            place=arrival.place,
        )
        number = keep_message(self.connection, message, self.now)
        _follow(self.connection, number, message, mail, arrival.source, self.now)
        return number

    def take_unread(self, arrival: Arrival) -> int | None:
        """Store a mail that could not be read or stored as it was read: its original, for a person to look at."""
        identity = arrival.original.sha256
        if known_message(self.connection, identity) is not None:
            return None
        arrival.source.seek(0)
        blobs.put(self.connection, arrival.original, arrival.source, self.now)
        message = Message(
            identity=identity,
            message_id=None,
            original=identity,
            size=arrival.original.size,
            received_at=min(arrival.at, self.now),
            written_at=None,
            sender_address="",
            sender_name="",
            party=None,
            party_kind=PartyKind.UNKNOWN.value,
            subject="(correo que no se pudo leer)",
            text="",
            thread=(),
            attachments=(),
            remarks=["no se pudo leer: abrir el original"],
            nature=Nature.REPORT,
            state=MessageState.WAITING,
            incident=None,
            proposal={},
            place=arrival.place,
        )
        return keep_message(self.connection, message, self.now)

    def _keep(self, parts: Sequence[Part]) -> tuple[list[Attached], list[str]]:
        """The attachments, each a blob of its own, and what is to be said of those that are not kept apart."""
        limits, kept, remarks = self.limits, list[Attached](), list[str]()
        if len(parts) > limits.attachments:
            remarks.append(f"{len(parts)} adjuntos: se guardaron {limits.attachments}, los demás están en el original")
        for part in parts[: limits.attachments]:
            try:
                with part.open() as content, blobs.spooled(content, limits.attachment_bytes) as (blob, held):
                    blobs.put(self.connection, blob, held, self.now)
                    kept.append(Attached(part.name, part.media_type, blob.sha256, blob.size))
            except blobs.TooLarge:
                most = limits.attachment_bytes // MEBIBYTE
                remarks.append(f"{part.name}: mayor de {most} MB, solo está en el original")
        return kept, remarks

    def _read(self, mail: Mail, arrived: datetime) -> Message:
        """What the mail is and suggests."""
        kind = nature(mail, self.contacts.ours())
        party = self.contacts.sender_of(mail.sender_address)
        incident = None if kind in {Nature.OWN, Nature.BOUNCE} else self._joined(mail, party)
        waits = kind in WAITING
        if waits:
            kind = Nature.REPORT if incident is None else Nature.REPLY
        return Message(
            identity=mail.identity,
            message_id=mail.message_id,
            original="",
            size=0,
            received_at=arrived,
            written_at=mail.written_at,
            sender_address=mail.sender_address if ADDRESS.fullmatch(mail.sender_address) else "",
            sender_name=mail.sender_name or mail.sender_address,
            party=party.name if party else None,
            party_kind=(party.kind if party else PartyKind.UNKNOWN).value,
            subject=mail.subject,
            text=mail.text,
            thread=mail.thread[-MOST_IDS:],
            attachments=(),
            remarks=(),
            nature=kind,
            state=MessageState.WAITING if waits else MessageState.FILED,
            incident=incident,
            proposal=dict(self._proposal(mail, party, incident, arrived)) if waits else {},
        )

    def _joined(self, mail: Mail, party: Party | None) -> int | None:
        """The incident that the mail answers: it names a mail of its thread, or bears its mark from a known sender."""
        for column, incident in _THREADS if mail.thread else ():
            query = select(incident).where(column.in_(list(mail.thread[-MOST_IDS:])), incident.is_not(None))
            if (found := self.connection.scalars(query.limit(1)).first()) is not None:
                return found
        marked = subject_incident(mail.subject)
        if marked is None or party is None:
            return None
        return self.connection.scalar(select(IncidentRow.id).where(IncidentRow.id == marked))

    def _proposal(
        self, mail: Mail, party: Party | None, joined: int | None, arrived: datetime
    ) -> Iterator[tuple[str, str]]:
        yield from suggestion(mail.subject, mail.text, self.contacts.hints).items()
        likely = joined or subject_incident(mail.subject) or likely_incident(party, list(self._open.values()))
        incident = self._incident(likely)
        if incident is None:
            return
        yield "incident", str(incident.number)
        if answers(party, incident):
            at, why = answer_time(mail, arrived, incident.dispatched_at)
            yield "answered_at", at.isoformat()
            yield "answered_by", why

    def _incident(self, number: int | None) -> OpenIncident | None:
        if number is None or number in self._open:
            return self._open.get(number or 0)
        found = find_incident(self.connection, number)
        return _open(found[0]) if found else None

    @cached_property
    def _open(self) -> Mapping[int, OpenIncident]:
        """The open incidents, read once for all mails of the transaction."""
        records = list_incidents(self.connection, open_only=True, limit=OPEN_LIMIT)
        return {record.number: _open(record) for record in records}


_THREADS = ((NoticeRow.message_id, NoticeRow.incident_id), (MessageRow.message_id, MessageRow.incident_id))
"""Where a Message-ID leads to an incident: what we sent, and what came before."""


def _open(record: IncidentRecord) -> OpenIncident:
    incident = record.incident
    dispatches = [event for event in record.events if event.kind is EventKind.DISPATCHED]
    return OpenIncident(
        number=record.number,
        state=incident.state,
        responsible=incident.responsible.value,
        dispatched_to=dispatches[-1].details.get("to", "") if dispatches else "",
        dispatched_at=dispatches[0].at if dispatches else None,
        answered=EventKind.RESPONSIBLE_ANSWERED in incident.times,
    )


def _follow(
    connection: Connection, number: int, message: Message, mail: Mail, source: IO[bytes], now: datetime
) -> None:
    """What follows at once: a reply is noted in its incident, a bounce in its notice."""
    if message.nature is Nature.BOUNCE:
        source.seek(0)
        token, reasons = bounced(mail, source.read(BOUNCE_READ).decode("latin-1"))
        notice = bounce(connection, token, reasons, now) if token else None
        log.warning("a notice came back", message=number, notice=notice)
    elif message.incident is not None:
        note(connection, message.incident, {"text": remark(message), "message": str(number)}, now)
