"""Maintenance windows in the store: each is a chain of events, and two writers at once collide on its next place."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from groundwork.problems import Refused
from incident_store.announcements import Announcement, cancellation_announcement, maintenance_announcement
from incident_store.domain.intervals import Interval
from incident_store.domain.maintenance import Plan, Window, WindowEvent, WindowEventKind, WindowStep, fold_window, seal
from incident_store.domain.maintenance_steps import Reason, Refusal, decide_window, plan_window
from incident_store.domain.notices import NoticeKind
from incident_store.domain.steps import Actor
from incident_store.models import MaintenanceEventRow, MaintenanceWindowRow
from incident_store.outbox import post, withdraw


class NoSuchWindow(Refused):
    """There is no maintenance window with this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no maintenance window {number}")


class WindowRefused(Refused):
    """The rules do not allow it; `reason` names why and the text says what would be accepted."""

    def __init__(self, refusal: Refusal) -> None:
        self.reason: Reason = refusal.reason
        super().__init__(refusal.text)


def add_window(connection: Connection, plan: Plan, actor: Actor, now: datetime) -> Window:
    """Record a planned window; raises WindowRefused. The same plan of the same moment is recorded once."""
    event = plan_window(plan, actor, now)
    if isinstance(event, Refusal):
        raise WindowRefused(event)
    if (known := _planned_already(connection, event)) is not None:
        return fold_window(known, [event])
    number: int = connection.execute(
        insert(MaintenanceWindowRow)
        .values(starts_at=plan.span.start, ends_at=plan.span.end)
        .returning(MaintenanceWindowRow.id)
    ).scalar_one()
    _append(connection, number, 1, "", event)
    return fold_window(number, [event])


def step_window(connection: Connection, number: int, step: WindowStep, actor: Actor, now: datetime) -> Window:
    """Record a step of a window; raises NoSuchWindow, WindowRefused.

    Run it `in_transaction`: whoever was overtaken then looks again at what the window has become.
    """
    rows = _event_rows(connection, [number])
    if not rows:
        raise NoSuchWindow(number)
    events = [window_event_of(row) for row in rows]
    decision = decide_window(fold_window(number, events), step, actor, now)
    if isinstance(decision, Refusal):
        raise WindowRefused(decision)
    _append(connection, number, rows[-1].sequence + 1, rows[-1].hash, decision)
    window = fold_window(number, [*events, decision])
    if decision.kind is WindowEventKind.APPROVED:
        _post(connection, maintenance_announcement(window), window, f"window:{number}", actor, now)
    elif decision.kind is WindowEventKind.CANCELLED:
        _take_back(connection, window, step.reason, actor, now)
    connection.execute(
        update(MaintenanceWindowRow).where(MaintenanceWindowRow.id == number).values(ends_at=window.span.end)
    )
    return window


def _take_back(connection: Connection, window: Window, reason: str, actor: Actor, now: datetime) -> None:
    """The announcement does not leave any more; those who have it, or are getting it, are told of the cancellation."""
    key = f"window:{window.number}"
    held_back = withdraw(connection, key, f"{actor.name}: mantenimiento cancelado, {reason}")
    if window.announced_at is not None or not held_back:
        _post(connection, cancellation_announcement(window), window, f"{key}:cancelled", actor, now)


def _post(connection: Connection, text: Announcement, window: Window, key: str, actor: Actor, now: datetime) -> None:
    facts = {**asdict(text), "window": window.number}
    post(connection, NoticeKind.MAINTENANCE, actor.name, now, facts=facts, key=key)


def _planned_already(connection: Connection, event: WindowEvent) -> int | None:
    """The window of this very plan, when it was committed without an answer and comes again."""
    row = MaintenanceEventRow
    same = select(row.window_id, row.details).where(
        row.kind == event.kind.value, row.recorded_at == event.recorded_at, row.author == event.author
    )
    found = connection.execute(same.order_by(row.window_id)).all()
    return next((one.window_id for one in found if one.details == event.details), None)


def _append(connection: Connection, number: int, sequence: int, previous: str, event: WindowEvent) -> None:
    connection.execute(
        insert(MaintenanceEventRow).values(
            window_id=number,
            sequence=sequence,
            kind=event.kind.value,
            recorded_at=event.recorded_at,
            author=event.author,
            details=dict(event.details),
            previous_hash=previous,
            hash=seal(previous, number, sequence, event),
        )
    )


def read_windows(connection: Connection, interval: Interval | None = None) -> list[Window]:
    """The windows that share time with the interval, whatever became of them, or all; oldest start first.

    What of them counts for a component: `domain.maintenance.counted_windows`.
    """
    query = select(MaintenanceWindowRow.id).order_by(MaintenanceWindowRow.starts_at, MaintenanceWindowRow.id)
    if interval is not None:
        query = query.where(
            MaintenanceWindowRow.starts_at < interval.end, MaintenanceWindowRow.ends_at > interval.start
        )
    numbers = list(connection.scalars(query))
    events: dict[int, list[WindowEvent]] = defaultdict(list)
    for row in _event_rows(connection, numbers):
        events[row.window_id].append(window_event_of(row))
    return [fold_window(number, events[number]) for number in numbers if events[number]]


def find_window(connection: Connection, number: int) -> tuple[Window, list[WindowEvent]] | None:
    """One window and its events; None when there is none with this number."""
    events = [window_event_of(row) for row in _event_rows(connection, [number])]
    return (fold_window(number, events), events) if events else None


def _event_rows(connection: Connection, numbers: Iterable[int]) -> list[Row[Any]]:
    query = select(*MaintenanceEventRow.__table__.c).where(MaintenanceEventRow.window_id.in_(list(numbers)))
    return list(connection.execute(query.order_by(MaintenanceEventRow.window_id, MaintenanceEventRow.sequence)))


class UnreadableWindowEvent(Refused, ValueError):
    """A row of `maintenance_events` holds what no event can say: somebody changed it in the database."""

    def __init__(self, window: int, event: int) -> None:
        super().__init__(
            f"maintenance window {window}, event {event} cannot be read: it was changed in the database; "
            "`renteseg audit verify` says what else was"
        )


def window_event_of(row: Row[Any]) -> WindowEvent:
    """A row of `maintenance_events` as a value; raises UnreadableWindowEvent."""
    readable = isinstance(row.recorded_at, datetime) and isinstance(row.details, dict) and row.kind in _KINDS
    if not readable:
        raise UnreadableWindowEvent(row.window_id, row.sequence)
    return WindowEvent(WindowEventKind(row.kind), row.recorded_at, row.author, row.details)


_KINDS = frozenset(WindowEventKind)
