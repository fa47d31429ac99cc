"""What tables hold that follows from the events of a chain: whoever changes it by hand is contradicted by them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Protocol

from sqlalchemy import Connection, Row, Table, select, type_coerce

from incident_store.column_types import EditedTime, UtcDateTime
from incident_store.domain.incidents import Event, Kind, fold
from incident_store.domain.lifecycle import ATTENDED, EventKind
from incident_store.domain.maintenance import fold_window
from incident_store.domain.regularisations import confirms_outage, outage_of, told_regularisations
from incident_store.incident_rows import event_of
from incident_store.maintenance import window_event_of
from incident_store.models import ConfirmedOutageRow, IncidentRow, MaintenanceWindowRow, RegularisationRow
from incident_store.streams import Ahead, streamed

LONGEST_SHOWN = 80
"""Characters of a value that somebody may have written by hand."""

Told = Iterator[tuple[str, Any, Any]]
"""What is held, as it is held and as the events say it."""


class Projections(Protocol):
    """The tables beside the chains of one kind; asked chain by chain, by number."""

    def told(self, number: int, rows: Sequence[Row[Any]]) -> Told:
        """What is held of this chain, whose events these rows are."""


def difference(beside: Projections, number: int, rows: Sequence[Row[Any]]) -> str | None:
    """The first thing in which what is held of a chain differs from what its events say."""
    try:
        for what, held, said in beside.told(number, rows):
            if held != said:
                return f"{what} says {_shown(held)}, its events say {_shown(said)}"
    except (KeyError, ValueError, IndexError, TypeError):
        return "its events do not follow from each other"
    return None


class IncidentProjections:
    """The incident's own row, the outages that its closings confirmed, and what these left owed."""

    def __init__(self, connection: Connection) -> None:
        names = ("id", "component", "kind", "open_component", "state", "severity", "responsible", "detected_at")
        self._incidents = _beside(connection, IncidentRow, *names)
        self._outages = _beside(connection, ConfirmedOutageRow, "incident_id", "starts_at", "ends_at", "closed_at")
        loads = ("operator", "file_type", "data_day", "due_at", "processed_at")
        self._owed = _beside(connection, RegularisationRow, "incident_id", *loads)

    def told(self, number: int, rows: Sequence[Row[Any]]) -> Told:
        """Component, title, service and episodes are left out: no event tells them."""
        events = [event_of(row) for row in rows]
        for incident in self._incidents.of(number):
            yield from _columns(incident, events)
        outages: list[tuple[Any, ...]] = [tuple(row[1:]) for row in self._outages.of(number)]
        for held, said in zip_longest(outages, _confirmed(events)):
            yield "its confirmed outage", held, said
        owed: dict[tuple[Any, ...], tuple[Any, ...]] = {
            tuple(row[1:4]): tuple(row[4:]) for row in self._owed.of(number)
        }
        told = {
            (one.load.operator, one.load.file_type, one.load.data_day.isoformat()): (one.due_at, one.processed_at)
            for one in told_regularisations(number, events)
        }
        for load in sorted(owed.keys() | told.keys()):
            yield f"its regularisation of {_shown(load)}", owed.get(load), told.get(load)


def _columns(row: Row[Any], events: Sequence[Event]) -> Told:
    incident = fold(events)
    attended = incident.state in ATTENDED and row.kind == Kind.INCIDENT.value
    yield "state", row.state, incident.state.value
    yield "severity", row.severity, incident.severity.value
    yield "responsible", row.responsible, incident.responsible.value
    yield "detected_at", row.detected_at, incident.times[EventKind.DETECTED]
    yield "open_component", row.open_component, row.component if attended else None


def _confirmed(events: Sequence[Event]) -> Iterator[tuple[datetime, datetime, datetime]]:
    """The outages as each closing that confirmed one left them; what was corrected later changes none."""
    for place, event in enumerate(events, 1):
        if confirms_outage(event) and (span := outage_of(fold(events[:place]))) is not None:
            yield span.start, span.end, event.at


class WindowProjections:
    """A maintenance window's span, by which it is found."""

    def __init__(self, connection: Connection) -> None:
        self._windows = _beside(connection, MaintenanceWindowRow, "id", "starts_at", "ends_at")

    def told(self, number: int, rows: Sequence[Row[Any]]) -> Told:
        """Its beginning and its end."""
        span = fold_window(number, [window_event_of(row) for row in rows]).span
        for window in self._windows.of(number):
            yield "starts_at", window.starts_at, span.start
            yield "ends_at", window.ends_at, span.end


def _beside(connection: Connection, rows: Any, number: str, *names: str) -> Ahead:
    """These columns of a table in the order of `number`; a time that was edited into none is read as none."""
    table: Table = rows.__table__
    columns = [table.c[name] for name in names]
    lenient = [
        type_coerce(one, EditedTime()).label(one.name) if isinstance(one.type, UtcDateTime) else one for one in columns
    ]
    return Ahead(streamed(connection, select(table.c[number], *lenient).order_by(table.c[number], table.c.id)))


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(_shown(one) for one in value)
    if value is None:
        return "nothing"
    return value.isoformat() if isinstance(value, datetime) else repr(str(value))[1:-1][:LONGEST_SHOWN]
