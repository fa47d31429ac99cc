"""`config/file_loads.yml`: who sends which files until when, and how the load log is read."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import product
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from exporters.file_loads.calendars import Calendar
from exporters.file_loads.vocabulary import UNKNOWN, FileState
from exporters.read_only import database_url
from groundwork.closed_days import WEEKDAYS, Weekday
from groundwork.configuration import Strict, read
from groundwork.durations import Seconds
from groundwork.problems import ConfigurationError, Problem
from groundwork.zones import time_zone

FILE = "file_loads.yml"
WORD = re.compile(r"[A-Za-z0-9_-]+")
COLUMN = re.compile(r"\w+")

FILE_COLUMNS = ("id", "operator", "file_type", "data_day", "sequence", "status", "received_at", "updated_at")
"""What every load log must tell of a file."""
MORE_FILE_COLUMNS = ("queued_at", "processed_at", "reason", "rows_total", "rows_ok", "rows_error")
"""What a load log may tell of a file; a figure that rests on a column that is not there stays absent or zero."""
ROW_ERROR_COLUMNS = ("file_id", "reason", "rows")
BATCH_COLUMNS = ("operator", "file_type", "data_day", "sequence")

Line = tuple[str, str]
"""An operator and a file type."""


def _local_time(value: object) -> time:
    """`12:00` without quotes is a number to YAML; only text is taken."""
    if not isinstance(value, str) or not re.fullmatch(r"\d\d:\d\d", value):
        raise ValueError("is not a time in quotes such as '06:00'")
    try:
        return time.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a time of the day") from None


def _zone(value: str) -> str:
    time_zone(value)
    return value


def _distinct_words(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("is an empty list")
    for value in values:
        if not WORD.fullmatch(value) or value == UNKNOWN:
            raise ValueError(f"{value!r} cannot be used: write letters, digits, '_' or '-', and not {UNKNOWN!r}")
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"{', '.join(repeated)} stands twice in this list")
    return values


def _column_name(value: str) -> str:
    if not COLUMN.fullmatch(value):
        raise ValueError("is not a column's plain name; for an expression write the whole SELECT instead of a table")
    return value


LocalTime = Annotated[time, BeforeValidator(_local_time)]
ZoneName = Annotated[str, AfterValidator(_zone)]
Words = Annotated[tuple[str, ...], AfterValidator(_distinct_words)]
ColumnName = Annotated[str, AfterValidator(_column_name)]
Sql = Annotated[str, Field(min_length=1)]


class _Table(Strict):
    """A table and the names of its columns: ours on the left, theirs on the right."""

    table: Annotated[str, Field(min_length=1)]
    table_schema: str | None = Field(default=None, alias="schema")


class FileColumns(Strict):
    """How the log's table names what we need of a file; the second group may be left out."""

    id: ColumnName
    operator: ColumnName
    file_type: ColumnName
    data_day: ColumnName
    sequence: ColumnName
    status: ColumnName
    received_at: ColumnName
    updated_at: ColumnName

    queued_at: ColumnName | None = None
    processed_at: ColumnName | None = None
    reason: ColumnName | None = None
    rows_total: ColumnName | None = None
    rows_ok: ColumnName | None = None
    rows_error: ColumnName | None = None


class RowErrorColumns(Strict):
    """How many rows of a file were left out for each reason."""

    file_id: ColumnName
    reason: ColumnName
    rows: ColumnName


class BatchColumns(Strict):
    """Which files were announced as mass blocks."""

    operator: ColumnName
    file_type: ColumnName
    data_day: ColumnName
    sequence: ColumnName


class FileTable(_Table):
    """The table with a row a file."""

    columns: FileColumns


class RowErrorTable(_Table):
    """The table with a row for each file and reason."""

    columns: RowErrorColumns


class BatchTable(_Table):
    """The table with a row for each announced file."""

    columns: BatchColumns


class LoadLog(Strict):
    """Where the load log lies and how it is read; spans in seconds.

    Each source is a SELECT whose output columns bear our names, or a table with the names it uses. `overlap` is how far
    behind the newest change the reader looks again; `naive_times` is the zone of times that name none. After
    `circuit_after` timeouts in a row the database is left alone for `circuit_pause`.
    """

    url: Annotated[str, AfterValidator(database_url)]
    refresh: Seconds = 30.0
    statement_timeout: Seconds = 5.0
    overlap: Seconds = 300.0
    naive_times: ZoneName = "UTC"
    circuit_after: Annotated[int, Field(ge=2)] = 10
    circuit_pause: Seconds = 120.0
    files: Sql | FileTable
    row_errors: Sql | RowErrorTable | None = None
    batches: Sql | BatchTable | None = None
    statuses: Annotated[dict[str, FileState], Field(min_length=1)]


class Override(Strict):
    """Other times or another calendar for some operators and file types; what it does not name stays."""

    operators: tuple[str, ...] = ()
    file_types: tuple[str, ...] = ()
    deadline: LocalTime | None = None
    late_until: LocalTime | None = None
    calendar: Calendar | None = None

    def covers(self, line: Line) -> bool:
        """Whether it speaks of this line; an empty list means all."""
        operator, file_type = line
        return operator in (self.operators or (operator,)) and file_type in (self.file_types or (file_type,))


class PlannedBatch(Strict):
    """A mass block agreed beforehand: on these days, between these times, unusual counts and queues do not alert."""

    operators: tuple[str, ...] = ()
    file_types: tuple[str, ...] = ()
    days: tuple[Weekday, ...] = ()
    dates: tuple[date, ...] = ()
    start: LocalTime = Field(default=time(0), alias="from")
    until: LocalTime = time(23, 59)

    @model_validator(mode="after")
    def _names_a_day(self) -> "PlannedBatch":
        if not self.days and not self.dates:
            raise ValueError("names neither days nor dates")
        if self.until <= self.start:
            raise ValueError("ends before it begins")
        return self

    def covers(self, line: Line, local: datetime) -> bool:
        """Whether this line is in the batch at this local time."""
        operator, file_type = line
        named = operator in (self.operators or (operator,)) and file_type in (self.file_types or (file_type,))
        day = local.date() in self.dates or WEEKDAYS[local.weekday()] in self.days
        return named and day and self.start <= local.time() < self.until


@dataclass(frozen=True)
class Due:
    """What holds for one line: times of the day on its due day, and its calendar."""

    deadline: time
    late_until: time
    calendar: Calendar


class FileLoads(Strict):
    """The whole file. `deadline` and `late_until` are times of the day on which a file is due, in `time_zone`."""

    time_zone: ZoneName = "America/Lima"
    operators: Words
    file_types: Words
    deadline: LocalTime
    late_until: LocalTime
    calendar: Calendar = Calendar()
    overrides: tuple[Override, ...] = ()
    planned_batches: tuple[PlannedBatch, ...] = ()
    queue_limit: Seconds = 600.0
    load_log: LoadLog

    @field_validator("late_until")
    @classmethod
    def _is_after_the_deadline(cls, value: time, info: ValidationInfo) -> time:
        deadline = info.data.get("deadline")
        if deadline and value < deadline:
            raise ValueError(f"is before the deadline of {deadline:%H:%M}")
        return value

    @field_validator("overrides", "planned_batches")
    @classmethod
    def _speak_of_the_exchange(
        cls, entries: tuple[Override | PlannedBatch, ...], info: ValidationInfo
    ) -> tuple[Override | PlannedBatch, ...]:
        for number, entry in enumerate(entries, 1):
            for known, named in (("operators", entry.operators), ("file_types", entry.file_types)):
                strange = sorted(set(named) - set(info.data.get(known, named)))
                if strange:
                    raise ValueError(f"entry {number} names {', '.join(strange)}, which is not among the {known}")
        return entries

    @model_validator(mode="after")
    def _overrides_keep_the_order(self) -> "FileLoads":
        for operator in self.operators:
            for file_type in self.file_types:
                due = self.due((operator, file_type))
                if due.late_until < due.deadline:
                    raise ValueError(f"overrides give {operator} {file_type} a late_until before its deadline")
        return self

    def today(self, now: datetime) -> date:
        """The calendar day of the exchange."""
        return now.astimezone(ZoneInfo(self.time_zone)).date()

    def data_day(self, now: datetime) -> date:
        """The day whose files came last: yesterday, locally."""
        return self.today(now) - timedelta(days=1)

    def due(self, line: Line) -> Due:
        """Times and calendar of one line, its overrides applied; the later entry wins."""
        return _due(self, line)

    def owed_days(self, line: Line, now: datetime) -> tuple[date, ...]:
        """The data days whose files are due today or next (one, unless closed days lie between)."""
        return self.due(line).calendar.owed_days(self.today(now))

    def deadline_at(self, line: Line, data_day: date) -> datetime:
        """When a file of that day is no longer on time."""
        due = self.due(line)
        return self._moment(due.calendar.due_day(data_day), due.deadline)

    def late_until_at(self, line: Line, data_day: date) -> datetime:
        """When a file of that day is no longer late but missing."""
        due = self.due(line)
        return self._moment(due.calendar.due_day(data_day), due.late_until)

    def is_planned(self, line: Line, now: datetime) -> bool:
        """Whether configuration announces a mass block of this line now."""
        local = now.astimezone(ZoneInfo(self.time_zone))
        return any(batch.covers(line, local) for batch in self.planned_batches)

    def _moment(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, ZoneInfo(self.time_zone))


def _due(configuration: FileLoads, line: Line) -> Due:
    deadline, late_until, calendar = configuration.deadline, configuration.late_until, configuration.calendar
    for override in configuration.overrides:
        if override.covers(line):
            deadline = override.deadline or deadline
            late_until = override.late_until or late_until
            calendar = override.calendar or calendar
    return Due(deadline, late_until, calendar)


def read_file_loads(path: Path, environment: Mapping[str, str] = os.environ) -> FileLoads:
    """The file as FileLoads; raises ConfigurationError with every problem of it."""
    return read(path, FileLoads, environment)


def load_names(config: Path) -> list[str]:
    """What loads are called: each operator, and each of its file types as CLARO/ROBOS; raises ConfigurationError."""
    loads = read_file_loads(config / FILE)
    of_types = [f"{operator}/{file_type}" for operator, file_type in product(loads.operators, loads.file_types)]
    return [*loads.operators, *of_types]


def check(config_dir: Path, environment: Mapping[str, str] = os.environ) -> list[Problem]:
    """Every problem of the file. The load log itself is not asked: it may be away, and that is not an error."""
    try:
        read_file_loads(config_dir / FILE, environment)
    except ConfigurationError as error:
        return error.problems
    return []
