"""The inbox: mails that came, and what people decide of them (activities 1 and 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from incident_store.advance import Report, open_reported, take_step
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.notices import Reason
from incident_store.domain.steps import REGISTERING, Actor, Step
from incident_store.mail_models import MessageRow
from incident_store.mail_refused import MailRefused
from incident_store.outbox import LARGEST_NUMBER, Attached
from incident_store.transactions import in_transaction


class Nature(StrEnum):
    """What kind of mail it is. Only reports and replies wait for a person."""

    REPORT = "report"
    REPLY = "reply"
    OWN = "own"
    BOUNCE = "bounce"
    AUTO_REPLY = "auto_reply"
    LIST = "list"


class MessageState(StrEnum):
    """Waiting in the Bandeja, filed by rule without anybody, or decided by a person."""

    WAITING = "waiting"
    FILED = "filed"
    DECIDED = "decided"


class Verdict(StrEnum):
    """What a person decides of a message."""

    INCIDENT = "incidencia"
    QUESTION = "consulta"
    PART = "parte"
    ANSWERED = "respuesta"
    NOTHING = "nada"


@dataclass(frozen=True)
class Message:
    """A mail that came. `proposal` holds what reading suggests: kind, component, service, severity, incident, and for a
    responsible's answer `answered_at` (ISO 8601, UTC) with `answered_by`, the reason for that time."""

    identity: str
    message_id: str | None
    original: str
    size: int
    received_at: datetime
    written_at: datetime | None
    sender_address: str
    sender_name: str
    party: str | None
    party_kind: str
    subject: str
    text: str
    thread: Sequence[str]
    attachments: Sequence[Attached]
    remarks: Sequence[str]
    nature: Nature
    state: MessageState
    incident: int | None
    proposal: Mapping[str, str]
    place: str | None = None
    number: int = 0
    stored_at: datetime | None = None
    verdict: Verdict | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


def known_message(connection: Connection, identity: str) -> int | None:
    """The number of the message that is this one, come before; None when it is new."""
    return connection.scalar(select(MessageRow.id).where(MessageRow.identity == identity))


def keep_message(connection: Connection, message: Message, now: datetime) -> int:
    """Store a message that is new; returns its number."""
    columns = Message.__dataclass_fields__.keys() - {"number", "incident"}
    values = {name: getattr(message, name) for name in columns}
    values |= {"incident_id": message.incident, "thread": list(message.thread), "remarks": list(message.remarks)}
    values |= {"proposal": dict(message.proposal), "attachments": [asdict(one) for one in message.attachments]}
    values["stored_at"] = now
    number: int = connection.execute(_INSERT, values).scalar_one()
    return number


_INSERT = insert(MessageRow.__table__).returning(MessageRow.id)  # type: ignore[arg-type] # a table


def list_messages(
    connection: Connection, *, waiting_only: bool = True, incident: int | None = None, limit: int = 200
) -> list[Message]:
    """Messages: those that wait the oldest first, or all of them (or of an incident) the newest first."""
    query = select(*MessageRow.__table__.c).limit(limit)
    if incident is not None:
        query = query.where(MessageRow.incident_id == incident)
    if waiting_only:
        query = query.where(MessageRow.state == MessageState.WAITING.value).order_by(MessageRow.id)
    return [
        _message(row) for row in connection.execute(query if waiting_only else query.order_by(MessageRow.id.desc()))
    ]


def count_waiting(connection: Connection) -> tuple[int, datetime | None]:
    """How many messages wait for a person, and since when the oldest does (when it was received)."""
    waiting = select(func.count(), func.min(MessageRow.received_at)).where(
        MessageRow.state == MessageState.WAITING.value
    )
    row = connection.execute(waiting).one()
    return row[0], row[1]


def find_message(connection: Connection, number: int) -> Message:
    """One message; raises MailRefused when there is none with this number."""
    query = select(*MessageRow.__table__.c).where(MessageRow.id == number)
    row = connection.execute(query).first() if abs(number) <= LARGEST_NUMBER else None
    if row is None:
        line = f"there is no message {number}; `renteseg mail inbox` shows those there are"
        raise MailRefused(Reason.NOT_FOUND, line)
    return _message(row)


@dataclass(frozen=True)
class Decision:
    """What somebody decides of a message: `report` for a new incident or consulta, `incident` for a known one, `at` for
    the time of a responsible's answer."""

    verdict: Verdict
    report: Report | None = None
    incident: int | None = None
    at: datetime | None = None


def decide_message(engine: Engine, number: int, decision: Decision, actor: Actor, now: datetime) -> int | None:
    """Record what a person decided of a message; returns the number of the incident it now belongs to.

    In one transaction with what follows from it: a registration, a note, or the answer of the responsible. Raises
    MailRefused for a message that was decided already, and whatever the steps themselves refuse.
    """
    return in_transaction(engine, lambda connection: decide(connection, number, decision, actor, now))


def decide(connection: Connection, number: int, decision: Decision, actor: Actor, now: datetime) -> int | None:
    """The same within a transaction."""
    message = find_message(connection, number)
    _may_decide(message, actor)
    incident = _carry_out(connection, message, decision, actor, now)
    values = {
        "state": MessageState.DECIDED.value,
        "verdict": decision.verdict.value,
        "decided_by": actor.name,
        "decided_at": now,
        "incident_id": incident,
    }
    undecided = (MessageRow.id == number) & (MessageRow.state == message.state.value)
    if connection.execute(update(MessageRow).where(undecided).values(values)).rowcount != 1:
        raise MailRefused(Reason.OVERTAKEN, f"message {number} was decided meanwhile; look at it again")
    return incident


def _may_decide(message: Message, actor: Actor) -> None:
    if actor.role not in REGISTERING:
        raise MailRefused(
            Reason.WRONG_ROLE, f"an analyst or a supervisor decides, and {actor.name} is {actor.role.value}"
        )
    if message.state is MessageState.DECIDED and message.verdict is not None:
        said = f"{message.decided_by} decided message {message.number} already: {message.verdict.value}"
        raise MailRefused(Reason.OVERTAKEN, said)


def _carry_out(connection: Connection, message: Message, decision: Decision, actor: Actor, now: datetime) -> int | None:
    if decision.verdict is Verdict.NOTHING:
        return message.incident
    if decision.verdict in {Verdict.INCIDENT, Verdict.QUESTION}:
        if decision.report is None:
            raise MailRefused(Reason.INVALID, "say what is reported: component, title, severity")
        return open_reported(connection, replace(decision.report, message=message.number), actor, now)
    incident = decision.incident or message.incident
    if incident is None:
        raise MailRefused(Reason.INVALID, f"say to which incident message {message.number} belongs")
    if decision.verdict is Verdict.ANSWERED:
        step = Step(EventKind.RESPONSIBLE_ANSWERED, decision.at or _answered_at(message), _source(message))
        take_step(connection, incident, step, actor, now)
    elif incident != message.incident:
        take_step(
            connection, incident, Step(EventKind.NOTED, now, {"text": remark(message), **_source(message)}), actor, now
        )
    return incident


def remark(message: Message) -> str:
    """The note of a message in an incident's history: who wrote, and under which subject."""
    who = message.party or "un remitente desconocido"
    return f"correo de {who}: {message.subject or 'sin asunto'}"


def _source(message: Message) -> dict[str, str]:
    return {"message": str(message.number)}


def _answered_at(message: Message) -> datetime:
    proposed = message.proposal.get("answered_at")
    return datetime.fromisoformat(proposed) if proposed else message.received_at


def _message(row: Row[Any]) -> Message:
    same = {name: getattr(row, name) for name in Message.__dataclass_fields__ if hasattr(row, name)}
    return Message(
        **{
            **same,
            "number": row.id,
            "incident": row.incident_id,
            "attachments": tuple(Attached(**one) for one in row.attachments),
            "nature": Nature(row.nature),
            "state": MessageState(row.state),
            "verdict": Verdict(row.verdict) if row.verdict else None,
        }
    )
