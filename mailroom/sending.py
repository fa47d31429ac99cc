"""Delivers approved notices: taken with a lease, handed over, settled one by one.

A notice is delivered at least once. Twice only when the server took it and we could not note that: killed between its
250 and our commit, or cut off before its 250 arrived. Its Message-ID is the same each time.
"""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue

import structlog
from sqlalchemy import Connection, Engine

from groundwork.problems import ConfigurationError, Refused
from incident_store import blobs
from incident_store.advance import StepRefused, take_step
from incident_store.database import reading
from incident_store.domain.incidents import MONITORING
from incident_store.domain.lifecycle import EventKind, Role
from incident_store.domain.maintenance import WindowEventKind, WindowStep
from incident_store.domain.notices import NoticeKind
from incident_store.domain.steps import Actor, Step
from incident_store.mail_ways import Trouble, Way, note_way
from incident_store.maintenance import WindowRefused, step_window
from incident_store.outbox import Notice, Outcome
from incident_store.outbox_work import Result, claim, give_back, settle
from incident_store.remarks import note
from incident_store.transactions import in_transaction
from mailroom.composing import compose_mail
from mailroom.contacts import MEBIBYTE, Contacts
from mailroom.desk import Desk
from mailroom.facts import gather
from mailroom.pace import Pace
from mailroom.smtp import Lost, Outlet
from mailroom.threads import thread_of
from mailroom.tickets import TicketRefused, open_ticket
from mailroom.ways import WayClosed, one_line

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
ROUND_SECONDS = 30.0
"""How long a round sends at most; then the job is seen to be alive, and goes on."""
CLOSED_PAUSE = timedelta(seconds=30)
"""How soon a way out that does not work is tried again."""
LEASE_TIMEOUTS = 8
"""A lease lasts longer than a server can take for one mail (`smtp.PATIENCE`): nobody else takes it meanwhile."""


class Sending:
    """The worker's job of delivery."""

    def __init__(self, engine: Engine, desk: Desk) -> None:
        self._engine = engine
        self._desk = desk
        self._pace = Pace()
        self._noted: dict[Way, tuple[Trouble | None, str]] = {}

    def work(self) -> None:
        """Deliver what is due; returns when nothing is, when the way out is closed, or after `ROUND_SECONDS`."""
        until = time.monotonic() + ROUND_SECONDS
        while time.monotonic() < until:
            contacts = self._desk.contacts
            lease = timedelta(seconds=LEASE_TIMEOUTS * contacts.smtp.timeout)
            token, notices = claim(self._engine, _now(), lease, contacts.smtp.connections * 2)
            if not notices:
                return
            if not self._deliver(notices, token, contacts):
                return

    def _deliver(self, notices: Sequence[Notice], lease: str, contacts: Contacts) -> bool:
        """Deliver what the lease holds over as many connections as allowed; whether the way out is open."""
        waiting: SimpleQueue[Notice] = SimpleQueue()
        for one in notices:
            waiting.put(one)
        threads = min(contacts.smtp.connections, len(notices))
        with ThreadPoolExecutor(threads, thread_name_prefix="smtp") as pool:
            closed = [one for one in pool.map(lambda _: self._empty(waiting, lease, contacts), range(threads)) if one]
        if closed:
            give_back(self._engine, lease, _now() + CLOSED_PAUSE)
        return not closed

    def _empty(self, waiting: "SimpleQueue[Notice]", lease: str, contacts: Contacts) -> WayClosed | None:
        """One connection's share; returns why the way out is closed, None when all of it was delivered."""
        with _outlet(contacts) as outlet:
            while True:
                try:
                    notice = waiting.get_nowait()
                except Empty:
                    return None
                try:
                    self._one(notice, lease, contacts, outlet)
                except WayClosed as closed:
                    self._note(Way.SMTP, closed.trouble, str(closed))
                    return closed

    def _one(self, notice: Notice, lease: str, contacts: Contacts, outlet: Outlet) -> None:
        try:
            result = self._by_ticket(notice, contacts) or self._by_mail(notice, contacts, outlet)
        except (Refused, ConfigurationError, ValueError) as error:
            log.exception("notice cannot be sent", notice=notice.number)
            result = Result({}, problem=one_line(str(error)))
        now = _now()
        if result.problem is None and not result.ticket:
            result = _told(result)
        again = timedelta() if result.by_mail else pause(notice.attempts)
        if (notice.approved_at or now) + timedelta(seconds=contacts.smtp.give_up_after) < now:
            result = _given_up(notice, result)
        in_transaction(self._engine, lambda connection: _settle(connection, notice, lease, result, now, now + again))

    def _by_ticket(self, notice: Notice, contacts: Contacts) -> Result | None:
        """Through the ticket system; None where mail is the way, from the start or as the fallback."""
        tickets = contacts.tickets
        if notice.kind is not NoticeKind.PROVIDER_TICKET or tickets is None or notice.by_mail:
            return None
        try:
            with reading(self._engine).connect() as connection:
                fields = gather(connection, notice, self._desk.policy, self._desk.console_url, _now())
            number = open_ticket(tickets, notice, fields, self._desk.wording)
        except WayClosed as closed:
            self._note(Way.TICKETS, closed.trouble, str(closed))
            return Result({}, problem=str(closed), by_mail=notice.attempts + 1 >= tickets.tries)
        except TicketRefused as refused:
            log.error("ticket refused, it goes by mail", notice=notice.number, reason=str(refused))
            return Result({}, problem=str(refused), by_mail=True)
        self._note(Way.TICKETS, None, "")
        return Result(dict.fromkeys(_pending(notice), (Outcome.SENT, f"ticket {number}")), ticket=number)

    def _by_mail(self, notice: Notice, contacts: Contacts, outlet: Outlet) -> Result:
        with reading(self._engine).connect() as connection:
            thread = thread_of(connection, notice, contacts.sender.domain)
            attachments = {one.sha256: blobs.get(connection, one.sha256) for one in notice.attachments}
        html = self._desk.wording.frame(notice.subject or "", notice.text or "")
        mail = compose_mail(notice, contacts, thread, html, attachments)
        pending = _pending(notice)
        if len(mail) > contacts.smtp.largest_mb * MEBIBYTE:
            what = f"the mail has {len(mail) // MEBIBYTE} MB and at most {contacts.smtp.largest_mb} MB are sent"
            return Result(dict.fromkeys(pending, (Outcome.FAILED, what)), problem=what)
        self._pace.wait(contacts.smtp.per_minute)
        try:
            outcomes = outlet.send(contacts.sender.address, pending, mail)
        except Lost as lost:
            return Result(dict.fromkeys(pending, (Outcome.PENDING, str(lost))), problem=str(lost))
        self._note(Way.SMTP, None, "")
        return Result(outcomes)

    def _note(self, way: Way, trouble: Trouble | None, line: str) -> None:
        if self._noted.get(way) == (trouble, line):
            return
        in_transaction(self._engine, lambda connection: note_way(connection, way, trouble, line, _now()))
        self._noted[way] = trouble, line
        if trouble is not None:
            log.error("the way out is closed", way=way.value, reason=line)


def pause(attempts: int) -> timedelta:
    """How long a notice waits after so many attempts that failed, with chance added so that not all come at once."""
    length: timedelta = min(FIRST_PAUSE * 2 ** min(attempts, 10), LONGEST_PAUSE)
    return length * (1 + 0.2 * random.random())  # noqa: S311 - chance, not secrecy


def _told(result: Result) -> Result:
    """With the one line that says who was not reached, and why."""
    missed = [
        f"{address}: {said}" for address, (outcome, said) in result.outcomes.items() if outcome is not Outcome.SENT
    ]
    return Result(result.outcomes, one_line("; ".join(missed)) or None, result.ticket, result.by_mail)


def _given_up(notice: Notice, result: Result) -> Result:
    """The same attempt as the last one: whoever is still without the notice stays so."""
    attempted = dict.fromkeys(_pending(notice), (Outcome.PENDING, result.problem or ""))
    attempted |= result.outcomes
    missed = {
        address: (Outcome.FAILED, said) for address, (outcome, said) in attempted.items() if outcome is Outcome.PENDING
    }
    return Result({**attempted, **missed}, f"given up: {result.problem}") if missed else result


def _settle(
    connection: Connection, notice: Notice, lease: str, result: Result, now: datetime, again_at: datetime
) -> None:
    settled = settle(connection, notice, lease, result, now, again_at)
    if settled is None:
        return
    if settled and notice.kind is NoticeKind.MAINTENANCE:
        _announce_window(connection, notice, now)
    elif notice.incident is None:
        return
    elif result.ticket:
        details = {"text": f"ticket {result.ticket} del proveedor", "ticket": result.ticket}
        note(connection, notice.incident, {**details, "notice": str(notice.number)}, now)
    elif settled and notice.kind is NoticeKind.RESTORATION:
        _announce(connection, notice, now)


def _announce(connection: Connection, notice: Notice, now: datetime) -> None:
    """Those concerned have been told (activity 9), on the word of the supervisor who approved it."""
    actor = Actor(notice.approved_by or MONITORING, Role.SUPERVISOR)
    step = Step(EventKind.ANNOUNCED, now, {"notice": str(notice.number)})
    try:
        take_step(connection, notice.incident or 0, step, actor, now)
    except StepRefused as refused:
        log.info("announcement not recorded", incident=notice.incident, reason=str(refused))


def _announce_window(connection: Connection, notice: Notice, now: datetime) -> None:
    actor = Actor(notice.approved_by or MONITORING, Role.SUPERVISOR)
    try:
        step_window(connection, int(notice.facts["window"]), WindowStep(WindowEventKind.ANNOUNCED), actor, now)
    except WindowRefused as refused:
        log.info("announcement not recorded", window=notice.facts["window"], reason=str(refused))


def _pending(notice: Notice) -> list[str]:
    return [one.address for one in notice.recipients if one.outcome is Outcome.PENDING]


@contextmanager
def _outlet(contacts: Contacts) -> Iterator[Outlet]:
    outlet = Outlet(contacts.smtp, contacts.sender.domain)
    try:
        yield outlet
    finally:
        outlet.close()


def _now() -> datetime:
    return datetime.now(UTC)
