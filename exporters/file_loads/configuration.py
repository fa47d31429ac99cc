"""`config/file_loads.yml`: who sends which files until when, and how the load log is read."""

import os
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from exporters.file_loads.vocabulary import UNKNOWN, FileState
from exporters.read_only import database_url
from groundwork.configuration import Strict, read
from groundwork.durations import Seconds
from groundwork.problems import ConfigurationError, Problem
from groundwork.zones import time_zone

FILE = "file_loads.yml"
WORD = re.compile(r"[A-Za-z0-9_-]+")


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


LocalTime = Annotated[time, BeforeValidator(_local_time)]
Words = Annotated[tuple[str, ...], AfterValidator(_distinct_words)]


class LoadLog(Strict):
    """Where the load log lies and the two statements that read it; times in seconds."""

    url: Annotated[str, AfterValidator(database_url)]
    refresh: Seconds = 30.0
    statement_timeout: Seconds = 5.0
    files: Annotated[str, Field(min_length=1)]
    totals: Annotated[str, Field(min_length=1)]
    statuses: Annotated[dict[str, FileState], Field(min_length=1)]


class FileLoads(Strict):
    """The whole file. `deadline` and `late_until` are times of the day after the data day, in `time_zone`."""

    time_zone: Annotated[str, AfterValidator(_zone)] = "America/Lima"
    operators: Words
    file_types: Words
    deadline: LocalTime
    late_until: LocalTime
    load_log: LoadLog

    @field_validator("late_until")
    @classmethod
    def _is_after_the_deadline(cls, value: time, info: ValidationInfo) -> time:
        deadline = info.data.get("deadline")
        if deadline and value < deadline:
            raise ValueError(f"is before the deadline of {deadline:%H:%M}")
        return value

    def data_day(self, now: datetime) -> date:
        """The day whose files are due: yesterday, locally."""
        return now.astimezone(ZoneInfo(self.time_zone)).date() - timedelta(days=1)

    def deadline_at(self, data_day: date) -> datetime:
        """When a file of that day is no longer on time."""
        return self._next_day(data_day, self.deadline)

    def late_until_at(self, data_day: date) -> datetime:
        """When a file of that day is no longer late but missing."""
        return self._next_day(data_day, self.late_until)

    def _next_day(self, data_day: date, at: time) -> datetime:
        return datetime.combine(data_day + timedelta(days=1), at, ZoneInfo(self.time_zone))


def read_file_loads(path: Path, environment: Mapping[str, str] = os.environ) -> FileLoads:
    """The file as FileLoads; raises ConfigurationError with every problem of it."""
    return read(path, FileLoads, environment)


def check(config_dir: Path, environment: Mapping[str, str] = os.environ) -> list[Problem]:
    """Every problem of the file. The load log itself is not asked: it may be away, and that is not an error."""
    try:
        read_file_loads(config_dir / FILE, environment)
    except ConfigurationError as error:
        return error.problems
    return []
