"""What is read of the store: incidents with their events and episodes, counts, the quarantine."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from incident_store.domain.episodes import Episode
from incident_store.domain.incidents import Event, Incident, Kind, fold
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import FINAL, State
from incident_store.domain.policies import Responsible, Severity
from incident_store.episode_rows import episodes_of_incident
from incident_store.incident_rows import UnreadableEvent, event_of, history
from incident_store.models import EventRow, IncidentRow, QuarantineRow

log = structlog.get_logger()

ENDED = [state.value for state in (State.CLOSED, *FINAL)]
"""States in which nothing more is expected of anybody but the record."""

OPEN = [state.value for state in State if state.value not in ENDED]
"""The others; asked for by name, the index finds them without a look at those that ended."""

LONGEST_LASTING = timedelta(days=100)
"""How long before an interval an incident that is over by now can have begun to be looked at."""
AT_ONCE = 500
"""Incidents whose events are read in one statement."""


@dataclass(frozen=True)
class IncidentRecord:
    """An incident as stored: its number, what it is about, and the events it consists of."""

    number: int
    component: str
    service: str
    kind: str
    title: str
    events: tuple[Event, ...]

    @property
    def incident(self) -> Incident:
        """What the events amount to."""
        return fold(self.events)


@dataclass(frozen=True)
class IncidentCount:
    """How many incidents share these words; `is_open` tells whether they are still open."""

    kind: str
    severity: str
    responsible: str
    state: str
    is_open: bool
    incidents: int


MOST_LISTED = 1000


LeftOut = Callable[[UnreadableEvent], None]
"""Told of each incident that a list leaves out because one of its events cannot be read."""


def _log_left_out(error: UnreadableEvent) -> None:
    log.error("incident left out of a list", incident=error.incident, reason=str(error))


def list_incidents(
    connection: Connection, *, open_only: bool = False, limit: int = MOST_LISTED, left_out: LeftOut = _log_left_out
) -> list[IncidentRecord]:
    """The newest incidents with their events, newest first."""
    query = select(*IncidentRow.__table__.c).order_by(IncidentRow.id.desc()).limit(limit)
    if open_only:
        query = query.where(IncidentRow.state.in_(OPEN))
    return _records(connection, query, left_out)


def running_incidents(connection: Connection, now: datetime) -> list[IncidentRecord]:
    """The incidents of which some clock may run, newest first: all that are open, and those closed of the last
    `LONGEST_LASTING`, whose technical report may still be owed."""
    closed = and_(IncidentRow.state == State.CLOSED.value, IncidentRow.detected_at >= now - LONGEST_LASTING)
    query = select(*IncidentRow.__table__.c).where(or_(IncidentRow.state.in_(OPEN), closed))
    return _records(connection, query.order_by(IncidentRow.id.desc()), _log_left_out)


def every_incident(connection: Connection) -> Iterator[IncidentRecord]:
    """All incidents with their events, by number; few of them in memory at a time."""
    last = 0
    while records := _records(connection, _after(last)):
        yield from records
        last = records[-1].number


def _after(number: int) -> Select[Any]:
    query = select(*IncidentRow.__table__.c).where(IncidentRow.id > number)
    return query.order_by(IncidentRow.id).limit(AT_ONCE)


def incidents_of(connection: Connection, interval: Interval) -> list[IncidentRecord]:
    """The incidents that may bear on an interval, by number: detected in it or at most `LONGEST_LASTING` before it, or
    not over yet."""
    since = interval.start - LONGEST_LASTING
    may_bear = or_(IncidentRow.detected_at >= since, IncidentRow.state.not_in(ENDED))
    query = select(*IncidentRow.__table__.c).where(IncidentRow.detected_at < interval.end, may_bear)
    return _records(connection, query.order_by(IncidentRow.id))


def _refuse(error: UnreadableEvent) -> None:
    raise error


def _records(connection: Connection, query: Select[Any], left_out: LeftOut = _refuse) -> list[IncidentRecord]:
    """The incidents with their events. Without a word on those that cannot be read, they are refused: a figure that
    rests on all incidents has no use for all but one."""
    rows = connection.execute(query).all()
    events: dict[int, list[Event]] = defaultdict(list)
    unreadable: dict[int, UnreadableEvent] = {}
    for first in range(0, len(rows), AT_ONCE):
        numbers = [row.id for row in rows[first : first + AT_ONCE]]
        found = select(*EventRow.__table__.c).where(EventRow.incident_id.in_(numbers)).order_by(EventRow.sequence)
        for row in connection.execute(found):
            try:
                events[row.incident_id].append(event_of(row))
            except UnreadableEvent as error:
                unreadable.setdefault(row.incident_id, error)
    for why in unreadable.values():
        left_out(why)
    return [_record(row, events[row.id]) for row in rows if row.id not in unreadable]


@dataclass(frozen=True)
class Wanted:
    """Which incidents are looked for; an empty filter wants all. `text` is in the title, component or service."""

    states: Sequence[State] = ()
    is_open: bool | None = None
    kinds: Sequence[Kind] = ()
    severities: Sequence[Severity] = ()
    responsibles: Sequence[Responsible] = ()
    component: str | None = None
    text: str | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """The filters in SQL."""
        words = (
            (IncidentRow.state, self.states),
            (IncidentRow.kind, self.kinds),
            (IncidentRow.severity, self.severities),
            (IncidentRow.responsible, self.responsibles),
        )
        yield from (column.in_([word.value for word in wanted]) for column, wanted in words if wanted)
        if self.is_open is not None:
            yield IncidentRow.state.not_in(ENDED) if self.is_open else IncidentRow.state.in_(ENDED)
        if self.component is not None:
            yield IncidentRow.component == self.component
        if self.text is not None:
            places = (IncidentRow.title, IncidentRow.component, IncidentRow.service)
            yield or_(*(place.icontains(self.text, autoescape=True) for place in places))


def search_incidents(connection: Connection, wanted: Wanted, *, before: int | None, limit: int) -> list[IncidentRecord]:
    """Incidents with their events, newest first, that are older than incident `before`."""
    query = select(*IncidentRow.__table__.c).where(*wanted.conditions())
    if before is not None:
        query = query.where(IncidentRow.id < before)
    query = query.order_by(IncidentRow.id.desc())
    return _filled(connection, query, limit)


def _filled(connection: Connection, query: Select[Any], limit: int) -> list[IncidentRecord]:
    """Others take the places of those that cannot be read: a page with gaps would be taken for the last one."""
    asked = limit
    while True:
        left_out: list[UnreadableEvent] = []
        records = _records(connection, query.limit(asked), left_out.append)
        if asked == limit + len(left_out):
            break
        asked = limit + len(left_out)
    for error in left_out:
        _log_left_out(error)
    return records


def find_incident(connection: Connection, number: int) -> tuple[IncidentRecord, list[Episode]] | None:
    """One incident and its episodes, None when there is none with this number."""
    row = connection.execute(select(*IncidentRow.__table__.c).where(IncidentRow.id == number)).first()
    if row is None:
        return None
    return _record(row, history(connection, number)), episodes_of_incident(connection, number)


def count_incidents(connection: Connection, *, open_only: bool = False) -> list[IncidentCount]:
    """Incidents counted by kind, severity, responsible, state and whether they are open; takes longer the more there
    are, unless only those that are open are asked for."""
    words = (IncidentRow.kind, IncidentRow.severity, IncidentRow.responsible, IncidentRow.state)
    is_open = IncidentRow.state.not_in(ENDED)
    query = select(*words, is_open, func.count()).group_by(*words, is_open)
    if open_only:
        query = query.where(IncidentRow.state.in_(OPEN))
    return [IncidentCount(*row) for row in connection.execute(query)]


def count_quarantined(connection: Connection) -> int:
    """How many different bodies or alerts wait in quarantine to be settled."""
    waiting = select(func.count()).select_from(QuarantineRow).where(QuarantineRow.settled_at.is_(None))
    return connection.execute(waiting).scalar_one()


def _record(row: Row[Any], events: list[Event]) -> IncidentRecord:
    return IncidentRecord(row.id, row.component, row.service, row.kind, row.title, tuple(events))
