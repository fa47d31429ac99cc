"""Incidents and their events in the store: opening, appending to the chain, keeping the projection in line."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Case, Connection, Row, bindparam, case, insert, select, update

from groundwork.problems import Refused
from incident_store.domain.episodes import Episode
from incident_store.domain.incidents import (
    Event,
    Kind,
    fold,
    seal,
)
from incident_store.domain.lifecycle import ATTENDED, EventKind
from incident_store.episode_rows import Conflict
from incident_store.models import EventRow, IncidentRow


class UnreadableEvent(Refused, ValueError):
    """A row of `events` holds what no event can say: somebody changed it in the database."""

    def __init__(self, incident: int, event: int, why: str) -> None:
        self.incident, self.event = incident, event
        super().__init__(
            f"incident {incident}, event {event}: {why}; `renteseg audit verify` says what else was changed"
        )


def event_of(row: Row[Any]) -> Event:
    """A row of `events` as a value; raises UnreadableEvent."""
    if why := _unreadable(row):
        raise UnreadableEvent(row.incident_id, row.sequence, why)
    return Event(EventKind(row.kind), row.at, row.recorded_at, row.author, row.details)


def _unreadable(row: Row[Any]) -> str | None:
    if not (isinstance(row.at, datetime) and isinstance(row.recorded_at, datetime)):
        return "its time is none"
    if not (isinstance(row.details, dict) and all(isinstance(value, str) for value in row.details.values())):
        return "its details are not an object of strings"
    return None if row.kind in _KINDS else "its kind is none that is known"


_KINDS = frozenset(EventKind)


def history(connection: Connection, number: int) -> list[Event]:
    """The events of one incident, in the order in which they were written down."""
    query = select(*EventRow.__table__.c).where(EventRow.incident_id == number).order_by(EventRow.sequence)
    return [event_of(row) for row in connection.execute(query)]


_OPEN = select(IncidentRow.open_component, IncidentRow.id).where(
    IncidentRow.open_component.in_(bindparam("components", expanding=True))
)


def open_incidents(connection: Connection, components: set[str]) -> dict[str, int]:
    """The number of the open incident of each of these components that has one."""
    found = connection.execute(_OPEN, {"components": sorted(components)})
    return {row.open_component: row.id for row in found}


def append(connection: Connection, number: int, events: Sequence[Event]) -> None:
    """Append events to the incident's chain; two writers at once collide on (incident, sequence)."""
    if not events:
        return
    last = connection.execute(
        select(EventRow.sequence, EventRow.hash)
        .where(EventRow.incident_id == number)
        .order_by(EventRow.sequence.desc())
        .limit(1)
    ).first()
    first, previous = (last.sequence + 1, last.hash) if last else (1, "")
    connection.execute(insert(EventRow), list(sealed(number, first, previous, events)))


def project(
    connection: Connection,
    number: int,
    version: int,
    events: Sequence[Event],
    also: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Renew the incident's projection from its events; raises Conflict if it is no longer at `version`."""
    folded = fold(events)
    written = connection.execute(
        update(IncidentRow)
        .where(IncidentRow.id == number, IncidentRow.version == version)
        .values(
            open_component=_attended_component() if folded.state in ATTENDED else None,
            state=folded.state.value,
            severity=folded.severity.value,
            responsible=folded.responsible.value,
            detected_at=folded.times[EventKind.DETECTED],
            version=version + 1,
            **also,
        )
    )
    if written.rowcount != 1:
        raise Conflict


def _attended_component() -> Case[str]:
    """The component's place, which only an incident takes: a question about it stands in nobody's way."""
    return case((IncidentRow.kind == Kind.INCIDENT.value, IncidentRow.component), else_=None)


def attached(episode: Episode, now: datetime) -> Event:
    """The event that says which alert belongs to the incident from when on."""
    details = {"fingerprint": episode.fingerprint, "alertname": episode.labels.get("alertname", "")}
    return Event(EventKind.EPISODE_ATTACHED, episode.started_at, now, details=details)


def sealed(number: int, first: int, previous: str, events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    """The rows that add these events to an incident's chain, from sequence `first` on, after the link `previous`."""
    for sequence, event in enumerate(events, first):
        link = seal(previous, number, sequence, event)
        yield _values(number, sequence, event, previous, link)
        previous = link


def _values(number: int, sequence: int, event: Event, previous: str, sealed: str) -> dict[str, Any]:
    return {
        "incident_id": number,
        "sequence": sequence,
        "kind": event.kind.value,
        "at": event.at,
        "recorded_at": event.recorded_at,
        "author": event.author,
        "details": dict(event.details),
        "previous_hash": previous,
        "hash": sealed,
    }
