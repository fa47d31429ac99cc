"""What Prometheus sees of the load log, also while it is away."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from exporters.file_loads.exposition import registry
from exporters.file_loads.main import LoadLogSource, not_ready
from exporters.file_loads.snapshot import Snapshot
from exporters.refreshing import Refresher
from tests.exporters.file_loads.load_logs import NOW, SHIPPED, configuration, create_log, execute, log_file
from tests.exporters.processes import exporter

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Watched:
    """A load log in a SQLite file, its refresher, and a clock that a test moves."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "log.db"
        self.url = f"sqlite:///{self.file}"
        self.now = NOW
        self._configuration = configuration(self.url)
        self.source = LoadLogSource(self._configuration, self.clock)
        self.refresher: Refresher[Snapshot] = Refresher(self.source.read, 5, clock=self.clock)

    def clock(self) -> datetime:
        return self.now

    def scraped(self) -> Samples:
        text = generate_latest(registry(self._configuration, self.refresher, self.clock)).decode()
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name.startswith("renteseg_")
        }


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


def names(samples: Samples) -> set[str]:
    return {name for name, _ in samples}


LINE = {"operator": "CLARO", "file_type": "ROBOS"}


def test_all_series_are_there_from_the_first_read(watched: Watched) -> None:
    create_log(watched.url)
    watched.refresher.refresh()

    samples = watched.scraped()

    assert sum(name == "renteseg_file_loads" for name, _ in samples) == 5 * 4 * 14
    assert sum(name == "renteseg_file_rejections_total" for name, _ in samples) == 6 * 5 * 11
    assert sum(name == "renteseg_file_loads_total" for name, _ in samples) == 6 * 5 * 4
    assert value(samples, "renteseg_file_loads", **LINE, state="expected") == 1
    assert value(samples, "renteseg_file_loads", **LINE, state="processed") == 0
    assert value(samples, "renteseg_file_queue_files", **LINE) == 0
    assert value(samples, "renteseg_file_loads_total", **LINE, outcome="rejected") == 0
    assert value(samples, "renteseg_file_loads_source_up") == 1
    for absent in ("queue_oldest", "received", "processed"):
        assert f"renteseg_file_{absent}_timestamp_seconds" not in names(samples)


def test_a_day_in_the_log_shows(watched: Watched) -> None:
    create_log(watched.url)
    log_file(watched.url, "CLARO", "ROBOS", "RECHAZADO", received_at="2026-10-06T10:00:00+00:00", reason="F05")
    log_file(watched.url, "CLARO", "ROBOS", "ENCOLADO", sequence=2, received_at="2026-10-06T10:30:00+00:00")
    watched.refresher.refresh()

    samples = watched.scraped()

    received_at = datetime.fromisoformat("2026-10-06T10:30:00+00:00").timestamp()
    deadline = datetime.fromisoformat("2026-10-06T06:00:00-05:00").timestamp()
    assert value(samples, "renteseg_file_loads", **LINE, state="queued") == 1
    assert value(samples, "renteseg_file_loads", **LINE, state="rejected") == 0
    assert value(samples, "renteseg_file_queue_files", **LINE) == 1
    assert value(samples, "renteseg_file_queue_oldest_timestamp_seconds", **LINE) == received_at
    assert value(samples, "renteseg_file_received_timestamp_seconds", **LINE) == received_at
    assert value(samples, "renteseg_file_processed_timestamp_seconds", **LINE) is None
    assert value(samples, "renteseg_file_deadline_timestamp_seconds", **LINE) == deadline
    assert value(samples, "renteseg_file_late_until_timestamp_seconds", **LINE) == deadline + 6 * 3600
    assert value(samples, "renteseg_file_loads_total", **LINE, outcome="rejected") == 1
    assert value(samples, "renteseg_file_rejections_total", **LINE, reason="F05") == 1


def test_a_log_that_is_away_from_the_start_leaves_its_figures_out(watched: Watched) -> None:
    watched.refresher.refresh()

    samples = watched.scraped()

    assert names(samples) == {
        "renteseg_file_loads_source_up",
        "renteseg_file_deadline_timestamp_seconds",
        "renteseg_file_late_until_timestamp_seconds",
    }
    assert value(samples, "renteseg_file_loads_source_up") == 0
    assert not_ready(watched.refresher) == "the load log cannot be read"


def test_a_log_that_goes_away_is_shown_a_little_longer_and_then_unknown(watched: Watched) -> None:
    create_log(watched.url)
    watched.refresher.refresh()
    watched.file.unlink()
    watched.now += timedelta(seconds=10)
    watched.refresher.refresh()

    assert value(watched.scraped(), "renteseg_file_loads_source_up") == 0
    assert "renteseg_file_loads" in names(watched.scraped())

    watched.now += timedelta(seconds=6)
    samples = watched.scraped()
    assert "renteseg_file_loads" not in names(samples)
    assert "renteseg_file_loads_total" not in names(samples)
    assert value(samples, "renteseg_file_loads_refresh_timestamp_seconds") == NOW.timestamp()


def test_a_file_processed_again_takes_nothing_from_the_counters(watched: Watched) -> None:
    create_log(watched.url)
    log_file(watched.url, "CLARO", "ROBOS", "ERROR_PROCESO")
    watched.refresher.refresh()

    execute(watched.url, "UPDATE carga_archivo SET estado = 'PROCESADO'")
    watched.refresher.refresh()

    samples = watched.scraped()
    assert value(samples, "renteseg_file_loads_total", **LINE, outcome="failed") == 1
    assert value(samples, "renteseg_file_loads_total", **LINE, outcome="processed") == 1


def test_a_strange_word_is_logged_once(watched: Watched) -> None:
    create_log(watched.url)
    log_file(watched.url, "CLARO", "ROBOS", "CONGELADO")

    with capture_logs() as logged:
        watched.refresher.refresh()
        watched.refresher.refresh()

    assert [entry["found"] for entry in logged] == ["status 'CONGELADO'"]
    assert value(watched.scraped(), "renteseg_file_loads", **LINE, state="other") == 1


def test_it_starts_without_its_database_and_finds_it_later(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    config = tmp_path / "config"
    config.mkdir()
    (config / "file_loads.yml").write_text(text.replace("refresh: 5s", "refresh: 100ms"), encoding="utf-8")
    url = f"sqlite:///{tmp_path}/log.db"
    environment = {"RENTESEG_CONFIG": str(config), "RENTESEG_LOAD_LOG_URL": url, "RENTESEG_STATE": str(tmp_path)}

    with exporter("exporters.file_loads.main", "RENTESEG_FILE_LOADS_PORT", environment) as running:
        running.wait_for("/readyz", 503)
        assert "renteseg_file_loads_source_up 0.0" in running.client.get("/metrics").text
        create_log(url)
        running.wait_for("/readyz", 200)
        assert "renteseg_file_loads_source_up 1.0" in running.client.get("/metrics").text
