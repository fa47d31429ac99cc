"""Calendar months of a zone as UTC time, and the minutes they consist of (semantics 21)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from incident_store.domain.intervals import Interval

MINUTE = timedelta(minutes=1)
FIRST_YEAR, LAST_YEAR = 2000, 9000


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A calendar month; which instants it owns depends on the zone."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}"

    def next(self) -> "Month":
        """The month after this one."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    def days(self) -> Iterator[date]:
        """Its days in order."""
        day = date(self.year, self.month, 1)
        while day.month == self.month:
            yield day
            day += timedelta(days=1)

    def interval(self, zone: tzinfo) -> Interval:
        """Its time, from local midnight to local midnight, in UTC."""
        following = self.next()
        return Interval(_midnight(date(self.year, self.month, 1), zone), _midnight(_first(following), zone))


def parse_month(text: str) -> Month:
    """A month from `2026-10`; raises ValueError for anything else."""
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text) or not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR:
        raise ValueError(f"{text!r} is not a month such as 2026-10")
    return Month(int(text[:4]), int(text[5:]))


def month_of(moment: datetime, zone: tzinfo) -> Month:
    """The month that owns a moment."""
    local = moment.astimezone(zone)
    return Month(local.year, local.month)


def day_interval(day: date, zone: tzinfo) -> Interval:
    """A day's time in UTC."""
    return Interval(_midnight(day, zone), _midnight(day + timedelta(days=1), zone))


def _first(month: Month) -> date:
    return date(month.year, month.month, 1)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
