"""Sets of minutes as whole numbers: bit i stands for the i-th minute of a span. A month is 5.6 KB, whatever it holds.

Union, intersection and difference are `|`, `&` and `& ~`; a set's size is `bit_count()`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_, or_

from incident_store.domain.intervals import Interval, intersect, merge
from incident_store.domain.months import MINUTE

HALF = MINUTE / 2


@dataclass(frozen=True, slots=True)
class Span:
    """Whole minutes from `start` on; `start` falls on a minute."""

    start: datetime
    minutes: int

    @property
    def end(self) -> datetime:
        return self.start + self.minutes * MINUTE

    @property
    def interval(self) -> Interval:
        return Interval(self.start, self.end)

    @property
    def all(self) -> int:
        """Every minute of the span."""
        return between(0, self.minutes)

    def index(self, moment: datetime) -> int:
        """The minute that owns a moment, held to the span's first and to the one after its last."""
        return min(max((moment - self.start) // MINUTE, 0), self.minutes)

    def moment(self, index: int) -> datetime:
        """When a minute begins."""
        return self.start + index * MINUTE

    def within(self, interval: Interval) -> int:
        """The minutes that begin in the interval."""
        return between(self._first_from(interval.start), self._first_from(interval.end))

    def touched_by(self, intervals: Iterable[Interval]) -> int:
        """The minutes of which any part lies in the intervals."""
        found = 0
        for interval in intersect(intervals, [self.interval]):
            found |= between(self.index(interval.start), self._first_from(interval.end))
        return found

    def mostly_in(self, intervals: Iterable[Interval]) -> int:
        """The minutes of which more than half lies in the intervals."""
        merged, found = merge(intervals), 0
        for interval in intersect(merged, [self.interval]):
            first, last = self._first_from(interval.start), self.index(interval.end)
            found |= between(first, last)
            for edge in {self.index(interval.start), last}:
                if edge < self.minutes and self._share(edge, merged) > HALF:
                    found |= 1 << edge
        return found

    def intervals(self, minutes: int) -> tuple[Interval, ...]:
        """The runs of a set as time."""
        return tuple(Interval(self.moment(first), self.moment(end)) for first, end in runs(minutes))

    def _first_from(self, moment: datetime) -> int:
        """The first minute that does not begin before a moment."""
        return min(max(-((self.start - moment) // MINUTE), 0), self.minutes)

    def _share(self, index: int, merged: Sequence[Interval]) -> timedelta:
        minute = Interval(self.moment(index), self.moment(index + 1))
        return sum((one.duration for one in intersect([minute], merged)), timedelta())


def between(first: int, end: int) -> int:
    """The minutes from `first` on, before `end`."""
    return ((1 << (end - first)) - 1) << first if end > first else 0


def runs(minutes: int) -> Iterator[tuple[int, int]]:
    """Each unbroken run as (first, one after the last), in order."""
    place = 0
    while minutes:
        skipped = (minutes & -minutes).bit_length() - 1
        minutes >>= skipped
        length = (~minutes & (minutes + 1)).bit_length() - 1
        yield place + skipped, place + skipped + length
        minutes >>= length
        place += skipped + length


def at_least(count: int, sets: Sequence[int], everything: int) -> int:
    """The minutes that are in at least `count` of the sets; all of them when `count` is not positive."""
    if count <= 0:
        return everything
    if count == 1:
        return reduce(or_, sets, 0)
    if count == len(sets):
        return reduce(and_, sets)
    reached = [everything] + [0] * count
    for minutes in sets:
        for have in range(count, 0, -1):
            reached[have] |= reached[have - 1] & minutes
    return reached[count]
