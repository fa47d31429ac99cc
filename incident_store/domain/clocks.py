"""One SLA clock: a span, a calendar, pauses and a target give elapsed time, due time and verdict (semantics 13–19)."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from incident_store.domain.calendars import FOREVER, Calendar, Stretch
from incident_store.domain.intervals import Interval, intersect, merge, subtract


class ClockState(StrEnum):
    """What a clock says. Equal to the target is met; a stopped clock is met or breached."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"


@dataclass(frozen=True)
class Pause:
    """Time that does not count, and why; `end` is None while it lasts."""

    start: datetime
    end: datetime | None
    reason: str = "paused"


@dataclass(frozen=True)
class Reading:
    """What a clock says at one moment. `due` is None while an open pause keeps it from being known.

    `span` is the time in which the clock stood or ran; what of it counts is worked out when it is asked for.
    """

    due: datetime | None
    elapsed: timedelta
    remaining: timedelta
    state: ClockState
    calendar: Calendar
    span: Interval
    pauses: tuple[tuple[Interval, str], ...]

    @cached_property
    def explanation(self) -> tuple[Stretch, ...]:
        """The span as stretches that counted or not, and why, in order and nothing left out (semantics 19)."""
        return tuple(_explain(self.calendar, self.span, self.pauses))

    def counted(self, part: Interval) -> timedelta:
        """How much of this part of the time counted."""
        paused = [interval for interval, _ in self.pauses]
        return _counted(self.calendar, intersect([self.span], [part]), paused)


def read_clock(
    calendar: Calendar,
    target: timedelta,
    start: datetime,
    stop: datetime | None,
    pauses: Sequence[Pause],
    now: datetime,
) -> Reading:
    """The clock that began at `start` and ended at `stop`, or is still open and read at `now`.

    All times carry a zone. Raises ValueError for a target that is not positive, a stop before the start,
    and a pause that ends before it starts; OverflowError for a target that is reached after the year 9999.
    """
    if target <= timedelta():
        raise ValueError("the target must be longer than zero")
    if stop is not None and stop < start:
        raise ValueError("the clock stops before it starts")
    span = Interval(_utc(start), _utc(max(start, now if stop is None else stop)))
    held = [_interval(pause, span.end) for pause in pauses]
    elapsed = _counted(calendar, [span], held)
    paused = stop is None and any(_holds(pause, now) for pause in pauses)
    return Reading(
        due=_due(calendar, target, span.start, pauses if stop is None else _until(pauses, held)),
        elapsed=elapsed,
        remaining=target - elapsed,
        state=_state(elapsed, target, stopped=stop is not None, paused=paused),
        calendar=calendar,
        span=span,
        pauses=tuple((part, pause.reason) for part, pause in zip(held, pauses, strict=True)),
    )


def _counted(calendar: Calendar, spans: Sequence[Interval], paused: Sequence[Interval]) -> timedelta:
    return sum((calendar.counted(piece) for piece in subtract(spans, paused)), timedelta())


def _state(elapsed: timedelta, target: timedelta, *, stopped: bool, paused: bool) -> ClockState:
    if elapsed > target:
        return ClockState.BREACHED
    if stopped:
        return ClockState.MET
    return ClockState.PAUSED if paused else ClockState.RUNNING


def _holds(pause: Pause, now: datetime) -> bool:
    return pause.start <= now and (pause.end is None or now < pause.end)


def _until(pauses: Sequence[Pause], held: Sequence[Interval]) -> list[Pause]:
    """The pauses of a stopped clock: one that was open at the stop ends with it."""
    return [Pause(part.start, part.end, pause.reason) for pause, part in zip(pauses, held, strict=True)]


def _interval(pause: Pause, end: datetime) -> Interval:
    """The pause as an interval; an open one lasts until `end` (or is empty when it starts later)."""
    start = _utc(pause.start)
    return Interval(start, max(start, end) if pause.end is None else _utc(pause.end))


def _explain(calendar: Calendar, span: Interval, paused: Sequence[tuple[Interval, str]]) -> Iterator[Stretch]:
    """The span as stretches in order: the calendar's own, cut where a pause lies over them."""
    cuts = merge(interval for interval, _ in paused)
    pieces = [
        Stretch(piece, counts=False, reason=_reason(piece, paused))
        for piece in _cut(intersect([span], cuts), [interval for interval, _ in paused])
    ]
    for stretch in calendar.stretches(span):
        pieces += [Stretch(piece, stretch.counts, stretch.reason) for piece in subtract([stretch.interval], cuts)]
    yield from sorted(pieces, key=lambda stretch: stretch.interval)


def _cut(intervals: Sequence[Interval], edges: Sequence[Interval]) -> Iterator[Interval]:
    """The intervals cut at every start and end of `edges`, so that each piece has one reason."""
    moments = sorted({edge.start for edge in edges} | {edge.end for edge in edges})
    for interval in intervals:
        inner = [moment for moment in moments if interval.start < moment < interval.end]
        bounds = [interval.start, *inner, interval.end]
        yield from (Interval(start, end) for start, end in itertools.pairwise(bounds))


def _reason(piece: Interval, paused: Sequence[tuple[Interval, str]]) -> str:
    return "; ".join(
        dict.fromkeys(reason for interval, reason in paused if interval.start <= piece.start < interval.end)
    )


def _due(calendar: Calendar, target: timedelta, start: datetime, pauses: Sequence[Pause]) -> datetime | None:
    """When the counted time reaches the target, None if an open pause comes first."""
    open_from = min((_utc(pause.start) for pause in pauses if pause.end is None), default=None)
    closed = [_interval(pause, pause.end) for pause in pauses if pause.end is not None]
    left = target
    for piece in subtract([Interval(start, max(start, open_from or FOREVER))], closed):
        try:
            due = calendar.when_counted(piece.start, left)
        except OverflowError:
            raise OverflowError("the target is reached after the year 9999") from None
        if due <= piece.end:
            return due
        left -= calendar.counted(piece)
    return None


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
