"""Incidents and their events in the store: opening, appending to the chain, keeping the projection in line."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Case, Connection, Row, case, insert, select, update

from incident_store.domain.episodes import Episode
from incident_store.domain.incidents import (
    MONITORING,
    Event,
    Joining,
    Kind,
    first_of,
    fold,
    following_events,
    joining,
    opening_events,
    reopening_event,
    seal,
    subject,
    title,
)
from incident_store.domain.lifecycle import ATTENDED, EventKind
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


def last_incident(connection: Connection, component: str) -> int | None:
    """The number of the component's last incident, None when it never had one."""
    query = select(IncidentRow.id).where(IncidentRow.component == component).order_by(IncidentRow.id.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none()


def join_or_open(connection: Connection, episode: Episode, policy: SlaPolicy, now: datetime) -> int:
    """The incident of an episode whose component has none being attended: the last one, reopened if need be, or a
    new one. A second writer doing the same fails on the unique component."""
    last = last_incident(connection, subject(episode.labels))
    if last is None:
        return open_incident(connection, episode, policy, now)
    past = history(connection, last)
    match joining(past, episode, policy.relapse_window):
        case Joining.SAME:
            return last
        case Joining.REOPEN:
            append(connection, last, [reopening_event(past, episode, now)])
            return last
        case Joining.NEW:
            return open_incident(connection, episode, policy, now, last)


def open_incident(
    connection: Connection, episode: Episode, policy: SlaPolicy, now: datetime, previous: int | None = None
) -> int:
    """Open the incident that this episode calls for, linked to the component's previous one."""
    component = subject(episode.labels)
    events = opening_events(episode, policy, now, previous)
    opened = fold(events)
    number: int = connection.execute(
        insert(IncidentRow)
        .values(
            component=component,
            open_component=component,
            kind=Kind.INCIDENT.value,
            service=episode.labels.get("service", ""),
            title=title(episode),
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
    past, episodes = history(connection, number), episodes_of_incident(connection, number)
    events = following_events(past, episodes, policy, now)
    append(connection, number, events)
    project(connection, number, version, [*past, *events], _renewed_title(past, episodes))


def _renewed_title(past: Sequence[Event], episodes: Sequence[Episode]) -> dict[str, str]:
    """The earliest alert's title for what the monitoring recorded; what a person wrote stays."""
    recorded = next(event for event in past if event.kind is EventKind.RECORDED)
    return {"title": title(first_of(episodes))} if episodes and recorded.author == MONITORING else {}


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
