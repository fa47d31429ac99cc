"""Reads `config/sla.yml` into the domain's policy."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from groundwork import zones
from groundwork.closed_days import WEEKDAYS, ClosedDays, Weekday
from groundwork.configuration import Strict, Unfit, read, read_document, validated
from groundwork.durations import Seconds
from groundwork.problems import ConfigurationError, Problem
from incident_store.domain.calendars import ALWAYS, Calendar, Window, parse_window
from incident_store.domain.lifecycle import EventKind, State, following
from incident_store.domain.policies import (
    AvailabilityTarget,
    AvailabilityTerms,
    ClockName,
    ClockRule,
    Flapping,
    PauseRule,
    Responsible,
    Severity,
    SlaPolicy,
    Target,
    Terms,
)

MOST_WEEKS = 20 * 52
Percent = Annotated[Decimal, Field(gt=0, le=100, decimal_places=6)]
TWO_DAYS = Target(timedelta(days=2), ALWAYS, contractual=False)
"""How long regularisations may take where nothing was agreed."""


class CalendarEntry(ClosedDays):
    """Opening windows by weekday, several a day where there is a break, and the days that are closed whole."""

    week: dict[Weekday, list[tuple[str, str]]]

    @model_validator(mode="after")
    def _usable(self) -> "CalendarEntry":
        try:
            self.calendar(ZoneInfo("UTC"))
        except ValueError as error:
            remedy = "write windows such as mon: [['08:30', '13:00'], ['14:00', '17:30']] that do not overlap"
            raise Unfit(str(error), remedy) from error
        return self

    def calendar(self, zone: ZoneInfo) -> Calendar:
        """The same as a value of the domain."""
        return Calendar(zone, tuple(tuple(self._windows(day)) for day in WEEKDAYS), self.closed_days)

    def weekly_seconds(self) -> int:
        """How long it is open in a week without holidays."""
        return sum(60 * (window.closes - window.opens) for day in WEEKDAYS for window in self._windows(day))

    def _windows(self, day: str) -> Iterator[Window]:
        windows = {str(name): windows for name, windows in self.week.items()}.get(day, [])
        yield from (parse_window(opens, closes) for opens, closes in windows)


def _form(given: object) -> str:
    """What an entry means to be, so that only what is wrong with that is told."""
    return "a word" if isinstance(given, str) else "a mapping"


AnyCalendar = Annotated[
    Annotated[Literal["always"], Tag("a word")] | Annotated[CalendarEntry, Tag("a mapping")], Discriminator(_form)
]


class TargetEntry(Strict):
    """How long one clock may run, on which calendar, and whether a contract says so."""

    within: Seconds
    calendar: str
    contractual: bool


class TargetsEntry(TargetEntry):
    """The target of a severity, and those that differ for some responsible."""

    by_responsible: dict[Responsible, TargetEntry] = Field(default_factory=dict)

    def each(self) -> list[TargetEntry]:
        """Every target of the entry."""
        return [self, *self.by_responsible.values()]


class FlappingEntry(Strict):
    """More than this many episodes of one alert within this span are flapping."""

    episodes: int = Field(default=5, ge=1)
    within: Seconds = 3600


class PauseEntry(Strict):
    """In which states a clock stands still; `reasons`, `severities` and `responsibles` narrow it down."""

    states: frozenset[State] = Field(min_length=1)
    reasons: frozenset[str] | None = None
    severities: frozenset[Severity] | None = None
    responsibles: frozenset[Responsible] | None = None

    def rule(self) -> PauseRule:
        """The same as a value of the domain."""
        reasons = None if self.reasons is None else frozenset(reason.strip().casefold() for reason in self.reasons)
        return PauseRule(self.states, reasons, self.severities, self.responsibles)


class AvailabilityEntry(Strict):
    """The percentage of a month's minutes that must be up; `services` and `components` may have their own."""

    target: Percent = Decimal("99.5")
    contractual: bool = False
    services: dict[str, Percent] = Field(default_factory=dict)
    components: dict[str, Percent] = Field(default_factory=dict)

    def terms(self) -> AvailabilityTerms:
        """The same as a value of the domain."""
        return AvailabilityTerms(
            self._target(self.target),
            {name: self._target(percent) for name, percent in self.services.items()},
            {name: self._target(percent) for name, percent in self.components.items()},
        )

    def _target(self, percent: Decimal) -> AvailabilityTarget:
        return AvailabilityTarget(Fraction(percent) / 100, self.contractual)


class ClockEntry(Strict):
    """When a clock runs."""

    start: EventKind
    stops: frozenset[EventKind] = Field(min_length=1)
    pauses: list[PauseEntry] = Field(default_factory=list)
    responsibles: frozenset[Responsible] | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        possible = following(self.start) - {self.start}
        if impossible := sorted(self.stops - possible):
            remedy = "stop at what comes after its start, as start: detected, stops: [restored, closed]"
            what = f"a clock that starts at {self.start.value!r} cannot stop at {', '.join(impossible)}"
            raise Unfit(what, remedy)
        return self

    def rule(self) -> ClockRule:
        """The same as a value of the domain."""
        return ClockRule(self.start, self.stops, tuple(entry.rule() for entry in self.pauses), self.responsibles)


class TermsEntry(Strict):
    """One set of terms."""

    effective_from: date
    severities: dict[str, Severity]
    responsibles: dict[str, Responsible]
    clocks: dict[ClockName, ClockEntry]
    calendars: dict[str, AnyCalendar]
    targets: dict[Severity, dict[ClockName, TargetsEntry]]
    availability: AvailabilityEntry = AvailabilityEntry()
    regularisation: TargetEntry | None = None

    @field_validator("targets")
    @classmethod
    def _every_severity(
        cls, targets: dict[Severity, dict[ClockName, TargetsEntry]]
    ) -> dict[Severity, dict[ClockName, TargetsEntry]]:
        needed = (ClockName.RESPONSE, ClockName.RESOLUTION)
        missing = [
            f"{severity.value}.{name.value}"
            for severity in Severity
            for name in needed
            if name not in targets.get(severity, {})
        ]
        if missing:
            remedy = "add each, as response: {within: 30m, calendar: continuo, contractual: false}"
            raise Unfit(f"no target for {', '.join(missing)}", remedy)
        return targets

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for severity, entries in self.targets.items():
            for name, targets in entries.items():
                if name not in self.clocks:
                    raise ValueError(f"targets of {severity.value} name the clock {name.value!r}, which is not there")
                for entry in targets.each():
                    self._check(f"{severity.value}.{name.value}", entry)
        if self.regularisation is not None:
            self._check("regularisation", self.regularisation)
        return self

    def _check(self, where: str, entry: TargetEntry) -> None:
        if entry.calendar not in self.calendars:
            remedy = f"write one of {', '.join(self.calendars)}, or add it under calendars"
            raise Unfit(f"{where} names the calendar {entry.calendar!r}, which is not there", remedy)
        calendar = self.calendars[entry.calendar]
        if calendar != "always" and entry.within > MOST_WEEKS * calendar.weekly_seconds():
            raise ValueError(f"{where} would take decades of {entry.calendar!r}")

    def terms(self, zone: ZoneInfo) -> Terms:
        """The same as a value of the domain."""
        calendars = {
            name: ALWAYS if entry == "always" else entry.calendar(zone) for name, entry in self.calendars.items()
        }
        return Terms(
            effective_from=datetime.combine(self.effective_from, time(), zone),
            severities=self.severities,
            owners=self.responsibles,
            clocks={name: entry.rule() for name, entry in self.clocks.items()},
            availability=self.availability.terms(),
            targets=self._targets(calendars),
            regularisation=_target(self.regularisation, calendars) if self.regularisation else TWO_DAYS,
        )

    def _targets(self, calendars: Mapping[str, Calendar]) -> Mapping[tuple[ClockName, Severity, Responsible], Target]:
        targets = {}
        for (severity, entries), responsible in product(self.targets.items(), Responsible):
            for name, entry in entries.items():
                one = entry.by_responsible.get(responsible, entry)
                targets[name, severity, responsible] = _target(one, calendars)
        return targets


def _target(entry: TargetEntry, calendars: Mapping[str, Calendar]) -> Target:
    return Target(timedelta(seconds=entry.within), calendars[entry.calendar], entry.contractual)


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


def read_policy(config: Path) -> SlaPolicy:
    """The policy in `sla.yml` of this configuration folder; raises ConfigurationError naming file, line and remedy."""
    return read(config / "sla.yml", PolicyFile).policy()


def check(config: Path, now: datetime) -> list[Problem]:
    """Every problem of `sla.yml`; also that nothing was agreed yet, as a mistyped year makes it."""
    try:
        document = read_document(config / "sla.yml")
        first = validated(document, PolicyFile).policy().versions[0].effective_from
    except ConfigurationError as error:
        return error.problems
    if first <= now:
        return []
    line = document.line(("versions", 0, "effective_from"))
    what = f"the oldest version takes effect only on {first.date()}, and none is in force before"
    remedy = "write the day from which the terms hold, which lies in the past"
    return [Problem(str(document.path), what, remedy, line, "versions.0.effective_from")]
