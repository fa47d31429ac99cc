"""Reads `config/sla.yml` into the domain's policy."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from pydantic import Field, field_validator, model_validator

from groundwork.configuration import Strict, read
from groundwork.durations import Seconds
from incident_store.domain.calendars import ALWAYS, WEEKDAYS, Calendar, Window, parse_window
from incident_store.domain.policies import ClockName, Flapping, Responsible, Severity, SlaPolicy, Target

HOLIDAY_YEARS = range(2020, 2051)
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class CalendarEntry(Strict):
    """Opening windows by weekday, the country whose holidays close it, and days that no package knows."""

    week: dict[Weekday, list[tuple[str, str]]]
    holidays: str | None = None
    extra_holidays: dict[date, str] = Field(default_factory=dict)

    @field_validator("holidays")
    @classmethod
    def _known_country(cls, country: str | None) -> str | None:
        if country is not None and country not in holidays.list_supported_countries():
            raise ValueError("is no country code that the holidays package knows, such as PE")
        return country

    @model_validator(mode="after")
    def _usable(self) -> "CalendarEntry":
        self.calendar(ZoneInfo("UTC"), {})
        return self

    def calendar(self, zone: ZoneInfo, closed: dict[date, str]) -> Calendar:
        return Calendar(zone, tuple(tuple(self._windows(day)) for day in WEEKDAYS), closed)

    def closed_days(self) -> dict[date, str]:
        """Every holiday by name; the extra list wins where both name a day."""
        known = {}
        if self.holidays is not None:
            known = dict(holidays.country_holidays(self.holidays, years=HOLIDAY_YEARS, language="es").items())
        return {**known, **self.extra_holidays}

    def _windows(self, day: str) -> Iterator[Window]:
        windows = {str(name): windows for name, windows in self.week.items()}.get(day, [])
        yield from (parse_window(opens, closes) for opens, closes in windows)


class TargetEntry(Strict):
    """How long each clock may run for one severity, on which calendar."""

    response: Seconds
    resolution: Seconds
    calendar: str
    contractual: bool


class FlappingEntry(Strict):
    """More than this many episodes of one alert within this span are flapping."""

    episodes: int = Field(default=5, ge=1)
    within: Seconds = 3600


class PolicyFile(Strict):
    """`config/sla.yml`."""

    time_zone: str
    severities: dict[str, Severity]
    responsibles: dict[str, Responsible]
    calendars: dict[str, Literal["always"] | CalendarEntry]
    targets: dict[Severity, TargetEntry]
    flapping: FlappingEntry = FlappingEntry()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("is no time zone such as America/Lima") from error
        return name

    @field_validator("targets")
    @classmethod
    def _every_severity(cls, targets: dict[Severity, TargetEntry]) -> dict[Severity, TargetEntry]:
        if missing := [severity.value for severity in Severity if severity not in targets]:
            raise ValueError(f"no targets for {', '.join(missing)}")
        return targets

    @model_validator(mode="after")
    def _named_calendars(self) -> "PolicyFile":
        for severity, entry in self.targets.items():
            if entry.calendar not in self.calendars:
                raise ValueError(
                    f"targets of {severity.value} name the calendar {entry.calendar!r}, which is not there"
                )
        return self

    def policy(self) -> SlaPolicy:
        """The same as a value of the domain."""
        calendars = {name: self._calendar(entry) for name, entry in self.calendars.items()}
        return SlaPolicy(
            severities=self.severities,
            owners=self.responsibles,
            targets={
                (clock, severity): Target(timedelta(seconds=seconds), calendars[entry.calendar], entry.contractual)
                for severity, entry in self.targets.items()
                for clock, seconds in (
                    (ClockName.RESPONSE, entry.response),
                    (ClockName.RESOLUTION, entry.resolution),
                )
            },
            flapping=Flapping(self.flapping.episodes, timedelta(seconds=self.flapping.within)),
        )

    def _calendar(self, entry: Literal["always"] | CalendarEntry) -> Calendar:
        return ALWAYS if entry == "always" else entry.calendar(ZoneInfo(self.time_zone), entry.closed_days())


def read_policy(config: Path) -> SlaPolicy:
    """The policy in `sla.yml` of this configuration folder; raises ConfigurationError naming file, line and remedy."""
    return read(config / "sla.yml", PolicyFile).policy()
