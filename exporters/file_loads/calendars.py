"""When files are due: days of the exchange, holidays, and times of the day in the exchange's zone (semantics 29).

A file speaks of one data day and is due on the following day; what would be due on a closed day is due on the
next open one, and until then nothing of it is late.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator

from groundwork.closed_days import WEEKDAYS, ClosedDays, Weekday

LONGEST_CLOSURE = 31
"""Days after which a calendar that is still closed counts as open, so that a search for the next day ends."""


def _some(days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    if not days:
        raise ValueError("is an empty list: on no day would a file be due")
    return days


class Calendar(ClosedDays):
    """On which days files are due: weekdays, minus the days that are closed."""

    days: Annotated[tuple[Weekday, ...], AfterValidator(_some)] = WEEKDAYS

    def is_open(self, day: date) -> bool:
        """Whether files are due on this day."""
        return WEEKDAYS[day.weekday()] in self.days and day not in self.closed_days

    def due_day(self, data_day: date) -> date:
        """The day on which the file of this data day is due."""
        return self._next_open(data_day + timedelta(days=1))

    def owed_days(self, today: date) -> tuple[date, ...]:
        """The data days that are due today or, on a closed day, next; oldest first."""
        due = self._next_open(today)
        return tuple(sorted(day for day in _days_before(today) if self.due_day(day) == due))

    def _next_open(self, day: date) -> date:
        for later in range(LONGEST_CLOSURE):
            if self.is_open(day + timedelta(days=later)):
                return day + timedelta(days=later)
        return day


def _days_before(today: date) -> Iterator[date]:
    return (today - timedelta(days=back) for back in range(1, LONGEST_CLOSURE + 1))
