"""Semantics 13 to 20 as properties, and against a clock that looks at every second anew."""

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from incident_store.domain.calendars import Calendar, Window
from incident_store.domain.clocks import Pause, Reading, read_clock
from incident_store.domain.incident_clocks import read_clocks
from incident_store.domain.incidents import Event
from incident_store.domain.intervals import total
from incident_store.domain.lifecycle import EventKind
from tests.builders import at
from tests.domain.test_steps import POLICY, SOFIA, WHOLE_ROAD, walk

ZONES = [ZoneInfo(name) for name in ("America/Lima", "America/New_York", "UTC")]
SUNDAY = date(2026, 11, 1)
"""A holiday in Peru; in New York the clocks go back on it at 02:00."""
FIRST = datetime(2026, 10, 30, tzinfo=UTC)
DAYS = 5
second = st.integers(0, DAYS * 86_400)
spans = st.tuples(second, second).map(sorted)
targets = st.integers(1, 200_000).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def days(draw: st.DrawFn) -> tuple[Window, ...]:
    """Up to three windows of a day, some of which may touch."""
    edges = sorted(draw(st.lists(st.integers(0, 1440), max_size=6, unique=True)))
    return tuple(Window(opens, closes) for opens, closes in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    week = draw(st.tuples(*[days()] * 7).filter(any))
    holidays = draw(st.sampled_from([{}, {SUNDAY: "Todos los Santos"}]))
    return Calendar(draw(st.sampled_from(ZONES)), week, holidays)


def moment(seconds: int) -> datetime:
    return FIRST + timedelta(seconds=seconds)


def held(pauses: Sequence[Sequence[int]]) -> list[Pause]:
    return [Pause(moment(start), moment(end)) for start, end in pauses]


pauses_of_days = st.lists(spans, max_size=4)


def read(calendar: Calendar, span: Sequence[int], pauses: Sequence[Sequence[int]], target: timedelta) -> Reading:
    return read_clock(calendar, target, moment(span[0]), None, held(pauses), moment(span[1]))


def every_second(calendar: Calendar, start: int, end: int, pauses: Sequence[Sequence[int]]) -> int:
    """The seconds that count, asked one by one of the wall clock and nothing else."""
    counted = 0
    for index in range(start, end):
        wall = datetime.fromtimestamp(FIRST.timestamp() + index, calendar.zone)
        minute = wall.hour * 60 + wall.minute
        windows = () if wall.date() in calendar.holidays else calendar.week[wall.weekday()]
        is_open = any(window.opens <= minute < window.closes for window in windows)
        counted += is_open and not any(first <= index < last for first, last in pauses)
    return counted


@st.composite
def near_an_edge(draw: st.DrawFn) -> tuple[Calendar, int, int]:
    """A calendar, and an hour or two around one of the edges of its windows."""
    zone = draw(st.sampled_from(ZONES[::2]))
    week = draw(st.tuples(*[days()] * 7).filter(any))
    calendar = Calendar(zone, week, {SUNDAY: "Todos los Santos"})
    edges = sorted({0, *(edge for day in week for window in day for edge in (window.opens, window.closes))})
    local = datetime(2026, 10, 30, tzinfo=zone) + timedelta(days=draw(st.integers(0, 3)))
    edge = int((local - FIRST).total_seconds()) + 60 * draw(st.sampled_from(edges))
    start = edge + draw(st.integers(-3600, 3600))
    return calendar, start, start + draw(st.integers(0, 7200))


@settings(max_examples=60, deadline=None)
@given(near_an_edge(), st.lists(st.tuples(st.integers(-600, 7800), st.integers(0, 3600)), max_size=3))
def test_elapsed_equals_a_clock_that_looks_at_every_second(
    given_: tuple[Calendar, int, int], offsets: list[tuple[int, int]]
) -> None:
    calendar, start, end = given_
    pauses = [(start + offset, start + offset + length) for offset, length in offsets]
    reading = read(calendar, (start, end), pauses, timedelta(hours=1))
    assert reading.elapsed == timedelta(seconds=every_second(calendar, start, end, pauses))


@settings(max_examples=150, deadline=None)
@given(calendars(), spans, pauses_of_days, targets)
def test_what_is_explained_is_the_whole_span_and_what_counts_of_it_is_what_elapsed(
    calendar: Calendar, span: list[int], pauses: list[list[int]], target: timedelta
) -> None:
    reading = read(calendar, span, pauses, target)
    assert total(one.interval for one in reading.explanation if one.counts) == reading.elapsed
    assert sum((one.interval.duration for one in reading.explanation), timedelta()) == timedelta(
        seconds=span[1] - span[0]
    )
    for earlier, later in itertools.pairwise(reading.explanation):
        assert earlier.interval.end == later.interval.start


@settings(max_examples=150, deadline=None)
@given(calendars(), spans, second, pauses_of_days, targets)
def test_a_clock_never_runs_backwards_and_its_due_time_stays(
    calendar: Calendar, span: list[int], later: int, pauses: list[list[int]], target: timedelta
) -> None:
    first, second_ = sorted((span[1], max(span[0], later)))
    early, late = (read(calendar, (span[0], now), pauses, target) for now in (first, second_))
    assert early.elapsed <= late.elapsed <= early.elapsed + timedelta(seconds=second_ - first)
    assert early.due == late.due


@settings(max_examples=150, deadline=None)
@given(calendars(), spans, pauses_of_days, spans, targets)
def test_a_pause_never_shortens_the_time_that_is_left(
    calendar: Calendar, span: list[int], pauses: list[list[int]], another: list[int], target: timedelta
) -> None:
    without, with_it = (read(calendar, span, held_, target) for held_ in (pauses, [*pauses, another]))
    assert with_it.elapsed <= without.elapsed
    assert without.due is not None
    assert with_it.due is not None
    assert with_it.due >= without.due
    open_one = [*held(pauses), Pause(moment(another[0]), None)]
    unended = read_clock(calendar, target, moment(span[0]), None, open_one, moment(span[1]))
    assert unended.elapsed <= with_it.elapsed or another[1] >= span[1]
    assert unended.due is None or unended.due == without.due


@settings(max_examples=150, deadline=None)
@given(calendars(), st.data(), spans, pauses_of_days, targets)
def test_a_window_written_as_two_that_touch_changes_nothing(
    calendar: Calendar, data: st.DataObject, span: list[int], pauses: list[list[int]], target: timedelta
) -> None:
    def split(window: Window) -> tuple[Window, ...]:
        if window.closes - window.opens < 2:
            return (window,)
        cut = data.draw(st.integers(window.opens + 1, window.closes - 1))
        return (Window(cut, window.closes), Window(window.opens, cut))

    week = tuple(tuple(part for window in day for part in split(window)) for day in calendar.week)
    whole = read(calendar, span, pauses, target)
    parts = read(Calendar(calendar.zone, week, calendar.holidays), span, pauses, target)
    assert (parts.due, parts.elapsed, parts.state) == (whole.due, whole.elapsed, whole.state)
    assert parts.explanation == whole.explanation


WAITED = walk(
    *WHOLE_ROAD[:5],
    (SOFIA, EventKind.WAITING_BEGAN, 30, {"reason": "repuesto"}),
    (SOFIA, EventKind.WAITING_ENDED, 40, {}),
    *WHOLE_ROAD[5:],
)
CORRECTIONS = [
    Event(EventKind.CORRECTED, at(minute), at(200), "ana", {"event": str(place), "reason": "x"})
    for place, minute in ((9, 21), (10, 32), (11, 45), (12, 55), (13, 80))
]


@given(st.permutations(CORRECTIONS), st.integers(0, 300))
def test_the_order_of_corrections_changes_nothing(corrections: list[Event], minute: int) -> None:
    usual, shuffled = (read_clocks([*WAITED, *some], POLICY, at(minute)) for some in (CORRECTIONS, corrections))
    for one, other in zip(usual, shuffled, strict=True):
        assert (one.reading.due, one.reading.elapsed) == (other.reading.due, other.reading.elapsed)
        assert one.reading.explanation == other.reading.explanation


@given(st.lists(st.tuples(st.integers(-50, 200), st.sampled_from("ABC")), max_size=5), st.integers(0, 300))
def test_the_time_of_each_responsible_sums_to_what_elapsed(changes: list[tuple[int, str]], minute: int) -> None:
    validations = [
        Event(
            EventKind.VALIDATED,
            at(201),
            at(201),
            "sofia",
            {"severity": "alta", "responsible": who, "from": at(since).isoformat()},
        )
        for since, who in changes
    ]
    for clock in read_clocks([*WAITED, *validations], POLICY, at(minute)):
        assert sum(clock.by_responsible.values(), timedelta()) == clock.reading.elapsed
