"""What the mailroom's worker does with the outbox: write texts, take notices to deliver, note what became of them.

A notice is taken with a lease. Who is killed while holding it loses it when the lease ends, and the notice is taken
again: each is delivered at least once.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select, update

from incident_store.domain.incidents import MONITORING
from incident_store.domain.notices import NoticeState
from incident_store.mail_models import NoticeRow, RecipientRow
from incident_store.outbox import Notice, Outcome, Recipient, read_notices, write_recipients
from incident_store.transactions import in_transaction

DUE, APPROVED, SENDING = NoticeState.DUE.value, NoticeState.APPROVED.value, NoticeState.SENDING.value


@dataclass(frozen=True)
class Draft:
    """What the mailroom wrote: the text, and to whom it goes."""

    subject: str
    text: str
    recipients: Sequence[Recipient]


@dataclass(frozen=True)
class Result:
    """What became of one attempt, by recipient: what the server said of those it concerns."""

    outcomes: Mapping[str, tuple[Outcome, str]]
    problem: str | None = None
    ticket: str | None = None
    by_mail: bool = False


def notices_to_write(connection: Connection, now: datetime, limit: int = 100) -> list[Notice]:
    """Notices that have no text yet, or could not get one and are to be tried again."""
    due = select(*NoticeRow.__table__.c).where(NoticeRow.state == DUE, NoticeRow.due_at <= now)
    return read_notices(connection, due.order_by(NoticeRow.due_at, NoticeRow.id).limit(limit))


def keep_draft(
    connection: Connection, notice: Notice, draft: Draft, message_id: str, now: datetime, *, approved: bool
) -> bool:
    """Keep the text of a notice; `approved` lets it go by itself. False when somebody changed it meanwhile."""
    values = {"subject": draft.subject, "text": draft.text, "message_id": message_id, "problem": None, "due_at": now}
    if approved:
        values |= {"approved_at": now, "approved_by": MONITORING}
    state = NoticeState.APPROVED if approved else NoticeState.DRAFT
    if not _change(connection, notice, state=state.value, **values):
        return False
    write_recipients(connection, notice.number, draft.recipients)
    return True


def keep_waiting(connection: Connection, notice: Notice, problem: str, until: datetime) -> bool:
    """Note why a notice could not be written; it is tried again then."""
    return _change(connection, notice, problem=problem, due_at=until)


def claim(engine: Engine, now: datetime, lease: timedelta, limit: int) -> tuple[str, list[Notice]]:
    """Take notices that are to be delivered, those due longest first; returns the lease and the notices it holds."""
    token = secrets.token_hex(8)
    ready = (NoticeRow.state.in_([APPROVED, SENDING])) & (NoticeRow.due_at <= now)

    def work(connection: Connection) -> list[Notice]:
        due = select(NoticeRow.id).where(ready).order_by(NoticeRow.due_at, NoticeRow.id).limit(limit)
        numbers = list(connection.scalars(due.with_for_update(skip_locked=True)))
        if not numbers:
            return []
        connection.execute(
            update(NoticeRow)
            .where(NoticeRow.id.in_(numbers), ready)
            .values(state=SENDING, lease=token, due_at=now + lease, version=NoticeRow.version + 1)
        )
        return read_notices(connection, select(*NoticeRow.__table__.c).where(NoticeRow.id.in_(numbers)))

    return token, in_transaction(engine, work)


def give_back(engine: Engine, lease: str, until: datetime) -> None:
    """Put what a lease still holds back: the way out does not work, and no notice is to blame."""

    def work(connection: Connection) -> None:
        held = (NoticeRow.lease == lease) & (NoticeRow.state == SENDING)
        again = {"state": APPROVED, "lease": None, "due_at": until, "version": NoticeRow.version + 1}
        connection.execute(update(NoticeRow).where(held).values(again))

    in_transaction(engine, work)


def settle(
    connection: Connection, notice: Notice, lease: str, result: Result, now: datetime, again_at: datetime
) -> bool | None:
    """Note what became of an attempt; whether all of the notice is sent now. Someone who is pending is tried again.

    None when the lease was lost: another sender has the notice, and notes its own attempt.
    """
    recipients = [_after(one, result, now) for one in notice.recipients]
    state = _state(recipients, result)
    kept = connection.execute(
        update(NoticeRow)
        .where(NoticeRow.id == notice.number, NoticeRow.lease == lease, NoticeRow.state == SENDING)
        .values(
            state=state.value,
            lease=None,
            version=NoticeRow.version + 1,
            attempts=notice.attempts + 1,
            problem=result.problem,
            due_at=again_at,
            sent_at=now if state is NoticeState.SENT else None,
            ticket=result.ticket or notice.ticket,
            by_mail=notice.by_mail or result.by_mail,
        )
    )
    if kept.rowcount != 1:
        return None
    for one in recipients:
        if one.address in result.outcomes:
            values = {"outcome": one.outcome.value, "said": one.said, "at": one.at}
            whose = (RecipientRow.notice_id == notice.number) & (RecipientRow.address == one.address)
            connection.execute(update(RecipientRow).where(whose).values(values))
    return state is NoticeState.SENT


def bounce(connection: Connection, token: str, addresses: Mapping[str, str], now: datetime) -> int | None:
    """Note that a notice came back; `addresses` holds the reason of each. Returns its number, None for none of ours."""
    found = select(NoticeRow.id, NoticeRow.subject).where(NoticeRow.token == token)
    row = connection.execute(found).first()
    if row is None:
        return None
    unreached = []
    for address, said in addresses.items():
        whose = RecipientRow.notice_id == row.id
        if address:
            whose &= RecipientRow.address == address.lower()
        values = {"outcome": Outcome.BOUNCED.value, "said": said, "at": now}
        if connection.execute(update(RecipientRow).where(whose).values(values)).rowcount:
            unreached.append(f"{address or 'un destinatario'}: {said}")
    if unreached:
        problem = f"came back from {'; '.join(unreached)}"
        sent = (NoticeRow.id == row.id) & (NoticeRow.state == NoticeState.SENT.value)
        failed = {"state": NoticeState.FAILED.value, "problem": problem, "version": NoticeRow.version + 1}
        connection.execute(update(NoticeRow).where(sent).values(failed))
    return int(row.id)


def _after(recipient: Recipient, result: Result, now: datetime) -> Recipient:
    outcome, said = result.outcomes.get(recipient.address, (recipient.outcome, recipient.said))
    at = now if recipient.address in result.outcomes else recipient.at
    return Recipient(recipient.address, recipient.name, recipient.party, outcome, said, at)


def _state(recipients: Sequence[Recipient], result: Result) -> NoticeState:
    outcomes = {one.outcome for one in recipients}
    if result.ticket:
        return NoticeState.SENT
    if Outcome.PENDING in outcomes:
        return NoticeState.APPROVED
    return NoticeState.FAILED if outcomes - {Outcome.SENT} else NoticeState.SENT


def _change(connection: Connection, notice: Notice, **values: object) -> bool:
    written = connection.execute(
        update(NoticeRow)
        .where(NoticeRow.id == notice.number, NoticeRow.version == notice.version)
        .values(version=notice.version + 1, **values)
    )
    return written.rowcount == 1
