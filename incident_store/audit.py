"""Reads every chain of events and finds the first link that does not fit (semantics 12)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from incident_store.domain.incidents import seal
from incident_store.incident_rows import event_of
from incident_store.models import EventRow, IncidentRow


@dataclass(frozen=True)
class Broken:
    """A link that does not fit: where, and why."""

    incident: int
    sequence: int
    why: str

    def __str__(self) -> str:
        return f"incident {self.incident}, event {self.sequence}: {self.why}"


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
    return Audit(len(numbers), events, tuple(broken))


def _follow(connection: Connection, number: int) -> tuple[int, Broken | None]:
    query = select(*EventRow.__table__.c).where(EventRow.incident_id == number).order_by(EventRow.sequence)
    rows = connection.execute(query).all()
    if not rows:
        return 0, Broken(number, 1, "the incident has no events")
    return len(rows), next(_breaks(number, rows), None)


def _breaks(number: int, rows: Sequence[Row[Any]]) -> Iterator[Broken]:
    previous = ""
    for expected, row in enumerate(rows, 1):
        if row.sequence != expected:
            yield Broken(number, expected, "is missing")
            return
        if row.previous_hash != previous:
            yield Broken(number, expected, "does not follow from the event before it")
        if row.hash != seal(previous, number, row.sequence, event_of(row)):
            yield Broken(number, expected, "was changed after it was written")
        previous = row.hash
