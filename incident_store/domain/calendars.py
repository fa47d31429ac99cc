"""Service calendars: when a clock runs (semantics 13, 14, 17)."""

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from incident_store.domain.intervals import Interval, merge

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
FOREVER = datetime.max.replace(tzinfo=UTC)


class Closed(StrEnum):
    """Why a calendar does not count."""

    HOURS = "closed"
    HOLIDAY = "holiday"


@dataclass(frozen=True, order=True)
class Window:
    """Opening hours of one day, in minutes after local midnight; `closes` may be 1440, the end of the day."""

    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not 0 <= self.opens < self.closes <= DAY_MINUTES:
            raise ValueError("a window opens before it closes, within 00:00 and 24:00")


def parse_window(opens: str, closes: str) -> Window:
    """A window from `08:30` and `17:30`; raises ValueError saying which text is no time of day."""
    return Window(_minutes(opens), _minutes(closes))


def _minutes(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and int(minutes) < 60):
        raise ValueError(f"{text!r} is not a time of day such as 08:30")
    return int(hours) * 60 + int(minutes)


@dataclass(frozen=True)
class Stretch:
    """A piece of time that the calendar counts, or not and why (`closed`, or the holiday's name)."""

    interval: Interval
    counts: bool
    reason: str


class _Year(NamedTuple):
    """The openings of one local year: in order, when each ends, and how long it was open before each (and in all)."""

    openings: tuple[Interval, ...]
    ends: tuple[datetime, ...]
    before: tuple[timedelta, ...]

    def open_before(self, moment: datetime) -> timedelta:
        """How long it was open in this year until `moment`."""
        index = bisect_right(self.ends, moment)
        begun = index < len(self.openings) and self.openings[index].start < moment
        return self.before[index] + (moment - self.openings[index].start if begun else timedelta())

    def when_open_for(self, length: timedelta) -> datetime | None:
        """The moment at which it has been open for so long since the year began; None if that is in a later year."""
        index = bisect_left(self.before, length)
        if index == len(self.before):
            return None
        return self.openings[index - 1].start + (length - self.before[index - 1])


@dataclass(frozen=True)
class Calendar:
    """Opening windows by weekday (Monday first) in a zone, and the days that are closed whole, by name.

    The openings of a year are worked out once, when it is first asked for; what is asked later is looked up.

    Raises ValueError without any opening hours and for windows of a day that overlap.
    """

    zone: tzinfo
    week: tuple[tuple[Window, ...], ...]
    holidays: Mapping[date, str] = field(default_factory=dict)
    _years: dict[int, _Year] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.week) != len(WEEKDAYS):
            raise ValueError("a calendar has seven days")
        if not any(self.week):
            raise ValueError("a calendar needs opening hours: no clock on it would ever run")
        for day, windows in zip(WEEKDAYS, self.week, strict=True):
            ordered = sorted(windows)
            for earlier, later in itertools.pairwise(ordered):
                if later.opens < earlier.closes:
                    raise ValueError(f"windows of {day} overlap")

    @cached_property
    def always_open(self) -> bool:
        return not self.holidays and all(day == (Window(0, DAY_MINUTES),) for day in self.week)

    def openings(self, start: datetime) -> Iterator[Interval]:
        """The opening intervals from `start` (UTC) on, in order, until the year 9999; the first may be cut by `start`.

        Raises OverflowError when asked for what comes after that year.
        """
        if self.always_open:
            yield Interval(start, FOREVER)
            return
        for year in self._from(start):
            for opening in year.openings[bisect_right(year.ends, start) :]:
                yield opening if start <= opening.start else Interval(start, opening.end)

    def counted(self, span: Interval) -> timedelta:
        """How much of the span (UTC) the calendar is open."""
        if self.always_open:
            return span.end - span.start
        first, last = self._local_year(span.start), self._local_year(span.end)
        whole = sum((self._year(number).before[-1] for number in range(first, last)), timedelta())
        return whole + self._year(last).open_before(span.end) - self._year(first).open_before(span.start)

    def when_counted(self, start: datetime, length: timedelta) -> datetime:
        """The first moment at which the calendar has been open for `length` (more than zero) since `start` (UTC).

        At closing time it is due then and not at the next opening (semantics 14). Raises OverflowError after 9999.
        """
        if self.always_open:
            return start + length
        for year in self._from(start):
            length += year.open_before(start)
            if (moment := year.when_open_for(length)) is not None:
                return moment
            length -= year.before[-1]
        raise AssertionError("the years end with an OverflowError")

    def _from(self, start: datetime) -> Iterator[_Year]:
        return map(self._year, itertools.count(self._local_year(start)))

    def _local_year(self, moment: datetime) -> int:
        return moment.astimezone(self.zone).year

    def _year(self, number: int) -> _Year:
        known = self._years.get(number)
        if known is None:
            known = self._years[number] = self._expanded(number)
        return known

    def _expanded(self, number: int) -> _Year:
        if number > MAXYEAR:
            raise OverflowError("it is open for too little before the year 9999 ends")
        day, following = date(number, 1, 1), []
        while day.year == number:
            following += [self._interval(day, window) for window in self._windows(day)]
            if day == date.max:
                break
            day += timedelta(days=1)
        openings = merge(following)
        before = itertools.accumulate((opening.duration for opening in openings), initial=timedelta())
        return _Year(openings, tuple(opening.end for opening in openings), tuple(before))

    def stretches(self, span: Interval) -> Iterator[Stretch]:
        """The span cut into what counts and what does not, each with its reason; nothing left out.

        Stretches that touch and have the same reason are one: a calendar that never closes is one stretch.
        """
        return _joined(self._pieces(span))

    def _pieces(self, span: Interval) -> Iterator[Stretch]:
        moment = span.start
        for opening in self.openings(span.start):
            if opening.start >= span.end:
                break
            yield from self._closed(moment, opening.start)
            moment = min(opening.end, span.end)
            yield Stretch(Interval(opening.start, moment), counts=True, reason="open")
        yield from self._closed(moment, span.end)

    def _windows(self, day: date) -> tuple[Window, ...]:
        return () if day in self.holidays else self.week[day.weekday()]

    def _closed(self, start: datetime, end: datetime) -> Iterator[Stretch]:
        """Closed time from start to end, cut where a holiday begins or ends."""
        while start < end:
            day = start.astimezone(self.zone).date()
            holiday = self.holidays.get(day)
            edge = self._midnight(day + timedelta(days=1))
            while edge < end and self.holidays.get(edge.astimezone(self.zone).date()) == holiday:
                edge = self._midnight(edge.astimezone(self.zone).date() + timedelta(days=1))
            stop = min(edge, end)
            yield Stretch(Interval(start, stop), counts=False, reason=holiday or Closed.HOURS.value)
            start = stop

    def _interval(self, day: date, window: Window) -> Interval:
        """A window of a day; empty where the clocks are put forward over it."""
        opens = self._moment(day, window.opens)
        return Interval(opens, max(opens, self._moment(day, window.closes)))

    def _midnight(self, day: date) -> datetime:
        return self._moment(day, 0)

    def _moment(self, day: date, minutes: int) -> datetime:
        if minutes == DAY_MINUTES:
            day, minutes = day + timedelta(days=1), 0
        return datetime.combine(day, time(minutes // 60, minutes % 60), self.zone).astimezone(UTC)


def _joined(stretches: Iterator[Stretch]) -> Iterator[Stretch]:
    """Each run of stretches that touch and say the same, as one."""
    last: Stretch | None = None
    for stretch in stretches:
        if last is None:
            last = stretch
        elif (last.interval.end, last.counts, last.reason) == (stretch.interval.start, stretch.counts, stretch.reason):
            last = Stretch(Interval(last.interval.start, stretch.interval.end), last.counts, last.reason)
        else:
            yield last
            last = stretch
    if last is not None:
        yield last


ALWAYS = Calendar(UTC, ((Window(0, DAY_MINUTES),),) * 7)
"""Round the clock, every day."""
