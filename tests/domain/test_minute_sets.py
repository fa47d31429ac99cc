"""Sets of minutes against plain lists."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_store.domain.intervals import Interval
from incident_store.domain.minute_sets import Span, at_least, between, runs
from incident_store.domain.months import Month, month_of, parse_month

LIMA = ZoneInfo("America/Lima")
START = datetime(2026, 10, 1, 5, tzinfo=UTC)
SPAN = Span(START, 60)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


seconds = st.integers(-600, 4200)
intervals = st.lists(st.tuples(seconds, seconds).map(lambda pair: Interval(after(min(pair)), after(max(pair)))))


def covered(minute: int, intervals: list[Interval]) -> int:
    """How many seconds of a minute lie in the intervals, counted one by one."""
    return sum(any(one.contains(after(60 * minute + second)) for one in intervals) for second in range(60))


@given(st.sets(st.integers(0, 200)))
def test_runs_are_the_set_itself(minutes: set[int]) -> None:
    found = list(runs(sum(1 << minute for minute in minutes)))

    assert [minute for first, end in found for minute in range(first, end)] == sorted(minutes)
    assert all(end < first for (_, end), (first, _) in itertools.pairwise(found))


@given(intervals)
def test_a_minute_belongs_to_windows_that_cover_more_than_half_of_it(windows: list[Interval]) -> None:
    expected = {minute for minute in range(60) if covered(minute, windows) > 30}

    assert SPAN.mostly_in(windows) == sum(1 << minute for minute in expected)


@given(intervals)
def test_a_minute_is_touched_by_what_covers_any_of_it(windows: list[Interval]) -> None:
    expected = {minute for minute in range(60) if covered(minute, windows) > 0}

    assert SPAN.touched_by(windows) == sum(1 << minute for minute in expected)


@given(st.lists(st.integers(0, 2**20 - 1), min_size=1, max_size=6), st.integers(0, 7))
def test_at_least_counts_in_how_many_sets_a_minute_is(sets: list[int], count: int) -> None:
    expected = {minute for minute in range(20) if sum(one >> minute & 1 for one in sets) >= count}

    assert at_least(count, sets, between(0, 20)) == sum(1 << minute for minute in expected)


@pytest.mark.parametrize(
    ("text", "minutes"), [("2026-10", 44640), ("2026-02", 40320), ("2028-02", 41760), ("2026-04", 43200)]
)
def test_a_month_has_the_minutes_of_its_days_and_begins_at_midnight_in_lima(text: str, minutes: int) -> None:
    month = parse_month(text)
    interval = month.interval(LIMA)

    assert interval.duration == timedelta(minutes=minutes)
    assert interval.start == datetime(month.year, month.month, 1, 5, tzinfo=UTC)
    assert sum(1 for _ in month.days()) * 1440 == minutes


def test_december_is_followed_by_january() -> None:
    assert Month(2026, 12).next() == Month(2027, 1)
    assert month_of(datetime(2027, 1, 1, 4, 59, tzinfo=UTC), LIMA) == Month(2026, 12)


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "octubre", "0000-01", "2026-10-01", "２０２６-10", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a month"):
        parse_month(text)
