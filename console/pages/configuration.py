"""The configuration by which this process works: policies by the day they take effect, calendars, components."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from flask import Blueprint, render_template

from console.desk import desk
from console.duty import for_duty
from groundwork.problems import ConfigurationError
from incident_store.domain.calendars import Calendar, Window
from incident_store.domain.duties import Duty
from incident_store.domain.policies import ClockName, Responsible, Severity, Target, Terms

configuration_pages = Blueprint("configuration", __name__)

WEEK = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
AHEAD = timedelta(days=366)


@dataclass(frozen=True)
class Row:
    """The target of one clock and severity; `others` are those that differ for some responsible."""

    clock: ClockName
    severity: Severity
    target: Target
    others: Sequence[tuple[Responsible, Target]]


@configuration_pages.get("/administracion/configuracion")
@for_duty(Duty.CONFIGURATION)
def configuration() -> str:
    """As it was loaded, with what changed on disk since."""
    at, now = desk(), datetime.now(UTC)
    try:
        components, trouble = at.watched(), None
    except ConfigurationError as error:
        components, trouble = [], str(error)
    calendars = _calendars(at.policy.versions)
    return render_template(
        "administration/configuration.html",
        configuration=at.configuration,
        policy=at.policy,
        versions=[(terms, list(_rows(terms))) for terms in reversed(at.policy.versions)],
        in_force=at.policy.at(now),
        numbers=_Numbers(calendars),
        calendars=[(calendar, _hours(calendar), _closed(calendar, now.date())) for calendar in calendars],
        components=components,
        trouble=trouble,
    )


class _Numbers:
    """How each calendar is called on the page: by its place."""

    def __init__(self, calendars: Sequence[Calendar]) -> None:
        self._calendars = calendars

    def __getitem__(self, calendar: Calendar) -> int:
        return self._calendars.index(calendar) + 1


def _rows(terms: Terms) -> Iterator[Row]:
    for clock in terms.clocks:
        for severity in Severity:
            usual = terms.targets.get((clock, severity, Responsible.NOBODY))
            if usual is None:
                continue
            found = ((one, terms.targets.get((clock, severity, one))) for one in Responsible)
            others = [(one, target) for one, target in found if target is not None and target != usual]
            yield Row(clock, severity, usual, others)


def _calendars(versions: Sequence[Terms]) -> list[Calendar]:
    """Every calendar that some target runs on, each once."""
    found: list[Calendar] = []
    for terms in versions:
        for target in (*terms.targets.values(), terms.regularisation):
            if target.calendar not in found:
                found.append(target.calendar)
    return found


def _hours(calendar: Calendar) -> list[tuple[str, str]]:
    days = zip(WEEK, calendar.week, strict=True)
    return [(day, ", ".join(map(_window, windows)) or "cerrado") for day, windows in days]


def _window(window: Window) -> str:
    return f"{_clock(window.opens)}–{_clock(window.closes)}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _closed(calendar: Calendar, today: date) -> list[tuple[date, str]]:
    """The days of the next year that are closed whole, and why."""
    return sorted((day, name) for day, name in calendar.holidays.items() if today <= day <= today + AHEAD)
