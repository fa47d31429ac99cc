"""The days of the exchange: files carry the events of day D-1 and are due on day D, both in Lima."""

from datetime import UTC, date, datetime, time, timedelta, timezone

LIMA = timezone(timedelta(hours=-5), "America/Lima")
"""Peru has no daylight saving time: UTC-5 all year."""

DEADLINE = time(6, 0)
LATE_UNTIL = time(12, 0)


def today_in_lima(now: datetime) -> date:
    """The calendar day in Lima at `now`."""
    return now.astimezone(LIMA).date()


def data_day(now: datetime) -> date:
    """The day whose events are being reported at `now`: yesterday in Lima."""
    return today_in_lima(now) - timedelta(days=1)


def deadline(day: date) -> datetime:
    """Until when a file of data day `day` is on time, in UTC (process default: 06:00 of the next day)."""
    return _next_day_at(day, DEADLINE)


def late_until(day: date) -> datetime:
    """From when on a file of data day `day` is missing, in UTC (process default: 12:00 of the next day)."""
    return _next_day_at(day, LATE_UNTIL)


def _next_day_at(day: date, hour: time) -> datetime:
    return datetime.combine(day + timedelta(days=1), hour, LIMA).astimezone(UTC)
