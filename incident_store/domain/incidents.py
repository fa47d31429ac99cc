"""An incident is its events; everything else about it is computed from them (architecture, idea 1)."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from incident_store.domain.episodes import EndedBy, Episode
from incident_store.domain.flapping import flapping_since
from incident_store.domain.lifecycle import ATTENDED, TRANSITIONS, EventKind, State
from incident_store.domain.policies import Responsible, Severity, SlaPolicy

MONITORING = "monitoreo"
"""The author of what the monitoring itself records."""


LONGEST_UNNOTICED = timedelta(days=31)
"""How long before its alert a fault can have begun; a rule that says more is not believed."""


class Kind(StrEnum):
    """Record kinds of the process."""

    INCIDENT = "incidencia"
    QUESTION = "consulta"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened at `at`, written down at `recorded_at` by `author`. Times are UTC."""

    kind: EventKind
    at: datetime
    recorded_at: datetime
    author: str = MONITORING
    details: Mapping[str, str] = field(default_factory=dict)


_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def seal(previous: str, incident: int, sequence: int, event: Event) -> str:
    """The hash (hex SHA-256) that chains an event to the one before it (semantics 12)."""
    body = _CANONICAL.encode(
        [
            previous,
            incident,
            sequence,
            event.kind.value,
            event.at.astimezone(UTC).isoformat(),
            event.recorded_at.astimezone(UTC).isoformat(),
            event.author,
            dict(event.details),
        ]
    )
    return hashlib.sha256(body.encode()).hexdigest()


@dataclass(frozen=True)
class Incident:
    """What the events of one incident amount to. `times` holds the last word on each kind of event."""

    severity: Severity
    responsible: Responsible
    state: State
    times: Mapping[EventKind, datetime]
    diagnosis: Event | None
    validated: bool

    @property
    def proposed_restoration(self) -> datetime | None:
        """When the service seems to be back, while no analyst has confirmed it (semantics 9)."""
        return self.times.get(EventKind.RESTORATION_PROPOSED) if self.state in ATTENDED else None


def corrected(events: Iterable[Event]) -> list[Event]:
    """The events with the times that later corrections gave them; a correction names the event by its place, from 1."""
    effective = list(events)
    for event in list(effective):
        if event.kind is EventKind.CORRECTED:
            place = int(event.details["event"]) - 1
            effective[place] = replace(effective[place], at=event.at)
    return effective


def fold(events: Iterable[Event]) -> Incident:
    """The incident that these events, in order, amount to."""
    times: dict[EventKind, datetime] = {}
    severity, responsible, state = Severity.MEDIUM, Responsible.NOBODY, State.DETECTED
    diagnosis: Event | None = None
    validated = False
    for event in corrected(events):
        times[event.kind] = event.at
        state = TRANSITIONS[state].get(event.kind, state)
        if event.kind is EventKind.DIAGNOSED:
            diagnosis, validated = event, False
        elif event.kind is EventKind.VALIDATED:
            validated = True
        elif event.kind is EventKind.RESTORATION_WITHDRAWN:
            times.pop(EventKind.RESTORATION_PROPOSED, None)
        severity = Severity(event.details["severity"]) if event.kind in SETS_SEVERITY else severity
        responsible = Responsible(event.details["responsible"]) if event.kind in SETS_RESPONSIBLE else responsible
    return Incident(severity, responsible, state, times, diagnosis, validated)


SETS_SEVERITY = frozenset({EventKind.SEVERITY_SET, EventKind.VALIDATED})
SETS_RESPONSIBLE = frozenset({EventKind.SUSPECTED, EventKind.VALIDATED})
"""A diagnosis only proposes; what counts is set when it is validated."""


def subject(labels: Mapping[str, str]) -> str:
    """What an alert is about: its component, else the load it names, else the alert itself (semantics 8)."""
    if component := labels.get("component"):
        return component
    if "operator" in labels and "file_type" in labels:
        return f"{labels['operator']}/{labels['file_type']}"
    return labels.get("alertname") or "alerta sin nombre"


def opening_events(episode: Episode, policy: SlaPolicy, now: datetime, previous: int | None = None) -> list[Event]:
    """The first events of an incident: when the fault began, was detected and recorded, how grave, who is suspected."""
    terms = policy.at(episode.started_at)
    severity = terms.severity(episode.labels.get("severity"))
    responsible = terms.suspected(episode.labels.get("owner"))
    return [
        Event(EventKind.FAULT_BEGAN, _fault_began(episode), now),
        Event(EventKind.DETECTED, episode.started_at, now),
        Event(EventKind.RECORDED, now, now, details={} if previous is None else {"previous": str(previous)}),
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
    return began if episode.started_at - LONGEST_UNNOTICED <= began <= episode.started_at else episode.started_at


def following_events(
    history: Sequence[Event], episodes: Sequence[Episode], policy: SlaPolicy, now: datetime
) -> list[Event]:
    """What must be added to an incident's history so that it agrees with its episodes; empty when it already does."""
    if not episodes:
        return []
    incident = fold(history)
    events: list[Event] = []
    detected_at = min(episode.started_at for episode in episodes)
    began_at = min(_fault_began(episode) for episode in episodes)
    if began_at < _earliest(history, EventKind.FAULT_BEGAN):
        events.append(Event(EventKind.FAULT_BEGAN, began_at, now))
    if detected_at < _earliest(history, EventKind.DETECTED):
        details = {"reason": "earlier_start"}
        events.append(Event(EventKind.DETECTED, detected_at, now, details=details))
    severity = max(
        (policy.at(episode.started_at).severity(episode.labels.get("severity")) for episode in episodes),
        key=lambda one: one.weight,
    )
    if severity.weight > incident.severity.weight and not incident.validated:
        events.append(Event(EventKind.SEVERITY_SET, now, now, details={"severity": severity.value}))
    remarks = _flapping(incident, episodes, policy, now)
    return events + _suspicion(history, episodes, policy, now) + remarks + _restoration(incident, episodes, now)


def _earliest(history: Sequence[Event], kind: EventKind) -> datetime:
    """The earliest time written down, uncorrected: what a person made of it stands until more is known."""
    return min(event.at for event in history if event.kind is kind)


def _flapping(incident: Incident, episodes: Sequence[Episode], policy: SlaPolicy, now: datetime) -> list[Event]:
    """The remark that an alert comes and goes too often; once an incident."""
    since = None if EventKind.FLAPPING in incident.times else flapping_since(episodes, policy.flapping)
    if since is None:
        return []
    limit = policy.flapping
    details = {"more_than": str(limit.episodes), "within_seconds": str(int(limit.within.total_seconds()))}
    return [Event(EventKind.FLAPPING, since, now, details=details)]


def _suspicion(history: Sequence[Event], episodes: Sequence[Episode], policy: SlaPolicy, now: datetime) -> list[Event]:
    """The owner behind the earliest alert is suspected, whichever alert arrived first.

    People's word stands, and so does what the evidence of the opening says.
    """
    last = next((event for event in reversed(history) if event.kind in SETS_RESPONSIBLE), None)
    if last is None or last.author != MONITORING or "snapshot" in last.details:
        return []
    owner = first_of(episodes).labels.get("owner", "")
    suspected = policy.at(first_of(episodes).started_at).suspected(owner)
    if suspected.value == last.details["responsible"]:
        return []
    details = {"responsible": suspected.value, "evidence": f"owner={owner}"}
    return [Event(EventKind.SUSPECTED, now, now, details=details)]


def first_of(episodes: Sequence[Episode]) -> Episode:
    """The earliest of an incident's episodes, the same whatever the order in which they arrived."""
    return min(episodes, key=lambda episode: (episode.started_at, episode.fingerprint))


def title(episode: Episode) -> str:
    """What people read of an incident first: the alert's summary, else its name, else what it is about."""
    return episode.annotations.get("summary") or episode.labels.get("alertname") or subject(episode.labels)


def _restoration(incident: Incident, episodes: Sequence[Episode], now: datetime) -> list[Event]:
    """The restoration is proposed once every episode has ended, and withdrawn when one goes on."""
    if incident.state not in ATTENDED:
        return []
    ends = [episode.ended_at for episode in episodes if episode.ended_at is not None]
    proposed = incident.proposed_restoration
    if len(ends) < len(episodes):
        withdrawn = Event(EventKind.RESTORATION_WITHDRAWN, now, now, details={"reason": "fires_again"})
        return [withdrawn] if proposed is not None else []
    if max(ends) == proposed:
        return []
    last = max(episodes, key=lambda episode: episode.ended_at or now)
    details = {"ended_by": (last.ended_by or EndedBy.RESOLVED).value}
    return [Event(EventKind.RESTORATION_PROPOSED, max(ends), now, details=details)]


class Joining(StrEnum):
    """Where an alert belongs whose component has no incident being attended."""

    NEW = "new"
    SAME = "same"
    REOPEN = "reopen"


def joining(history: Sequence[Event], episode: Episode, relapse_window: timedelta) -> Joining:
    """Whether an episode belongs to the component's last incident, reopens it, or is a new one (semantics 8)."""
    last = fold(history)
    restored_at = last.times.get(EventKind.RESTORED)
    if last.state not in {State.RESTORED, State.CLOSED} or restored_at is None:
        return Joining.NEW
    if episode.ended_at is not None and episode.ended_at <= restored_at:
        return Joining.SAME
    return Joining.REOPEN if episode.started_at <= restored_at + relapse_window else Joining.NEW


def reopening_event(history: Sequence[Event], episode: Episode, now: datetime) -> Event:
    """The relapse: at the alert's start, or at the restoration itself if the alert is older than that."""
    restored_at = fold(history).times[EventKind.RESTORED]
    return Event(EventKind.REOPENED, max(episode.started_at, restored_at), now, details={"reason": "relapse"})
