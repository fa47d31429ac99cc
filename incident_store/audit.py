"""Reads every chain of events and finds the first link that does not fit (semantics 12)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, select

from incident_store.domain import maintenance
from incident_store.domain.incidents import seal
from incident_store.incident_rows import event_of
from incident_store.maintenance import window_event_of
from incident_store.models import EventRow, IncidentRow, MaintenanceEventRow, MaintenanceWindowRow


@dataclass(frozen=True)
class Broken:
    """A link that does not fit: where, and why. `of` is what the number is of."""

    incident: int
    sequence: int
    why: str
    of: str = "incident"

    def __str__(self) -> str:
        return f"{self.of} {self.incident}, event {self.sequence}: {self.why}"


@dataclass(frozen=True)
class Audit:
    """What was read, and the first broken link of each incident that has one."""

    incidents: int
    events: int
    broken: tuple[Broken, ...]


def verify(connection: Connection) -> Audit:
    """Follow the chain of every incident from its first event to its last."""
    numbers = list(connection.scalars(select(IncidentRow.id).order_by(IncidentRow.id)))
    events, broken = 0, []
    for number in numbers:
        count, first = _follow(connection, number)
        events += count
        broken += [] if first is None else [first]
    return Audit(len(numbers), events, (*broken, *_broken_windows(connection)))


def _broken_windows(connection: Connection) -> Iterator[Broken]:
    """The first broken link of each maintenance window that has one."""
    for number in connection.scalars(select(MaintenanceWindowRow.id).order_by(MaintenanceWindowRow.id)).all():
        query = select(*MaintenanceEventRow.__table__.c).where(MaintenanceEventRow.window_id == number)
        rows = connection.execute(query.order_by(MaintenanceEventRow.sequence)).all()
        broken = next(_breaks(number, rows, seal_of_window), None) if rows else Broken(number, 1, "is missing")
        if broken is not None:
            yield replace(broken, of="maintenance window")


def _follow(connection: Connection, number: int) -> tuple[int, Broken | None]:
    query = select(*EventRow.__table__.c).where(EventRow.incident_id == number).order_by(EventRow.sequence)
    rows = connection.execute(query).all()
    if not rows:
        return 0, Broken(number, 1, "the incident has no events")
    return len(rows), next(_breaks(number, rows, seal_of_row), None)


def seal_of_row(previous: str, number: int, row: Row[Any]) -> str:
    """The hash that this row of an incident should bear."""
    return seal(previous, number, row.sequence, event_of(row))


def seal_of_window(previous: str, number: int, row: Row[Any]) -> str:
    """The hash that this row of a maintenance window should bear."""
    return maintenance.seal(previous, number, row.sequence, window_event_of(row))


def _breaks(number: int, rows: Sequence[Row[Any]], sealed: Callable[[str, int, Row[Any]], str]) -> Iterator[Broken]:
    previous = ""
    for expected, row in enumerate(rows, 1):
        if row.sequence != expected:
            yield Broken(number, expected, "is missing")
            return
        if row.previous_hash != previous:
            yield Broken(number, expected, "does not follow from the event before it")
        if row.hash != sealed(previous, number, row):
            yield Broken(number, expected, "was changed after it was written")
        previous = row.hash
