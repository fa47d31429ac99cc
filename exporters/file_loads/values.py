"""What a value of a foreign log means: text, whole numbers, days and moments, or nothing that can be understood."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

MOST_ROWS = 10**10
"""What no file ever holds: a number above it is a mistake, and ten million of them can still be added up."""


class Bad:
    """What stands for a value that cannot be understood."""


BAD = Bad()


def word(value: Any) -> str | None:
    """Text without the blanks that columns of a fixed width add; None stays None."""
    return None if value is None else str(value).strip()


def row_count(value: Any) -> int | Bad | None:
    """A number of rows, None, or BAD."""
    found = whole(value)
    return BAD if isinstance(found, int) and found > MOST_ROWS else found


def whole(value: Any) -> int | Bad | None:
    """A whole number, None, or BAD."""
    if value is None or isinstance(value, int):
        return value
    try:
        found = int(value)
    except (TypeError, ValueError, OverflowError):
        return BAD
    return found if isinstance(value, str) or found == value else BAD


def day_of(value: Any) -> date | Bad | None:
    """A day, None, or BAD."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    parsed = _parsed(value)
    return parsed.date() if isinstance(parsed, datetime) else BAD


def moment(value: Any, zone: ZoneInfo) -> datetime | Bad | None:
    """A moment in UTC, None, or BAD; a day alone is no moment."""
    if value is None:
        return None
    found = value if isinstance(value, datetime) else _parsed(value)
    if not isinstance(found, datetime):
        return BAD
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return BAD


def _parsed(value: Any) -> datetime | Bad:
    if not isinstance(value, str):
        return BAD
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return BAD
