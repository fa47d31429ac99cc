"""One October for all tests that look at whole reports: a real Prometheus, a real store, the shipped configuration."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from groundwork.settings import Settings, read_settings
from incident_store.domain.months import parse_month
from reports.commands import compute
from reports.monthly_report import MonthlyReport
from tests.prometheus_server import prometheus
from tests.reports.october import LATER, samples, write_config, write_store


@dataclass(frozen=True)
class October:
    """Where everything is, and what the commands see of it."""

    settings: Settings
    environment: dict[str, str]
    folder: Path


@pytest.fixture(scope="session")
def october_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The samples of the month, and of a day on both sides."""
    with prometheus(tmp_path_factory.mktemp("october") / "prometheus", samples()) as url:
        yield url


def prepared(folder: Path, prometheus_url: str, store_url: str) -> October:
    """The month on this store."""
    environment = {
        "RENTESEG_CONFIG": str(write_config(folder)),
        "RENTESEG_DATABASE_URL": store_url,
        "RENTESEG_PROMETHEUS_URL": prometheus_url,
        "RENTESEG_STATE": str(folder / "state"),
    }
    write_store(store_url)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        settings = read_settings()
    return October(settings, environment, folder)


@pytest.fixture
def october(tmp_path: Path, october_prometheus: str) -> October:
    """A month of its own."""
    return prepared(tmp_path, october_prometheus, f"sqlite:///{tmp_path}/incidents.db")


@pytest.fixture
def october_on_each(tmp_path: Path, october_prometheus: str, store_url: str) -> October:
    """The same, once on each kind of store."""
    return prepared(tmp_path, october_prometheus, store_url)


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory, october_prometheus: str) -> MonthlyReport:
    """The month's report, read on 5 November."""
    folder = tmp_path_factory.mktemp("report")
    found = prepared(folder, october_prometheus, f"sqlite:///{folder}/incidents.db")
    return compute(found.settings, parse_month("2026-10"), LATER, lambda _words: None)
