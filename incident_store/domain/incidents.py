"""An incident is its events; everything else about it is computed from them (architecture, idea 1)."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from incident_store.domain.clocks import Reading, read_clock
from incident_store.domain.episodes import EndedBy, Episode
from incident_store.domain.flapping import flapping_since
from incident_store.domain.policies import ClockName, Responsible, Severity, SlaPolicy, Target

MONITORING = "monitoreo"
"""The author of what the monitoring itself records."""


class Kind(StrEnum):
    """Record kinds of the process."""

    INCIDENT = "incidencia"
    QUESTION = "consulta"


class State(StrEnum):
    """Where an incident stands (semantics 10)."""

    DETECTED = "detectada"
    RESTORED = "restablecida"


class EventKind(StrEnum):
    """What can happen to an incident; each carries the time it happened (semantics 11)."""

    FAULT_BEGAN = "fault_began"
    DETECTED = "detected"
    RECORDED = "recorded"
    SEVERITY_SET = "severity_set"
    SUSPECTED = "suspected"
    EPISODE_ATTACHED = "episode_attached"
    FLAPPING = "flapping"
    RESTORATION_PROPOSED = "restoration_proposed"
    RESTORATION_WITHDRAWN = "restoration_withdrawn"
    RESPONSIBLE_ANSWERED = "responsible_answered"
    RESTORED = "restored"


@dataclass(frozen=True)
class Event:
    """One thing that happened at `at`, written down at `recorded_at` by `author`. Times are UTC."""

    kind: EventKind
    at: datetime
    recorded_at: datetime
    author: str = MONITORING
    details: Mapping[str, str] = field(default_factory=dict)


def seal(previous: str, incident: int, sequence: int, event: Event) -> str:
    """The hash (hex SHA-256) that chains an event to the one before it (semantics 12)."""
    body = json.dumps(
        [
            previous,
            incident,
            sequence,
            event.kind.value,
            event.at.astimezone(UTC).isoformat(),
            event.recorded_at.astimezone(UTC).isoformat(),
            event.author,
            dict(event.details),
        ],
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )
    return hashlib.sha256(body.encode()).hexdigest()


@dataclass(frozen=True)
class Incident:
    """What the events of one incident amount to. `times` holds the last word on each kind of event."""

    severity: Severity
    responsible: Responsible
    state: State
    times: Mapping[EventKind, datetime]

    @property
    def proposed_restoration(self) -> datetime | None:
        """When the service seems to be back, to be confirmed by the analyst (semantics 9)."""
        return self.times.get(EventKind.RESTORATION_PROPOSED)


def fold(events: Iterable[Event]) -> Incident:
    """The incident that these events, in order, amount to."""
    times: dict[EventKind, datetime] = {}
    severity, responsible, state = Severity.MEDIUM, Responsible.NOBODY, State.DETECTED
    for event in events:
        times[event.kind] = event.at
        if event.kind is EventKind.SEVERITY_SET:
            severity = Severity(event.details["severity"])
        elif event.kind is EventKind.SUSPECTED:
            responsible = Responsible(event.details["responsible"])
        elif event.kind is EventKind.RESTORATION_WITHDRAWN:
            times.pop(EventKind.RESTORATION_PROPOSED, None)
        elif event.kind is EventKind.RESTORED:
            state = State.RESTORED
    return Incident(severity, responsible, state, times)


STOPS = {
    ClockName.RESPONSE: EventKind.RESPONSIBLE_ANSWERED,
    ClockName.RESOLUTION: EventKind.RESTORED,
}
"""The event that stops each clock; both start when the fault was detected."""


@dataclass(frozen=True)
class Clock:
    """One SLA clock of an incident, read at one moment."""

    name: ClockName
    target: Target
    stopped: bool
    reading: Reading


def read_clocks(incident: Incident, policy: SlaPolicy, now: datetime) -> tuple[Clock, ...]:
    """The incident's clocks at `now`; pure, so the same events always give the same reading (semantics 13, 17)."""
    start = incident.times[EventKind.DETECTED]
    clocks = []
    for name, stopped_by in STOPS.items():
        target = policy.targets[name, incident.severity]
        stop = incident.times.get(stopped_by)
        reading = read_clock(target.calendar, target.target, start, stop, (), now)
        clocks.append(Clock(name, target, stop is not None, reading))
    return tuple(clocks)


def subject(labels: Mapping[str, str]) -> str:
    """What an alert is about: its component, else the load it names, else the alert itself (semantics 8)."""
    if component := labels.get("component"):
        return component
    if "operator" in labels and "file_type" in labels:
        return f"{labels['operator']}/{labels['file_type']}"
    return labels.get("alertname") or "alerta sin nombre"


def opening_events(episode: Episode, policy: SlaPolicy, now: datetime) -> list[Event]:
    """The first events of an incident: when the fault began, was detected and recorded, how grave, who is suspected."""
    severity = policy.severity(episode.labels.get("severity"))
    responsible = policy.suspected(episode.labels.get("owner"))
    return [
        Event(EventKind.FAULT_BEGAN, _fault_began(episode), now),
        Event(EventKind.DETECTED, episode.started_at, now),
        Event(EventKind.RECORDED, now, now),
        Event(EventKind.SEVERITY_SET, now, now, details={"severity": severity.value}),
        Event(
            EventKind.SUSPECTED,
            now,
            now,
            details={
                "responsible": responsible.value,
                "evidence": f"owner={episode.labels.get('owner', '')}",
            },
        ),
    ]


def _fault_began(episode: Episode) -> datetime:
    """The time the rule gives in `fault_began` (unix seconds), if it is one and not after the alert's own start."""
    try:
        began = datetime.fromtimestamp(float(episode.annotations.get("fault_began", "")), UTC)
    except (ValueError, OverflowError, OSError):
        return episode.started_at
    return min(began, episode.started_at)


def following_events(
    history: Sequence[Event], episodes: Sequence[Episode], policy: SlaPolicy, now: datetime
) -> list[Event]:
    """What must be added to an incident's history so that it agrees with its episodes; empty when it already does."""
    incident = fold(history)
    events: list[Event] = []
    detected_at = min(episode.started_at for episode in episodes)
    if detected_at < incident.times[EventKind.DETECTED]:
        earlier = min(episodes, key=lambda episode: episode.started_at)
        if _fault_began(earlier) < incident.times[EventKind.FAULT_BEGAN]:
            events.append(Event(EventKind.FAULT_BEGAN, _fault_began(earlier), now))
        details = {"reason": "an earlier start became known"}
        events.append(Event(EventKind.DETECTED, detected_at, now, details=details))
    severity = max(
        (policy.severity(episode.labels.get("severity")) for episode in episodes), key=lambda one: one.weight
    )
    if severity.weight > incident.severity.weight:
        events.append(Event(EventKind.SEVERITY_SET, now, now, details={"severity": severity.value}))
    return events + _flapping(incident, episodes, policy, now) + _restoration(incident, episodes, now)


def _flapping(incident: Incident, episodes: Sequence[Episode], policy: SlaPolicy, now: datetime) -> list[Event]:
    """The remark that an alert comes and goes too often; once an incident."""
    since = None if EventKind.FLAPPING in incident.times else flapping_since(episodes, policy.flapping)
    if since is None:
        return []
    limit = policy.flapping
    details = {"more_than": str(limit.episodes), "within_seconds": str(int(limit.within.total_seconds()))}
    return [Event(EventKind.FLAPPING, since, now, details=details)]


def _restoration(incident: Incident, episodes: Sequence[Episode], now: datetime) -> list[Event]:
    """The restoration is proposed once every episode has ended, and withdrawn when one goes on."""
    ends = [episode.ended_at for episode in episodes if episode.ended_at is not None]
    proposed = incident.proposed_restoration
    if len(ends) < len(episodes):
        withdrawn = Event(EventKind.RESTORATION_WITHDRAWN, now, now, details={"reason": "the alert fires again"})
        return [withdrawn] if proposed is not None else []
    if max(ends) == proposed:
        return []
    last = max(episodes, key=lambda episode: episode.ended_at or now)
    details = {"ended_by": (last.ended_by or EndedBy.RESOLVED).value}
    return [Event(EventKind.RESTORATION_PROPOSED, max(ends), now, details=details)]
