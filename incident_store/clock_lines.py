"""`renteseg sla clock`: clocks given as JSON lines, evaluated one by one."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError
from pydantic_core import ErrorDetails

from groundwork.json_objects import each_name_once
from groundwork.zones import time_zone
from incident_store.domain.calendars import ALWAYS, WEEKDAYS, Calendar, parse_window
from incident_store.domain.clocks import Pause, Reading, read_clock

MOST_YEARS = 100
"""A calendar is worked out year by year, so a slip of the pen in a date must not cost a minute of work."""


def _form(given: object) -> str:
    """What a value means to be, so that only what is wrong with that is told."""
    return "text" if isinstance(given, str) else "list" if isinstance(given, list) else "object"


FORMS = {"text", "list", "object"}
"""What pydantic adds to the place of an error, and no line has."""


Holidays = Annotated[
    Annotated[list[date], Tag("list")] | Annotated[dict[date, str], Tag("object")], Discriminator(_form)
]


class CalendarLine(BaseModel):
    """Opening windows by weekday in a zone; `holidays` are dates, or dates with names."""

    model_config = ConfigDict(extra="forbid")

    timezone: str
    week: dict[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], list[tuple[str, str]]]
    holidays: Holidays = Field(default_factory=list)

    def calendar(self) -> Calendar:
        names = self.holidays if isinstance(self.holidays, dict) else dict.fromkeys(self.holidays, "holiday")
        week = {str(day): windows for day, windows in self.week.items()}
        windows = tuple(tuple(parse_window(*pair) for pair in week.get(day, ())) for day in WEEKDAYS)
        return Calendar(time_zone(self.timezone), windows, names)


AnyCalendar = Annotated[
    Annotated[Literal["24x7"], Tag("text")] | Annotated[CalendarLine, Tag("object")], Discriminator(_form)
]


class ClockLine(BaseModel):
    """One clock; times without an offset are local to the calendar (UTC for `24x7`)."""

    model_config = ConfigDict(extra="forbid")

    calendar: AnyCalendar
    target_seconds: int = Field(gt=0, le=MOST_YEARS * 366 * 86_400)
    start: datetime
    stop: datetime | None = None
    pauses: list[tuple[datetime, datetime | None]] = Field(default_factory=list)
    now: datetime | None = None

    def read(self, now: datetime) -> Reading:
        """The clock at its own `now`, else at the one given."""
        calendar = ALWAYS if self.calendar == "24x7" else self.calendar.calendar()
        years = [moment.year for moment in (self.start, self.stop or self.start, self.now or now)]
        if max(years) - min(years) > MOST_YEARS:
            raise ValueError(f"a clock runs for {MOST_YEARS} years at most")
        return read_clock(
            calendar,
            timedelta(seconds=self.target_seconds),
            _absolute(self.start, calendar.zone),
            self.stop and _absolute(self.stop, calendar.zone),
            [
                Pause(_absolute(start, calendar.zone), end and _absolute(end, calendar.zone))
                for start, end in self.pauses
            ],
            _absolute(self.now, calendar.zone) if self.now else now,
        )


def evaluate_lines(lines: Iterable[bytes], now: datetime) -> Iterator[dict[str, Any]]:
    """One answer a line, in order; a line that cannot be evaluated answers `{"error": …}` and the rest go on."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _evaluate(number, line, now)


def _evaluate(number: int, line: bytes, now: datetime) -> dict[str, Any]:
    try:
        given = json.loads(line.decode("utf-8"), object_pairs_hook=each_name_once)
        return render_reading(ClockLine.model_validate(given).read(now))
    except ValidationError as error:
        reasons = "; ".join(f"{_place(one)}: {one['msg']}" for one in error.errors())
        return {"error": f"line {number}: {reasons}"}
    except (ValueError, KeyError, OverflowError, RecursionError) as error:
        return {"error": f"line {number}: {error}"}


def _place(error: ErrorDetails) -> str:
    return ".".join(str(part) for part in error["loc"] if part not in FORMS) or "line"


def render_reading(reading: Reading) -> dict[str, Any]:
    """A reading as plain JSON values; times in UTC, spans in seconds."""
    return {
        "due": reading.due and utc_text(reading.due),
        "elapsed_seconds": seconds(reading.elapsed),
        "remaining_seconds": seconds(reading.remaining),
        "state": reading.state.value,
        "explanation": [
            {
                "from": utc_text(stretch.interval.start),
                "to": utc_text(stretch.interval.end),
                "counts": stretch.counts,
                "reason": stretch.reason,
            }
            for stretch in reading.explanation
        ],
    }


def seconds(span: timedelta) -> int | float:
    """Seconds of a span, whole when it is whole."""
    exact = span.total_seconds()
    return int(exact) if exact.is_integer() else exact


def utc_text(moment: datetime) -> str:
    """A time as `2026-10-05T14:00:00Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _absolute(moment: datetime, zone: tzinfo) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
