"""What incidents say of minutes: how long the fault lasted, whose it was, what a relapse joins (semantics 8, 25)."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_store.domain.exclusions import ExclusionState, exclusions
from incident_store.domain.incident_clocks import responsibles
from incident_store.domain.incidents import Event, corrected, fold
from incident_store.domain.intervals import Interval, intersect
from incident_store.domain.lifecycle import EventKind, State
from incident_store.domain.minute_sets import Span, between, runs
from incident_store.domain.policies import Responsible

NOT_THE_PROVIDER = frozenset({Responsible.OPERATOR, Responsible.OTI})
"""Whose faults are not held against the provider, once a supervisor has validated that they are theirs."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One stretch of an incident: from its beginning or relapse to the confirmed restoration, None while it lasts."""

    start: datetime
    restored_at: datetime | None

    def until(self, now: datetime) -> Interval:
        """The stretch as time, as far as it has gone."""
        return Interval(self.start, max(self.start, self.restored_at or now))


def faults(events: Sequence[Event]) -> tuple[Fault, ...]:
    """The stretches of an incident in order; none of one that was discarded.

    The first begins with the fault or its detection, whichever is earlier: a ticket may come before the monitor.
    """
    incident = fold(events)
    if incident.state is State.DISCARDED:
        return ()
    began = incident.times.get(EventKind.FAULT_BEGAN, incident.times[EventKind.DETECTED])
    found = [Fault(min(began, incident.times[EventKind.DETECTED]), None)]
    for event in corrected(events):
        if event.kind is EventKind.RESTORED:
            found[-1] = Fault(found[-1].start, max(found[-1].start, event.at))
        elif event.kind is EventKind.REOPENED and found[-1].restored_at is not None:
            found.append(Fault(max(event.at, found[-1].restored_at), None))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Exempt:
    """Time of an incident that is not held against the provider, whose fault it was, why, and who validated that."""

    interval: Interval
    responsible: Responsible
    reason: str
    approved_by: str


def exempt_time(events: Sequence[Event], now: datetime) -> tuple[Exempt, ...]:
    """What a validated diagnosis lays on the operator or on OTI, and what validated exclusions take out (rule 25)."""
    stretches = faults(events)
    if not stretches:
        return ()
    whole = [fault.until(now) for fault in stretches]
    return (*_of_others(events, whole), *_taken_out(events, whole))


def _taken_out(events: Sequence[Event], whole: Sequence[Interval]) -> Iterator[Exempt]:
    responsible = fold(events).responsible
    for one in exclusions(events):
        if one.state is ExclusionState.VALIDATED:
            for piece in intersect([one.interval], whole):
                yield Exempt(piece, responsible, one.reason, one.decided_by or "")


def _of_others(events: Sequence[Event], whole: Sequence[Interval]) -> Iterator[Exempt]:
    incident = fold(events)
    if not incident.validated or incident.diagnosis is None:
        return
    validator = next(event.author for event in reversed(events) if event.kind is EventKind.VALIDATED)
    edges = responsibles(corrected(events), whole[0].start)
    for index, (start, responsible) in enumerate(edges):
        end = edges[index + 1][0] if index + 1 < len(edges) else max(start, whole[-1].end)
        if responsible in NOT_THE_PROVIDER and start < end:
            for piece in intersect([Interval(start, end)], whole):
                yield Exempt(piece, responsible, incident.diagnosis.details.get("cause", ""), validator)


def exempt_minutes(exempt: Sequence[Exempt], stretches: Sequence[Fault], down: int, span: Span) -> int:
    """The minutes of exempt time. Where it begins with the fault, it begins with the outage that the monitor saw: a
    downtime starts at the ticket or at what was seen, whichever is earlier."""
    onsets = {fault.start for fault in stretches}
    found = 0
    for one in exempt:
        minutes = span.touched_by([one.interval])
        found |= minutes | (_before(minutes, down) if one.interval.start in onsets else 0)
    return found


def _before(minutes: int, down: int) -> int:
    """The earlier part of the outage in which a set of minutes begins."""
    first = (minutes & -minutes).bit_length() - 1
    if first < 0 or not down >> first & 1:
        return 0
    up_before = ~down & between(0, first)
    return between(up_before.bit_length(), first)


def fault_minutes(stretches: Sequence[Fault], down: int, span: Span, now: datetime) -> int:
    """The minutes of an incident's stretches, each from the outage on that the monitor saw."""
    found = 0
    for fault in stretches:
        minutes = span.touched_by([fault.until(now)])
        found |= minutes | _before(minutes, down)
    return found


def joined_minutes(down: int, span: Span, stretches: Sequence[Fault], window: timedelta, now: datetime) -> int:
    """The minutes between the outages of one incident that a relapse within the window makes one (semantics 25).

    The window runs from the end of an outage or, when it was confirmed later, from the restoration.
    """
    if not stretches:
        return 0
    whole = span.touched_by([Interval(stretches[0].start, stretches[-1].until(now).end)])
    outages = [(first, end) for first, end in runs(down) if whole & between(first, end)]
    joined = 0
    for end, start in _gaps(outages):
        over = max([span.moment(end), *_restorations(stretches, span.moment(end), span.moment(start))])
        if span.moment(start) - over <= window:
            joined |= between(end, start)
    return joined


def _gaps(outages: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for (_, end), (start, _) in itertools.pairwise(outages):
        yield end, start


def _restorations(stretches: Sequence[Fault], after: datetime, before: datetime) -> Iterator[datetime]:
    for fault in stretches:
        if fault.restored_at is not None and after <= fault.restored_at <= before:
            yield fault.restored_at
