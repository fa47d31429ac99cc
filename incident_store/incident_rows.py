"""Incidents and their events in the store: opening, appending to the chain, keeping the projection in line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from incident_store.domain.episodes import Episode
from incident_store.domain.incidents import (
    Event,
    EventKind,
    Kind,
    fold,
    following_events,
    opening_events,
    seal,
    subject,
)
from incident_store.domain.policies import SlaPolicy
from incident_store.episode_rows import Conflict, episodes_of_incident
from incident_store.models import EventRow, IncidentRow


def event_of(row: Row[Any]) -> Event:
    """A row of `events` as a value."""
    return Event(EventKind(row.kind), row.at, row.recorded_at, row.author, row.details)


def history(connection: Connection, number: int) -> list[Event]:
    """The events of one incident, in the order in which they were written down."""
    query = select(*EventRow.__table__.c).where(EventRow.incident_id == number).order_by(EventRow.sequence)
    return [event_of(row) for row in connection.execute(query)]


def open_incidents(connection: Connection, components: set[str]) -> dict[str, int]:
    """The number of the open incident of each of these components that has one."""
    query = select(IncidentRow.open_component, IncidentRow.id).where(IncidentRow.open_component.in_(components))
    return {row.open_component: row.id for row in connection.execute(query)}


def open_incident(connection: Connection, episode: Episode, policy: SlaPolicy, now: datetime) -> int:
    """Open the incident that this episode calls for; a second writer doing the same fails on the unique component."""
    component = subject(episode.labels)
    events = opening_events(episode, policy, now)
    opened = fold(events)
    number: int = connection.execute(
        insert(IncidentRow)
        .values(
            component=component,
            open_component=component,
            kind=Kind.INCIDENT.value,
            service=episode.labels.get("service", ""),
            title=episode.annotations.get("summary") or episode.labels.get("alertname") or component,
            state=opened.state.value,
            severity=opened.severity.value,
            responsible=opened.responsible.value,
            detected_at=opened.times[EventKind.DETECTED],
            version=1,
        )
        .returning(IncidentRow.id)
    ).scalar_one()
    append(connection, number, events)
    return number


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
    rows = []
    for sequence, event in enumerate(events, first):
        sealed = seal(previous, number, sequence, event)
        rows.append(_values(number, sequence, event, previous, sealed))
        previous = sealed
    connection.execute(insert(EventRow), rows)


def follow(connection: Connection, number: int, policy: SlaPolicy, now: datetime) -> None:
    """Add the events that the incident's episodes now call for and renew its projection.

    The version is read first and compared last: whoever changed the incident or its episodes in between wins,
    and this raises Conflict.
    """
    version = connection.execute(select(IncidentRow.version).where(IncidentRow.id == number)).scalar_one()
    past = history(connection, number)
    events = following_events(past, episodes_of_incident(connection, number), policy, now)
    append(connection, number, events)
    folded = fold([*past, *events])
    written = connection.execute(
        update(IncidentRow)
        .where(IncidentRow.id == number, IncidentRow.version == version)
        .values(
            state=folded.state.value,
            severity=folded.severity.value,
            responsible=folded.responsible.value,
            detected_at=folded.times[EventKind.DETECTED],
            version=version + 1,
        )
    )
    if written.rowcount != 1:
        raise Conflict


def attached(episode: Episode, now: datetime) -> Event:
    """The event that says which alert belongs to the incident from when on."""
    details = {"fingerprint": episode.fingerprint, "alertname": episode.labels.get("alertname", "")}
    return Event(EventKind.EPISODE_ATTACHED, episode.started_at, now, details=details)


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
