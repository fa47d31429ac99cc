"""The outbox: notices that a transition wrote, and what people do with them before they leave.

A notice is written in the transaction of what caused it, without a text. The mailroom writes the text; people read,
edit and approve it; then it is final and the mailroom delivers it.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, or_, select, update

from incident_store.domain.incidents import Event, Kind
from incident_store.domain.notices import ACTORS, ACTS, Act, NoticeKind, NoticeState, Reason, notices_due
from incident_store.domain.personal import masked
from incident_store.domain.steps import Actor
from incident_store.mail_models import NoticeRow, RecipientRow
from incident_store.mail_refused import MailRefused
from incident_store.transactions import in_transaction

ENDS = [NoticeState.SENT.value, NoticeState.DISMISSED.value]
"""States in which nothing more is expected of anybody."""
LONGEST_SUBJECT, LONGEST_TEXT = 250, 100_000
LARGEST_NUMBER = 2**63 - 1


class Outcome(StrEnum):
    """What became of one recipient."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"


@dataclass(frozen=True)
class Recipient:
    """One recipient, and what became of the notice there: `said` are the server's words."""

    address: str
    name: str
    party: str
    outcome: Outcome = Outcome.PENDING
    said: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Attached:
    """A blob that goes with a notice."""

    name: str
    media_type: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Notice:
    """A notice as it stands; the columns of `NoticeRow`."""

    number: int
    kind: NoticeKind
    incident: int | None
    sequence: int | None
    facts: Mapping[str, Any]
    state: NoticeState
    version: int
    created_at: datetime
    author: str
    token: str
    message_id: str | None
    subject: str | None
    text: str | None
    recipients: tuple[Recipient, ...]
    attachments: tuple[Attached, ...]
    approved_at: datetime | None
    approved_by: str | None
    due_at: datetime
    attempts: int
    problem: str | None
    sent_at: datetime | None
    by_mail: bool
    ticket: str | None


def write_due(
    connection: Connection, number: int, before: Sequence[Event], event: Event, kind: Kind, now: datetime
) -> None:
    """Write the notices that an event of an incident calls for; `before` is what happened before it."""
    for notice in notices_due(before, event, kind):
        post(connection, notice, event.author, now, incident=number, sequence=len(before) + 1)


def post(
    connection: Connection,
    kind: NoticeKind,
    author: str,
    now: datetime,
    *,
    incident: int | None = None,
    sequence: int | None = None,
    facts: Mapping[str, Any] | None = None,
    attachments: Sequence[Attached] = (),
    key: str | None = None,
) -> int:
    """Put a notice into the outbox; returns its number, that of the first when `key` has been posted before.

    Without a key, the cause is the incident's event; a notice without either needs one.
    """
    about = key or f"{incident}:{sequence}:{kind.value}"
    known = connection.scalar(select(NoticeRow.id).where(NoticeRow.key == about))
    if known is not None:
        return known
    values = {
        "key": about,
        "token": secrets.token_hex(8),
        "kind": kind.value,
        "incident_id": incident,
        "sequence": sequence,
        "facts": dict(facts or {}),
        "state": NoticeState.DUE.value,
        "version": 1,
        "created_at": now,
        "author": author,
        "attachments": [asdict(one) for one in attachments],
        "due_at": now,
        "attempts": 0,
        "by_mail": False,
    }
    number: int = connection.execute(insert(NoticeRow).values(values).returning(NoticeRow.id)).scalar_one()
    return number


def withdraw(connection: Connection, key: str, why: str) -> bool:
    """Dismiss a notice whose cause is gone, if there is one; whether nobody has received it, or still may."""
    held = [state.value for state in NoticeState if Act.DISMISS in ACTS[state]]
    connection.execute(
        update(NoticeRow)
        .where(NoticeRow.key == key, NoticeRow.state.in_(held))
        .values(state=NoticeState.DISMISSED.value, version=NoticeRow.version + 1, problem=why)
    )
    left = NoticeRow.state != NoticeState.DISMISSED.value
    reached = NoticeRow.id.in_(select(RecipientRow.notice_id).where(RecipientRow.outcome == Outcome.SENT.value))
    found = select(NoticeRow.id).where(NoticeRow.key == key, or_(left, reached))
    return connection.execute(found).first() is None


def list_notices(connection: Connection, *, open_only: bool = True, limit: int = 200) -> list[Notice]:
    """Notices, newest first; `open_only` leaves out those that were sent or dismissed."""
    query = select(*NoticeRow.__table__.c).order_by(NoticeRow.id.desc()).limit(limit)
    return read_notices(connection, query.where(NoticeRow.state.not_in(ENDS)) if open_only else query)


@dataclass(frozen=True)
class NoticeCount:
    """How many notices wait for a server or a text, for a supervisor, and how many did not arrive; and since when."""

    pending: int
    oldest: datetime | None
    drafts: int
    oldest_draft: datetime | None
    failed: int


def count_notices(connection: Connection) -> NoticeCount:
    """The notices that have not ended. One waits since it was approved, or else written down."""
    since = func.min(func.coalesce(NoticeRow.approved_at, NoticeRow.created_at))
    query = select(NoticeRow.state, func.count(), since).where(NoticeRow.state.not_in(ENDS)).group_by(NoticeRow.state)
    found = {NoticeState(state): (count, oldest) for state, count, oldest in connection.execute(query)}
    working = [found[state] for state in (NoticeState.DUE, NoticeState.APPROVED, NoticeState.SENDING) if state in found]
    drafts, oldest_draft = found.get(NoticeState.DRAFT, (0, None))
    return NoticeCount(
        pending=sum(count for count, _ in working),
        oldest=min((oldest for _, oldest in working), default=None),
        drafts=drafts,
        oldest_draft=oldest_draft,
        failed=found.get(NoticeState.FAILED, (0, None))[0],
    )


def notices_of_incident(connection: Connection, incident: int) -> list[Notice]:
    """Every notice of an incident, the oldest first."""
    query = select(*NoticeRow.__table__.c).where(NoticeRow.incident_id == incident).order_by(NoticeRow.id)
    return read_notices(connection, query)


def find_notice(connection: Connection, number: int) -> Notice:
    """One notice; raises MailRefused when there is none with this number."""
    query = select(*NoticeRow.__table__.c).where(NoticeRow.id == number)
    found = read_notices(connection, query) if abs(number) <= LARGEST_NUMBER else []
    if not found:
        line = f"there is no notice {number}; `renteseg mail outbox` shows those there are"
        raise MailRefused(Reason.NOT_FOUND, line)
    return found[0]


def read_notices(connection: Connection, query: Any) -> list[Notice]:
    """The notices that a query over the table's columns finds, with their recipients."""
    rows = connection.execute(query).all()
    numbers = [row.id for row in rows]
    recipients: dict[int, list[Recipient]] = {number: [] for number in numbers}
    found = select(*RecipientRow.__table__.c).where(RecipientRow.notice_id.in_(numbers)).order_by(RecipientRow.id)
    for row in connection.execute(found) if numbers else ():
        recipients[row.notice_id].append(
            Recipient(row.address, row.name, row.party, Outcome(row.outcome), row.said, row.at)
        )
    return [_notice(row, recipients[row.id]) for row in rows]


def _notice(row: Row[Any], recipients: Sequence[Recipient]) -> Notice:
    same = {name: getattr(row, name) for name in Notice.__dataclass_fields__ if hasattr(row, name)}
    return Notice(
        **{
            **same,
            "number": row.id,
            "kind": NoticeKind(row.kind),
            "incident": row.incident_id,
            "state": NoticeState(row.state),
            "recipients": tuple(recipients),
            "attachments": tuple(Attached(**one) for one in row.attachments),
        }
    )


def edit(
    engine: Engine,
    number: int,
    actor: Actor,
    *,
    subject: str | None = None,
    text: str | None = None,
    recipients: Sequence[Recipient] | None = None,
    seen: int | None = None,
) -> Notice:
    """Change a draft; personal data in it is hidden. `seen` is the version that the person read.

    Raises MailRefused when it is not a draft any more, or was changed since.
    """

    def work(connection: Connection) -> Notice:
        notice = edit_draft(connection, number, actor, subject, text, seen)
        if recipients is not None:
            write_recipients(connection, number, recipients)
        return replace(notice, recipients=tuple(recipients)) if recipients is not None else notice

    return in_transaction(engine, work)


def edit_draft(
    connection: Connection, number: int, actor: Actor, subject: str | None, text: str | None, seen: int | None
) -> Notice:
    """The same of subject and text, within a transaction."""
    if subject is not None and (not subject.strip() or len(subject) > LONGEST_SUBJECT or not subject.isprintable()):
        raise MailRefused(Reason.INVALID, f"a subject is one line of 1 to {LONGEST_SUBJECT} characters")
    if text is not None and (not text.strip() or len(text) > LONGEST_TEXT or "\0" in text):
        raise MailRefused(Reason.INVALID, f"a text has 1 to {LONGEST_TEXT:,} characters and no NUL")
    values = {name: masked(value) for name, value in {"subject": subject, "text": text}.items() if value is not None}
    return _do(connection, number, Act.EDIT, actor, values, seen)


def approve(engine: Engine, number: int, actor: Actor, now: datetime, seen: int | None = None) -> Notice:
    """Let a draft go as it stands; raises MailRefused for anybody but a supervisor, and without a recipient."""
    return in_transaction(engine, lambda connection: act_on(connection, number, Act.APPROVE, actor, now, seen=seen))


def dismiss(engine: Engine, number: int, actor: Actor, reason: str, seen: int | None = None) -> Notice:
    """Decide that a notice is not sent, and why."""
    return in_transaction(
        engine, lambda connection: act_on(connection, number, Act.DISMISS, actor, None, reason=reason, seen=seen)
    )


def redraft(engine: Engine, number: int, actor: Actor, now: datetime) -> Notice:
    """Have the text of a draft written again from the facts as they are now; what was edited is lost."""
    return in_transaction(engine, lambda connection: act_on(connection, number, Act.REDRAFT, actor, now))


def retry(engine: Engine, number: int, actor: Actor, now: datetime) -> Notice:
    """Try at once to reach those whom a notice has not reached; those who have it are left alone."""
    return in_transaction(engine, lambda connection: act_on(connection, number, Act.RETRY, actor, now))


def act_on(
    connection: Connection,
    number: int,
    act: Act,
    actor: Actor,
    now: datetime | None,
    *,
    reason: str = "",
    seen: int | None = None,
) -> Notice:
    """Approve, dismiss, redraft or retry within a transaction; raises MailRefused saying why not."""
    if act is Act.DISMISS and not reason.strip():
        raise MailRefused(Reason.NO_REASON, "say why it is not sent: --reason")
    if act is Act.APPROVE and not find_notice(connection, number).recipients:
        raise MailRefused(Reason.NO_RECIPIENT, f"notice {number} has no recipient")
    changes: Mapping[Act, Mapping[str, Any]] = {
        Act.APPROVE: {"approved_at": now, "approved_by": actor.name, "due_at": now, "problem": None},
        Act.DISMISS: {"problem": f"{actor.name}: {reason}"},
        Act.REDRAFT: {"due_at": now, "subject": None, "text": None},
        Act.RETRY: {"due_at": now, "attempts": 0, "problem": None},
    }
    notice = _do(connection, number, act, actor, changes[act], seen)
    if act is Act.RETRY:
        unreached = RecipientRow.outcome.in_([Outcome.FAILED.value, Outcome.BOUNCED.value])
        again = update(RecipientRow).where(RecipientRow.notice_id == number, unreached)
        connection.execute(again.values(outcome=Outcome.PENDING.value))
    return notice


def write_recipients(connection: Connection, number: int, recipients: Sequence[Recipient]) -> None:
    """Make these the recipients of a notice."""
    connection.execute(delete(RecipientRow).where(RecipientRow.notice_id == number))
    if rows := list(_recipient_rows(number, recipients)):
        connection.execute(insert(RecipientRow), rows)


def _recipient_rows(number: int, recipients: Sequence[Recipient]) -> Iterator[dict[str, Any]]:
    for address, one in {recipient.address.lower(): recipient for recipient in recipients}.items():
        words = {"name": one.name, "party": one.party, "outcome": one.outcome.value, "said": one.said, "at": one.at}
        yield {"notice_id": number, "address": address, **words}


def _do(
    connection: Connection, number: int, act: Act, actor: Actor, values: Mapping[str, Any], seen: int | None
) -> Notice:
    notice = find_notice(connection, number)
    if actor.role not in ACTORS[act]:
        who = " or ".join(sorted(ACTORS[act]))
        raise MailRefused(
            Reason.WRONG_ROLE, f"to {act.value} a notice is for {who}, and {actor.name} is {actor.role.value}"
        )
    if act not in ACTS[notice.state]:
        possible = ", ".join(ACTS[notice.state]) or "nothing more"
        said = f"notice {number} is {notice.state.value}: {possible} can be done with it, not {act.value}"
        raise MailRefused(Reason.OUT_OF_ORDER, said)
    if seen is not None and seen != notice.version:
        raise MailRefused(Reason.OVERTAKEN, f"notice {number} was changed meanwhile; look at it again")
    state = ACTS[notice.state][act]
    written = connection.execute(
        update(NoticeRow)
        .where(NoticeRow.id == number, NoticeRow.version == notice.version)
        .values(state=state.value, version=notice.version + 1, **values)
    )
    if written.rowcount != 1:
        raise MailRefused(Reason.OVERTAKEN, f"notice {number} was changed meanwhile; look at it again")
    return find_notice(connection, number)
