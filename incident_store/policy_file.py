"""Reads `config/sla.yml` into the domain's policy."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

import holidays
from pydantic import Field, field_validator, model_validator

from groundwork import zones
from groundwork.configuration import Strict, read
from groundwork.durations import Seconds
from incident_store.domain.calendars import ALWAYS, WEEKDAYS, Calendar, Window, parse_window
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import (
    ClockName,
    ClockRule,
    Flapping,
    Responsible,
    Severity,
    SlaPolicy,
    Target,
    Terms,
)

HOLIDAY_YEARS = range(2020, 2051)
MOST_WEEKS = 20 * 52
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

    def weekly_seconds(self) -> int:
        """How long it is open in a week without holidays."""
        return sum(60 * (window.closes - window.opens) for day in WEEKDAYS for window in self._windows(day))

    def _windows(self, day: str) -> Iterator[Window]:
        windows = {str(name): windows for name, windows in self.week.items()}.get(day, [])
        yield from (parse_window(opens, closes) for opens, closes in windows)


class TargetEntry(Strict):
    """How long one clock may run, on which calendar, and whether a contract says so."""

    within: Seconds
    calendar: str
    contractual: bool


class FlappingEntry(Strict):
    """More than this many episodes of one alert within this span are flapping."""

    episodes: int = Field(default=5, ge=1)
    within: Seconds = 3600


class ClockEntry(Strict):
    """When a clock runs."""

    start: EventKind
    stops: frozenset[EventKind] = Field(min_length=1)
    pausable: bool
    responsibles: frozenset[Responsible] | None = None


class TermsEntry(Strict):
    """One set of terms."""

    effective_from: date
    severities: dict[str, Severity]
    responsibles: dict[str, Responsible]
    clocks: dict[ClockName, ClockEntry]
    calendars: dict[str, Literal["always"] | CalendarEntry]
    targets: dict[Severity, dict[ClockName, TargetEntry]]

    @field_validator("targets")
    @classmethod
    def _every_severity(
        cls, targets: dict[Severity, dict[ClockName, TargetEntry]]
    ) -> dict[Severity, dict[ClockName, TargetEntry]]:
        needed = (ClockName.RESPONSE, ClockName.RESOLUTION)
        missing = [
            f"{severity.value}.{name.value}"
            for severity in Severity
            for name in needed
            if name not in targets.get(severity, {})
        ]
        if missing:
            raise ValueError(f"no target for {', '.join(missing)}")
        return targets

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for severity, entries in self.targets.items():
            for name, entry in entries.items():
                if name not in self.clocks:
                    raise ValueError(f"targets of {severity.value} name the clock {name.value!r}, which is not there")
                if entry.calendar not in self.calendars:
                    raise ValueError(
                        f"targets of {severity.value} name the calendar {entry.calendar!r}, which is not there"
                    )
                calendar = self.calendars[entry.calendar]
                if calendar != "always" and entry.within > MOST_WEEKS * calendar.weekly_seconds():
                    raise ValueError(f"{severity.value}.{name.value} would take decades of {entry.calendar!r}")
        return self

    def terms(self, zone: ZoneInfo) -> Terms:
        """The same as a value of the domain."""
        calendars = {name: _calendar(entry, zone) for name, entry in self.calendars.items()}
        return Terms(
            effective_from=datetime.combine(self.effective_from, time(), zone),
            severities=self.severities,
            owners=self.responsibles,
            clocks={
                name: ClockRule(entry.start, entry.stops, entry.pausable, entry.responsibles)
                for name, entry in self.clocks.items()
            },
            targets={
                (name, severity): Target(timedelta(seconds=entry.within), calendars[entry.calendar], entry.contractual)
                for severity, entries in self.targets.items()
                for name, entry in entries.items()
            },
        )


class PolicyFile(Strict):
    """`config/sla.yml`."""

    time_zone: str
    relapse_window: Seconds
    versions: list[TermsEntry] = Field(min_length=1)
    flapping: FlappingEntry = FlappingEntry()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        zones.time_zone(name)
        return name

    @field_validator("versions")
    @classmethod
    def _in_order(cls, versions: list[TermsEntry]) -> list[TermsEntry]:
        days = [entry.effective_from for entry in versions]
        if sorted(set(days)) != days:
            raise ValueError("effective_from must grow from one version to the next")
        return versions

    def policy(self) -> SlaPolicy:
        """The same as a value of the domain."""
        zone = ZoneInfo(self.time_zone)
        return SlaPolicy(
            versions=tuple(entry.terms(zone) for entry in self.versions),
            relapse_window=timedelta(seconds=self.relapse_window),
            flapping=Flapping(self.flapping.episodes, timedelta(seconds=self.flapping.within)),
        )


def _calendar(entry: Literal["always"] | CalendarEntry, zone: ZoneInfo) -> Calendar:
    return ALWAYS if entry == "always" else entry.calendar(zone, entry.closed_days())


def read_policy(config: Path) -> SlaPolicy:
    """The policy in `sla.yml` of this configuration folder; raises ConfigurationError naming file, line and remedy."""
    return read(config / "sla.yml", PolicyFile).policy()
