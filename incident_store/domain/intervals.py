"""The one algebra of half-open UTC intervals that carries opening hours, pauses, downtime and availability."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, order=True, slots=True)
class Interval:
    """The time from `start`, included, to `end`, excluded; both with a zone. An empty interval is allowed."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("an interval needs times with a zone")
        if self.end < self.start:
            raise ValueError(f"an interval cannot end ({self.end}) before it starts ({self.start})")

    @property
    def duration(self) -> timedelta:
        return self.end.astimezone(UTC) - self.start.astimezone(UTC)

    def contains(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def to_the_second(moment: datetime) -> datetime:
    """The moment as people read it. What is reckoned from such moments is what a reader reckons (semantics 13)."""
    return moment.replace(microsecond=0)


def merge(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The same time in ascending, disjoint, non-empty intervals; touching ones become one."""
    merged: list[Interval] = []
    for interval in sorted(interval for interval in intervals if interval.start < interval.end):
        if merged and interval.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return tuple(merged)


def intersect(first: Iterable[Interval], second: Iterable[Interval]) -> tuple[Interval, ...]:
    """The time that lies in both."""
    left, right = list(merge(first)), list(merge(second))
    return tuple(_sweep(left, right))


def _sweep(left: list[Interval], right: list[Interval]) -> Iterator[Interval]:
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i].start, right[j].start), min(left[i].end, right[j].end)
        if start < end:
            yield Interval(start, end)
        if left[i].end <= right[j].end:
            i += 1
        else:
            j += 1


def subtract(first: Iterable[Interval], second: Iterable[Interval]) -> tuple[Interval, ...]:
    """The time of the first that does not lie in the second."""
    holes = merge(second)
    return tuple(piece for interval in merge(first) for piece in _without(interval, holes))


def _without(interval: Interval, holes: tuple[Interval, ...]) -> Iterator[Interval]:
    start = interval.start
    for hole in holes:
        if hole.end <= start or interval.end <= hole.start:
            continue
        if start < hole.start:
            yield Interval(start, hole.start)
        start = hole.end
    if start < interval.end:
        yield Interval(start, interval.end)


def total(intervals: Iterable[Interval]) -> timedelta:
    """How much time the intervals cover; time covered twice counts once."""
    return sum((interval.duration for interval in merge(intervals)), timedelta())
