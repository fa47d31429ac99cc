"""Semantics 13 to 19: worked cases a lawyer could follow, and properties against a second-by-second clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_store.domain.calendars import ALWAYS, Calendar, Window, parse_window
from incident_store.domain.clocks import ClockState, Pause, read_clock
from incident_store.domain.intervals import total

LIMA = ZoneInfo("America/Lima")
HOUR = timedelta(hours=1)
DAY = (parse_window("08:30", "13:00"), parse_window("14:00", "17:30"))
OFFICE = Calendar(LIMA, (DAY, DAY, DAY, DAY, DAY, (), ()), {date(2026, 10, 8): "Combate de Angamos"})
"""Monday to Friday 08:30–13:00 and 14:00–17:30, without Thursday 8 October 2026."""


def lima(text: str) -> datetime:
    """`05 09:00` is 5 October 2026, 09:00 in Lima."""
    day, hour = text.split()
    return datetime.fromisoformat(f"2026-10-{day}T{hour}").replace(tzinfo=LIMA).astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "start", "due"),
    [
        (4, "05 09:00", "05 13:00"),  # used up at the very start of lunch: due then (semantics 14)
        (5, "05 09:00", "05 15:00"),  # one hour after lunch
        (8, "05 08:30", "05 17:30"),  # a whole day: due at closing time itself (semantics 14)
        (4, "07 15:00", "09 10:00"),  # Wednesday 15:00: 2.5 h, Thursday is a holiday, 1.5 h on Friday
        (1, "09 17:00", "12 09:00"),  # Friday 17:00: half an hour, then Monday
        (1, "10 11:00", "12 09:30"),  # a Saturday counts from Monday's opening
    ],
)
def test_due_times_on_the_office_calendar(hours: int, start: str, due: str) -> None:
    reading = read_clock(OFFICE, hours * HOUR, lima(start), None, [], lima(start))
    assert reading.due == lima(due)


def test_one_second_past_closing_time_rolls_to_the_next_opening() -> None:
    reading = read_clock(OFFICE, 8 * HOUR + timedelta(seconds=1), lima("05 08:30"), None, [], lima("05 08:30"))
    assert reading.due == lima("06 08:30") + timedelta(seconds=1)


def test_equal_to_the_target_is_met_and_one_second_more_is_breached() -> None:
    start = lima("05 09:00")
    assert read_clock(ALWAYS, HOUR, start, start + HOUR, [], start).state is ClockState.MET
    late = start + HOUR + timedelta(seconds=1)
    assert read_clock(ALWAYS, HOUR, start, late, [], start).state is ClockState.BREACHED


def test_overlapping_pauses_count_once_and_a_pause_before_the_start_is_clipped() -> None:
    pauses = [
        Pause(lima("05 08:00"), lima("05 10:00")),
        Pause(lima("05 11:00"), lima("05 12:00")),
        Pause(lima("05 11:30"), lima("05 12:30")),
    ]
    reading = read_clock(ALWAYS, 4 * HOUR, lima("05 09:00"), None, pauses, lima("05 13:00"))
    assert reading.elapsed == timedelta(hours=1, minutes=30)
    assert reading.due == lima("05 15:30")


def test_an_open_pause_has_no_due_time_and_shows_what_remains() -> None:
    reading = read_clock(ALWAYS, 4 * HOUR, lima("05 09:00"), None, [Pause(lima("05 10:00"), None)], lima("05 18:00"))
    assert (reading.state, reading.due, reading.remaining) == (ClockState.PAUSED, None, 3 * HOUR)


def test_a_target_used_up_before_an_open_pause_keeps_its_due_time() -> None:
    reading = read_clock(ALWAYS, HOUR, lima("05 09:00"), None, [Pause(lima("05 11:00"), None)], lima("05 18:00"))
    assert (reading.state, reading.due) == (ClockState.BREACHED, lima("05 10:00"))


def test_resolved_directly_from_a_pause_ends_the_pause_with_the_clock() -> None:
    reading = read_clock(
        ALWAYS, 4 * HOUR, lima("05 09:00"), lima("05 12:00"), [Pause(lima("05 10:00"), None)], lima("06 09:00")
    )
    assert (reading.state, reading.elapsed) == (ClockState.MET, HOUR)


def test_the_explanation_names_the_holiday_the_pause_and_the_closed_hours() -> None:
    pauses = [Pause(lima("09 09:00"), lima("09 10:00"), "espera del operador")]
    reading = read_clock(OFFICE, 8 * HOUR, lima("07 17:00"), None, pauses, lima("09 11:00"))
    assert [(stretch.counts, stretch.reason) for stretch in reading.explanation] == [
        (True, "open"),
        (False, "closed"),
        (False, "Combate de Angamos"),
        (False, "closed"),
        (True, "open"),
        (False, "espera del operador"),
        (True, "open"),
    ]


def test_a_calendar_without_hours_or_with_overlapping_windows_is_refused() -> None:
    with pytest.raises(ValueError, match="opening hours"):
        Calendar(LIMA, ((),) * 7)
    with pytest.raises(ValueError, match="overlap"):
        Calendar(LIMA, ((Window(0, 60), Window(30, 90)), *((),) * 6))


def test_a_stop_before_the_start_and_a_target_of_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="stops before"):
        read_clock(ALWAYS, HOUR, lima("05 09:00"), lima("05 08:00"), [], lima("05 09:00"))
    with pytest.raises(ValueError, match="longer than zero"):
        read_clock(ALWAYS, timedelta(), lima("05 09:00"), None, [], lima("05 09:00"))


minute = st.integers(min_value=0, max_value=3 * 24 * 60)
pause = st.tuples(minute, minute).map(sorted)


def brute_force(calendar: Calendar, start: int, end: int, pauses: list[list[int]]) -> int:
    """Minutes that count, asked one by one."""
    counted = 0
    for index in range(start, end):
        moment = (lima("07 00:00") + timedelta(minutes=index)).astimezone(LIMA)
        minutes = moment.hour * 60 + moment.minute
        windows = () if moment.date() in calendar.holidays else calendar.week[moment.weekday()]
        is_open = any(window.opens <= minutes < window.closes for window in windows)
        counted += is_open and not any(first <= index < last for first, last in pauses)
    return counted


@settings(max_examples=60, deadline=None)
@given(minute, minute, st.lists(pause, max_size=4))
def test_elapsed_equals_a_clock_that_counts_minute_by_minute(first: int, second: int, pauses: list[list[int]]) -> None:
    start, end = sorted((first, second))
    origin = lima("07 00:00")
    reading = read_clock(
        OFFICE,
        HOUR,
        origin + timedelta(minutes=start),
        origin + timedelta(minutes=end),
        [Pause(origin + timedelta(minutes=a), origin + timedelta(minutes=b)) for a, b in pauses],
        origin,
    )
    assert reading.elapsed == timedelta(minutes=brute_force(OFFICE, start, end, pauses))
    assert total(stretch.interval for stretch in reading.explanation) == timedelta(minutes=end - start)


@settings(max_examples=60, deadline=None)
@given(minute, st.lists(pause, max_size=3), st.integers(min_value=1, max_value=30 * 60))
def test_the_due_time_is_the_moment_at_which_elapsed_reaches_the_target(
    start: int, pauses: list[list[int]], target: int
) -> None:
    origin = lima("07 00:00")
    began = origin + timedelta(minutes=start)
    held = [Pause(origin + timedelta(minutes=a), origin + timedelta(minutes=b)) for a, b in pauses]
    due = read_clock(OFFICE, timedelta(minutes=target), began, None, held, began).due
    assert due is not None
    assert read_clock(OFFICE, timedelta(minutes=target), began, due, held, due).elapsed == timedelta(minutes=target)
    before = due - timedelta(seconds=1)
    assert read_clock(OFFICE, timedelta(minutes=target), began, before, held, due).elapsed < timedelta(minutes=target)


def test_a_calendar_that_never_closes_is_explained_in_one_stretch() -> None:
    always_in_lima = Calendar(LIMA, ((Window(0, 24 * 60),),) * 7, {date(2026, 10, 8): "Combate de Angamos"})
    start, now = lima("05 09:00"), lima("15 09:00")
    (one,) = read_clock(ALWAYS, HOUR, start, None, [], now).explanation
    assert (one.interval.start, one.interval.end, one.reason) == (start, now, "open")
    reasons = [stretch.reason for stretch in read_clock(always_in_lima, HOUR, start, None, [], now).explanation]
    assert reasons == ["open", "Combate de Angamos", "open"]


def test_a_target_beyond_the_year_9999_is_an_error_that_says_so() -> None:
    with pytest.raises(OverflowError, match="9999"):
        read_clock(ALWAYS, timedelta(days=4_000_000), lima("05 09:00"), None, [], lima("05 10:00"))
