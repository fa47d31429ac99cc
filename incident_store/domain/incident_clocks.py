"""The SLA clocks of an incident: policy applied to its events (semantics 13, 15, 16, 20)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from incident_store.domain.clocks import Pause, Reading, read_clock
from incident_store.domain.incidents import Event, corrected, fold
from incident_store.domain.intervals import Interval, intersect, total
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import ClockName, ClockRule, Responsible, SlaPolicy, Target

BACK = "restablecida"
"""Why the time between a restoration and its relapse does not count; it is not a pause (semantics 15)."""

RESUMED = frozenset({EventKind.RESTORED, EventKind.CLOSED})
"""Stops that a relapse undoes; an answer that was given stays given."""


@dataclass(frozen=True)
class Clock:
    """One SLA clock of an incident, read at one moment."""

    name: ClockName
    target: Target
    stopped: bool
    reading: Reading
    by_responsible: Mapping[Responsible, timedelta]


@dataclass
class _Span:
    """When a clock ran: from its start, but for the time it had stood still before a relapse."""

    start: datetime
    stop: datetime | None
    stopped_by: EventKind | None
    gaps: list[Pause]


def read_clocks(events: Sequence[Event], policy: SlaPolicy, now: datetime) -> tuple[Clock, ...]:
    """The incident's clocks at `now`; pure, so the same events always give the same reading (semantics 17)."""
    incident, effective = fold(events), sorted(corrected(events), key=lambda event: event.at)
    terms = policy.at(incident.times[EventKind.DETECTED])
    clocks = []
    for name, rule in terms.clocks.items():
        target = terms.targets.get((name, incident.severity))
        span = _span(effective, rule)
        if target is None or span is None or not rule.concerns(incident.responsible):
            continue
        pauses = [*span.gaps, *(_pauses(effective) if rule.pausable else ())]
        reading = read_clock(target.calendar, target.target, span.start, span.stop, pauses, now)
        shares = _shares(effective, reading)
        clocks.append(Clock(name, target, span.stop is not None, reading, shares))
    return tuple(clocks)


def _span(events: Iterable[Event], rule: ClockRule) -> _Span | None:
    """The span of a clock under its rule, None when it has not started."""
    span: _Span | None = None
    for event in events:
        if event.kind is EventKind.REOPENED and rule.start in RESUMED:
            span = None
        elif span is None:
            span = _Span(event.at, None, None, []) if event.kind is rule.start else None
        elif event.kind is EventKind.REOPENED and span.stop is not None and span.stopped_by in RESUMED:
            span.gaps.append(Pause(span.stop, max(span.stop, event.at), BACK))
            span.stop = span.stopped_by = None
        elif event.kind in rule.stops and span.stop is None and event.at >= span.start:
            span.stop, span.stopped_by = event.at, event.kind
    return span


def _pauses(events: Iterable[Event]) -> list[Pause]:
    """The waits, each with its reason; one that was never ended lasts until the incident was restored or closed."""
    pauses: list[Pause] = []
    for event in events:
        if event.kind is EventKind.WAITING_BEGAN:
            pauses.append(Pause(event.at, None, event.details.get("reason", "paused")))
        elif event.kind in {EventKind.WAITING_ENDED, *RESUMED} and pauses and pauses[-1].end is None:
            pauses[-1] = replace(pauses[-1], end=max(pauses[-1].start, event.at))
    return pauses


def _shares(events: Iterable[Event], reading: Reading) -> dict[Responsible, timedelta]:
    """The counted time by who was responsible when it passed; sums exactly to what elapsed (semantics 20).

    A validated responsible answers from the time the validation says (`from`), else from the detection on.
    """
    counted = [stretch.interval for stretch in reading.explanation if stretch.counts]
    if not counted:
        return {}
    edges: list[tuple[datetime, Responsible]] = [(counted[0].start, Responsible.NOBODY)]
    for event in events:
        if event.kind is EventKind.VALIDATED:
            since = event.details.get("from")
            moment = datetime.fromisoformat(since) if since else counted[0].start
            edges = [edge for edge in edges if edge[0] < moment]
            edges.append((moment, Responsible(event.details["responsible"])))
    shares: dict[Responsible, timedelta] = {}
    for index, (start, responsible) in enumerate(edges):
        end = edges[index + 1][0] if index + 1 < len(edges) else max(start, counted[-1].end)
        span = total(intersect([Interval(start, max(start, end))], counted))
        shares[responsible] = shares.get(responsible, timedelta()) + span
    return {responsible: span for responsible, span in shares.items() if span}
