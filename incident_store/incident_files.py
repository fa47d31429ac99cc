"""What a delivery does to incidents: every file it touches is read at once, added to in memory, and written at once."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, select

from incident_store.bulk import insert_numbered, insert_rows, update_rows
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
    subject,
    title,
)
from incident_store.domain.lifecycle import ATTENDED, EventKind
from incident_store.domain.notices import CAUSES
from incident_store.domain.policies import SlaPolicy
from incident_store.episode_rows import Conflict, episode_of
from incident_store.incident_rows import attached, event_of, open_incidents, sealed
from incident_store.models import EpisodeRow, EventRow, IncidentRow
from incident_store.outbox import write_due

INCIDENTS: Table = IncidentRow.__table__  # type: ignore[assignment]
EVENTS: Table = EventRow.__table__  # type: ignore[assignment]


@dataclass
class File:
    """One incident while a delivery is recorded: its events and episodes as they were, and the events to be added.

    `number` is None while an incident that this delivery opens is not stored; `hash` is the last link of its chain.
    """

    component: str
    kind: str
    service: str
    title: str
    number: int | None = None
    version: int = 0
    hash: str = ""
    past: list[Event] = field(default_factory=list)
    added: list[Event] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        """All of its events, in order."""
        return [*self.past, *self.added]

    def take(self, episode: Episode, now: datetime) -> None:
        """Attach an episode that is new."""
        self.added.append(attached(episode, now))
        self.episodes.append(episode)

    def follow(self, policy: SlaPolicy, now: datetime) -> None:
        """Add what its episodes now call for; nothing when it was just opened for a single one that goes on."""
        if not self.past and len(self.episodes) == 1 and self.episodes[0].ended_at is None:
            return
        self.episodes.sort(key=lambda episode: episode.started_at)
        self.added += following_events(self.events, self.episodes, policy, now)
        recorded = next(event for event in self.events if event.kind is EventKind.RECORDED)
        if self.episodes and recorded.author == MONITORING:
            self.title = title(first_of(self.episodes))

    def projection(self) -> dict[str, Any]:
        """The columns that follow from its events."""
        folded = fold(self.events)
        attended = folded.state in ATTENDED and self.kind == Kind.INCIDENT.value
        return {
            "open_component": self.component if attended else None,
            "title": self.title,
            "state": folded.state.value,
            "severity": folded.severity.value,
            "responsible": folded.responsible.value,
            "detected_at": folded.times[EventKind.DETECTED],
        }


def opened(episode: Episode, policy: SlaPolicy, now: datetime, previous: int | None) -> File:
    """The incident that an episode calls for, linked to the component's previous one."""
    return File(
        component=subject(episode.labels),
        kind=Kind.INCIDENT.value,
        service=episode.labels.get("service", ""),
        title=title(episode),
        added=opening_events(episode, policy, now, previous),
    )


@dataclass
class Files:
    """The files that a delivery touches, by number, and by component where an episode joins or opens one."""

    by_number: dict[int, File]
    by_component: dict[str, File]

    def all(self) -> list[File]:
        """Each once, the known ones in order of number."""
        new = [file for file in self.by_component.values() if file.number is None]
        return [self.by_number[number] for number in sorted(self.by_number)] + new


def file_away(
    connection: Connection,
    touched: Collection[int],
    fresh: Sequence[Episode],
    policy: SlaPolicy,
    now: datetime,
) -> tuple[dict[str, int], set[int]]:
    """Bring the incidents in line with their episodes, and give each new episode an incident (semantics 8).

    Returns the number of the incident by component of the new episodes, and the numbers of all that were touched.
    Raises Conflict when somebody changed one of them since it was read.
    """
    components = {subject(episode.labels) for episode in fresh}
    current = open_incidents(connection, components) if components else {}
    last = _last_incidents(connection, components - current.keys())
    known = _read_files(connection, {*touched, *current.values(), *last.values()})
    files = Files(
        {number: known[number] for number in {*touched, *current.values()}},
        {component: known[number] for component, number in current.items()},
    )
    for episode in sorted(fresh, key=lambda one: (subject(one.labels), one.started_at)):
        component = subject(episode.labels)
        if component not in files.by_component:
            _join_or_open(files, known.get(last.get(component, 0)), episode, policy, now)
        files.by_component[component].take(episode, now)
    everyone = files.all()
    for file in everyone:
        file.follow(policy, now)
    _write(connection, everyone)
    numbers = {component: file.number or 0 for component, file in files.by_component.items()}
    return numbers, {file.number or 0 for file in everyone}


def _join_or_open(files: Files, last: File | None, episode: Episode, policy: SlaPolicy, now: datetime) -> None:
    """The incident of an episode whose component has none being attended: the last one, reopened if need be, or a
    new one. A second writer doing the same fails on the unique component."""
    component = subject(episode.labels)
    how = Joining.NEW if last is None else joining(last.events, episode, policy.relapse_window)
    if last is None or last.number is None or how is Joining.NEW:
        files.by_component[component] = opened(episode, policy, now, last.number if last else None)
        return
    if how is Joining.REOPEN:
        last.added.append(reopening_event(last.events, episode, now))
    files.by_component[component] = files.by_number[last.number] = last


_LAST = (
    select(INCIDENTS.c.component, func.max(INCIDENTS.c.id).label("id"))
    .where(INCIDENTS.c.component.in_(bindparam("components", expanding=True)))
    .group_by(INCIDENTS.c.component)
)
_INCIDENTS = select(INCIDENTS).where(INCIDENTS.c.id.in_(bindparam("numbers", expanding=True)))
_EVENTS = (
    select(EVENTS)
    .where(EVENTS.c.incident_id.in_(bindparam("numbers", expanding=True)))
    .order_by(EVENTS.c.incident_id, EVENTS.c.sequence)
)
_EPISODES = select(EpisodeRow.__table__).where(EpisodeRow.incident_id.in_(bindparam("numbers", expanding=True)))


def _last_incidents(connection: Connection, components: Collection[str]) -> dict[str, int]:
    if not components:
        return {}
    return {row.component: row.id for row in connection.execute(_LAST, {"components": sorted(components)})}


def _read_files(connection: Connection, numbers: Collection[int]) -> dict[int, File]:
    if not numbers:
        return {}
    asked = {"numbers": sorted(numbers)}
    files = {
        row.id: File(row.component, row.kind, row.service, row.title, row.id, row.version)
        for row in connection.execute(_INCIDENTS, asked)
    }
    for row in connection.execute(_EVENTS, asked):
        files[row.incident_id].past.append(event_of(row))
        files[row.incident_id].hash = row.hash
    for row in connection.execute(_EPISODES, asked):
        files[row.incident_id].episodes.append(episode_of(row))
    return files


def _write(connection: Connection, files: Sequence[File]) -> None:
    known = [file for file in files if file.number is not None]
    rows = [{"id": file.number, "version": file.version, **file.projection()} for file in known]
    if update_rows(connection, INCIDENTS, rows) != len(rows):
        raise Conflict
    _open(connection, [file for file in files if file.number is None])
    insert_rows(connection, EVENTS, [row for file in files for row in _links(file)])
    for file in files:
        _write_notices(connection, file)


def _write_notices(connection: Connection, file: File) -> None:
    """The notices that the added events call for: a relapse is told to those who were told of the fault."""
    for place, event in enumerate(file.added, len(file.past)):
        if event.kind in CAUSES:
            before = file.events[:place]
            write_due(connection, file.number or 0, before, event, Kind(file.kind), event.recorded_at)


def _open(connection: Connection, files: Sequence[File]) -> None:
    """Insert the new incidents, in the same order for every writer, so that two at once wait instead of colliding."""
    ordered = sorted(files, key=lambda file: file.component)
    rows = [
        {
            "component": file.component,
            "kind": file.kind,
            "service": file.service,
            "version": 1,
            **file.projection(),
        }
        for file in ordered
    ]
    for file, number in zip(ordered, insert_numbered(connection, INCIDENTS, rows), strict=True):
        file.number = number


def _links(file: File) -> Iterable[dict[str, Any]]:
    return sealed(file.number or 0, len(file.past) + 1, file.hash, file.added)
