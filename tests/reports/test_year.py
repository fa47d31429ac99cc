"""A year of months in a real Prometheus: what lies across each month's edge, minute by minute as the oracle says."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from incident_store.database import open_store
from incident_store.domain.intervals import Interval
from incident_store.domain.maintenance import Plan, WindowEventKind, WindowStep
from incident_store.domain.months import MINUTE, Month
from incident_store.maintenance import add_window, step_window
from reports.commands import compute
from reports.gathering import LIMA
from reports.monthly_report import Day, MonthlyReport
from tests.prometheus_server import prometheus
from tests.reports.conftest import October, prepared
from tests.reports.engines import engine
from tests.reports.histories import History, open_metrics, random_history
from tests.reports.october import ANA, LATER, SOFIA, samples

MONTHS = [Month(2026, number) for number in range(1, 13)]
BEFORE, LONG = timedelta(hours=2), 240
NAMES = ["portal-web", "base-datos", "otro"]
IN_TIME = datetime(2025, 12, 1, tzinfo=UTC)
AFTER_THE_YEAR = datetime(2027, 2, 1, tzinfo=UTC)


def edges() -> list[datetime]:
    """The thirteen midnights at which a month of the year begins or ends."""
    return [*(month.interval(LIMA).start for month in MONTHS), MONTHS[-1].interval(LIMA).end]


@pytest.fixture(scope="module")
def histories() -> dict[str, History]:
    """Each component lives, with all its troubles, in the four hours around each midnight."""
    random = Random(2026)
    found = {name: History(name) for name in NAMES}
    for edge in edges():
        for name, history in found.items():
            history.scrapes += random_history(random, name, edge - BEFORE, LONG).scrapes
    return found


@pytest.fixture(scope="module")
def year(histories: dict[str, History]) -> Iterator[October]:
    """The year on a store with a maintenance window across each midnight for one of the components."""
    with (
        tempfile.TemporaryDirectory() as name,
        prometheus(Path(name) / "p", open_metrics(list(histories.values()))) as url,
    ):
        found = prepared(Path(name), url, f"sqlite:///{name}/incidents.db")
        store = open_store(found.settings.database_url)
        for edge in edges():
            with store.begin() as connection:
                span = Interval(edge - 37.5 * MINUTE, edge + 29.25 * MINUTE)
                window = add_window(connection, Plan(("base-datos",), "", span, "parche"), ANA, IN_TIME)
                step_window(connection, window.number, WindowStep(WindowEventKind.APPROVED), SOFIA, IN_TIME)
        store.dispose()
        yield found


def expected(history: History, day: Day, *, under_maintenance: bool) -> Counter[str]:
    """The day counted minute by minute; the window takes the minutes of which it covers more than half."""
    start = datetime(day.day.year, day.day.month, day.day.day, tzinfo=LIMA).astimezone(UTC)
    counted: Counter[str] = Counter()
    for place in range(1440):
        moment = start + place * MINUTE
        to_edge = min((abs((moment - edge) / MINUTE), (moment - edge) / MINUTE) for edge in edges())[1]
        in_window = under_maintenance and -38 < to_edge < 29
        counted["maintenance" if in_window else history.minute(moment)] += 1
    return counted


@pytest.mark.parametrize("month", MONTHS, ids=str)
def test_each_month_of_a_year_is_what_the_oracle_counts(
    month: Month, year: October, histories: dict[str, History]
) -> None:
    """Semantics 21, 22, 24, 26 and 27: no minute differs, and the four states are all minutes of the month."""
    report = compute(year.settings, month, AFTER_THE_YEAR, lambda _words: None)

    figures = {one.name: one.figures for one in report.components}
    for name, history in histories.items():
        for day in (figures[name].days[0], figures[name].days[-1]):
            counts = {"up": day.up, "down": day.down, "unknown": day.unknown, "maintenance": day.maintenance}
            oracle = expected(history, day, under_maintenance=name == "base-datos")
            assert counts == {state: oracle[state] for state in counts}, (name, day.day)
        minutes = figures[name].minutes
        assert minutes.up + minutes.down + minutes.unknown + minutes.maintenance == report.minutes


def test_victoriametrics_and_prometheus_give_the_same_report(report: MonthlyReport, tmp_path: Path) -> None:
    """Semantics 27: every figure, on left-open ranges and on closed ones."""
    with engine("victoria-metrics", tmp_path / "v", samples()) as asked:
        found = prepared(tmp_path, f"http://{asked.name}", f"sqlite:///{tmp_path}/incidents.db")
        other = compute(found.settings, Month(2026, 10), LATER, lambda _words: None)

    assert other.components == report.components
    assert other.model_copy(update={"inputs": report.inputs}) == report
