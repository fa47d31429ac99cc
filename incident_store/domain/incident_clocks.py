"""The SLA clocks of an incident: policy applied to its events (semantics 13, 15, 16, 20)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from incident_store.domain.clocks import Pause, Reading, read_clock
from incident_store.domain.incidents import SETS_RESPONSIBLE, SETS_SEVERITY, Event, Incident, corrected, fold
from incident_store.domain.intervals import Interval, to_the_second
from incident_store.domain.lifecycle import SUPERSEDING, TRANSITIONS, EventKind, State
from incident_store.domain.policies import ClockName, ClockRule, Responsible, Severity, SlaPolicy, Target

BACK = "restablecida"
"""Why the time between a restoration and its relapse does not count; it is not a pause (semantics 15)."""

RESUMED = frozenset({EventKind.RESTORED, EventKind.CLOSED})
"""Stops that a relapse undoes; an answer that was given stays given."""


@dataclass(frozen=True)
class Clock:
    """One SLA clock of an incident, read at one moment. `answering` says who was responsible from when on."""

    name: ClockName
    target: Target
    stopped: bool
    reading: Reading
    answering: tuple[tuple[datetime, Responsible], ...]

    @cached_property
    def by_responsible(self) -> Mapping[Responsible, timedelta]:
        """The counted time by who was responsible when it passed; sums exactly to what elapsed (semantics 20)."""
        shares: dict[Responsible, timedelta] = {}
        ends = [start for start, _ in self.answering[1:]] + [self.reading.span.end]
        for (start, responsible), end in zip(self.answering, ends, strict=True):
            counted = self.reading.counted(Interval(start, max(start, end)))
            shares[responsible] = shares.get(responsible, timedelta()) + counted
        return {responsible: span for responsible, span in shares.items() if span}


@dataclass
class _Span:
    """When a clock ran: from its start, but for the time it had stood still before a relapse."""

    start: datetime
    stop: datetime | None
    stopped_by: EventKind | None
    gaps: list[Pause]


@dataclass(frozen=True)
class _Stay:
    """How long the incident was in a state, and the reason given with what led there."""

    state: State
    start: datetime
    end: datetime | None
    reason: str


def read_clocks(events: Sequence[Event], policy: SlaPolicy, now: datetime) -> tuple[Clock, ...]:
    """The incident's clocks at `now`; pure, so the same events always give the same reading (semantics 17).

    Events are taken in the order in which they were written down, each with its own time to the second, as people read
    it (semantics 13): so what is printed of a clock always adds up. What was discarded owes nothing and has no clocks.
    """
    incident = fold(events)
    if incident.state is State.DISCARDED:
        return ()
    now, effective = to_the_second(now), [replace(event, at=to_the_second(event.at)) for event in corrected(events)]
    terms = policy.at(incident.times[EventKind.DETECTED])
    found = (_clock(name, rule, terms.targets, incident, effective, now) for name, rule in terms.clocks.items())
    return tuple(clock for clock in found if clock is not None)


def _clock(
    name: ClockName,
    rule: ClockRule,
    targets: Mapping[tuple[ClockName, Severity, Responsible], Target],
    incident: Incident,
    events: Sequence[Event],
    now: datetime,
) -> Clock | None:
    """One clock of an incident; None if it has no target for it, does not concern it, or has not started."""
    target = targets.get((name, incident.severity, incident.responsible))
    span = _span(events, rule) if target is not None and rule.concerns(incident.responsible) else None
    if target is None or span is None:
        return None
    pauses = [*span.gaps, *_pauses(events, rule, incident)]
    reading = read_clock(target.calendar, target.target, span.start, span.stop, pauses, now)
    return Clock(name, target, span.stop is not None, reading, responsibles(events, reading.span.start))


def _span(events: Iterable[Event], rule: ClockRule) -> _Span | None:
    """The span of a clock under its rule, None when it has not started; the earliest of its stops counts."""
    span: _Span | None = None
    for event in events:
        kind = event.kind
        if kind is EventKind.REOPENED and rule.start in RESUMED:
            span = None
        elif kind is rule.start and (span is None or kind in SUPERSEDING):
            span = _Span(event.at, None, None, []) if span is None else span
            span.start = event.at
        elif span is None:
            continue
        elif kind is EventKind.REOPENED and span.stop is not None and span.stopped_by in RESUMED:
            span.gaps.append(Pause(span.stop, max(span.stop, event.at), BACK))
            span.stop = span.stopped_by = None
        elif kind in rule.stops and event.at >= span.start and (span.stop is None or event.at < span.stop):
            span.stop, span.stopped_by = event.at, kind
    return span


def _pauses(events: Sequence[Event], rule: ClockRule, incident: Incident) -> list[Pause]:
    """The stays in states that stop this clock, each with its reason; the last one may be open."""
    rules = [one for one in rule.pauses if one.concerns(incident.severity, incident.responsible)]
    if not rules:
        return []
    stays = [stay for stay in _stays(events) if any(one.holds(stay.state, stay.reason) for one in rules)]
    return [Pause(stay.start, stay.end, stay.reason or stay.state.value) for stay in stays]


def _stays(events: Sequence[Event]) -> Iterator[_Stay]:
    """The states that the incident went through, in the order in which they were written down."""
    state, since, reason = State.DETECTED, events[0].at, ""
    for event in events:
        following = TRANSITIONS[state].get(event.kind, state)
        if following is not state:
            yield _Stay(state, since, max(since, event.at), reason)
            state, since, reason = following, event.at, event.details.get("reason", "")
    yield _Stay(state, since, None, reason)


def responsibles(events: Iterable[Event], start: datetime) -> tuple[tuple[datetime, Responsible], ...]:
    """Who was responsible from when on; at first nobody.

    A validated responsible answers from the time the validation says (`from`), else from the clock's start on.
    """
    edges: list[tuple[datetime, Responsible]] = [(start, Responsible.NOBODY)]
    for event in events:
        if event.kind is EventKind.VALIDATED:
            since = event.details.get("from")
            moment = max(start, to_the_second(datetime.fromisoformat(since))) if since else start
            edges = [edge for edge in edges if edge[0] < moment]
            edges.append((moment, Responsible(event.details["responsible"])))
    return tuple(edges)


@dataclass(frozen=True)
class EarlierDue:
    """When a clock was due before a change of severity or responsible, written down at `until`, judged it anew."""

    clock: ClockName
    due: datetime
    severity: Severity
    responsible: Responsible
    until: datetime


def earlier_dues(events: Sequence[Event], policy: SlaPolicy) -> tuple[EarlierDue, ...]:
    """The due times that changes of severity or responsible replaced, oldest first (semantics 16)."""
    found = []
    for place, event in enumerate(events):
        before = fold(events[:place])
        known = EventKind.SEVERITY_SET in before.times and EventKind.SUSPECTED in before.times
        if not known or event.kind not in SETS_SEVERITY | SETS_RESPONSIBLE:
            continue
        dues = {clock.name: clock.reading.due for clock in read_clocks(events[: place + 1], policy, event.recorded_at)}
        for clock in read_clocks(events[:place], policy, event.recorded_at):
            due = clock.reading.due
            if due is not None and due != dues.get(clock.name):
                found.append(EarlierDue(clock.name, due, before.severity, before.responsible, event.recorded_at))
    return tuple(found)
