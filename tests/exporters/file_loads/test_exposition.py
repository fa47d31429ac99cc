"""What Prometheus sees of the load log, also while it is away."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from exporters.file_loads.exposition import Shown, registry, rendered, shown
from exporters.file_loads.main import LoadLogSource, not_ready
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
        self.folder = folder
        self.source = LoadLogSource(self._configuration, folder / "state", self.clock)
        self.refresher = self.refreshed()

    def refreshed(self) -> Refresher[Shown]:
        return Refresher(lambda: shown(self.source.read(), self._configuration), 5, clock=self.clock)

    def clock(self) -> datetime:
        return self.now

    def scraped(self) -> Samples:
        own = generate_latest(registry(self._configuration, self.refresher, self.clock))
        text = (own + rendered(self.refresher)).decode()
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
BOUNDS = ("1.0", "5.0", "60.0", "86400.0", "+Inf")
TIMING: Samples = {("renteseg_file_loads_refresh_seconds", frozenset()): 0}


def test_all_series_are_there_from_the_first_read(watched: Watched) -> None:
    create_log(watched.url)
    watched.refresher.refresh()

    samples = watched.scraped()

    assert sum(name == "renteseg_file_loads" for name, _ in samples) == 5 * 4 * 14
    assert sum(name == "renteseg_file_rejections_total" for name, _ in samples) == 6 * 5 * 11
    assert sum(name == "renteseg_file_loads_total" for name, _ in samples) == 6 * 5 * 5
    assert sum(name == "renteseg_file_loads_withdrawn" for name, _ in samples) == 6 * 5 * 5
    assert sum(name == "renteseg_file_rows_total" for name, _ in samples) == 6 * 5 * 2
    assert sum(name == "renteseg_file_row_errors_total" for name, _ in samples) == 6 * 5 * 12
    assert sum(name == "renteseg_file_processing_seconds_bucket" for name, _ in samples) == 5 * 12
    assert sum(name == "renteseg_file_loads_log_breaks_total" for name, _ in samples) == 3
    assert value(samples, "renteseg_file_row_errors_total", **LINE, reason="R01") == 0
    assert value(samples, "renteseg_file_loads_circuit_open") is None
    assert value(samples, "renteseg_file_loads", **LINE, state="expected") == 1
    assert value(samples, "renteseg_file_loads", **LINE, state="processed") == 0
    assert value(samples, "renteseg_file_queue_files", **LINE) == 0
    assert value(samples, "renteseg_file_loads_total", **LINE, outcome="rejected") == 0
    assert value(samples, "renteseg_file_loads_source_up") == 1
    for absent in ("queue_oldest", "received", "processed", "loads_log_break"):
        assert f"renteseg_file_{absent}_timestamp_seconds" not in names(samples)
    assert "renteseg_file_newest_rows" not in names(samples)
    assert "renteseg_file_usual_rows" not in names(samples)


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
    assert value(samples, "renteseg_file_loads_withdrawn", **LINE, outcome="failed") == 1
    assert value(samples, "renteseg_file_loads_withdrawn", **LINE, outcome="processed") == 0


def test_rows_errors_and_time_are_counted(watched: Watched) -> None:
    create_log(watched.url)
    for number, seconds in enumerate((3, 45, 90000), 1):
        queued = NOW - timedelta(days=2)
        log_file(
            watched.url,
            "CLARO",
            "ROBOS",
            "PROCESADO_CON_OBSERVACIONES",
            sequence=number,
            queued_at=queued.isoformat(),
            processed_at=(queued + timedelta(seconds=seconds)).isoformat(),
            rows=(10, 7, 3),
            errors={"R02": 2, "R77": 1},
        )
    watched.refresher.refresh()

    samples = watched.scraped()

    assert value(samples, "renteseg_file_rows_total", **LINE, result="loaded") == 21
    assert value(samples, "renteseg_file_rows_total", **LINE, result="rejected") == 9
    assert value(samples, "renteseg_file_row_errors_total", **LINE, reason="R02") == 6
    assert value(samples, "renteseg_file_row_errors_total", **LINE, reason="other") == 3
    heights = {le: value(samples, "renteseg_file_processing_seconds_bucket", file_type="ROBOS", le=le) for le in BOUNDS}
    assert heights == {"1.0": 0, "5.0": 1, "60.0": 2, "86400.0": 2, "+Inf": 3}
    assert value(samples, "renteseg_file_processing_seconds_sum", file_type="ROBOS") == 90048
    assert value(samples, "renteseg_file_processing_seconds_count", file_type="ROBOS") == 3


def test_a_restart_and_a_second_replica_show_the_same(watched: Watched, tmp_path: Path) -> None:
    create_log(watched.url)
    log_file(watched.url, "CLARO", "ROBOS", "ERROR_PROCESO")
    watched.refresher.refresh()
    execute(watched.url, "UPDATE carga_archivo SET estado = 'PROCESADO'")
    log_file(watched.url, "ENTEL", "ALTAS", "PROCESADO", rows=(9, 9, 0))
    watched.refresher.refresh()

    restarted, replica = Watched(tmp_path), Watched(tmp_path)
    replica.source = LoadLogSource(configuration(watched.url), tmp_path / "elsewhere", watched.clock)
    for each in (restarted, replica):
        each.refresher.refresh()

    first, again, other = (each.scraped() for each in (watched, restarted, replica))
    assert {**first, **TIMING} == {**again, **TIMING}
    outcomes = [labels for name, labels in first if name == "renteseg_file_loads_total"]
    for labels in outcomes:
        log_itself = [
            each["renteseg_file_loads_total", labels] - each["renteseg_file_loads_withdrawn", labels]
            for each in (first, other)
        ]
        assert log_itself[0] == log_itself[1]


def test_a_log_that_lost_its_past_is_announced(watched: Watched) -> None:
    create_log(watched.url)
    log_file(watched.url, "CLARO", "ROBOS", "PROCESADO")
    watched.refresher.refresh()
    execute(watched.url, "DELETE FROM carga_archivo")
    watched.refresher.refresh()

    samples = watched.scraped()

    assert value(samples, "renteseg_file_loads_total", **LINE, outcome="processed") == 1
    assert value(samples, "renteseg_file_loads_log_breaks_total", kind="truncated") == 1
    assert value(samples, "renteseg_file_loads_log_break_timestamp_seconds", kind="truncated") == NOW.timestamp()
    assert value(samples, "renteseg_file_loads_log_breaks_total", kind="restored") == 0


def test_a_strange_word_is_logged_once(watched: Watched) -> None:
    create_log(watched.url)
    log_file(watched.url, "CLARO", "ROBOS", "CONGELADO")

    with capture_logs() as logged:
        watched.refresher.refresh()
        watched.refresher.refresh()

    assert [entry["found"] for entry in logged] == ["status 'CONGELADO'"]
    samples = watched.scraped()
    assert value(samples, "renteseg_file_loads", **LINE, state="other") == 1
    assert value(samples, "renteseg_file_loads_total", **LINE, outcome="other") == 1
    assert value(samples, "renteseg_file_findings", finding="unknown_status") == 1
    assert value(samples, "renteseg_file_log_findings_total", finding="unknown_status") == 1


def test_an_operator_or_file_type_outside_the_exchange_counts_as_unknown(watched: Watched) -> None:
    create_log(watched.url)
    log_file(watched.url, "CLARO", "VENTAS", "PROCESADO")
    log_file(watched.url, "FLASH", "ROBOS", "PROCESADO")
    with capture_logs() as logged:
        watched.refresher.refresh()

    samples = watched.scraped()

    assert sorted(entry["found"] for entry in logged) == ["file type 'VENTAS'", "operator 'FLASH'"]
    assert value(samples, "renteseg_file_findings", finding="unknown_file_type") == 1
    assert value(samples, "renteseg_file_findings", finding="unknown_operator") == 1
    for labels in ({"operator": "CLARO", "file_type": "unknown"}, {"operator": "unknown", "file_type": "ROBOS"}):
        assert value(samples, "renteseg_file_loads_total", **labels, outcome="processed") == 1


def test_rows_of_the_day_stand_beside_the_usual_ones_and_the_announced_batches(watched: Watched) -> None:
    create_log(watched.url)
    for day, rows in (("2026-10-01", 90), ("2026-10-02", 100), ("2026-10-03", 400), ("2026-08-01", 9000)):
        log_file(watched.url, "CLARO", "ROBOS", "PROCESADO", day=day, rows=(rows, rows, 0))
    log_file(watched.url, "CLARO", "ROBOS", "REPROCESO_MANUAL", reason="F10", rows=(2000, 0, 0))
    log_file(watched.url, "ENTEL", "ROBOS", "ENCOLADO", sequence=3, rows=(2000, 0, 0))
    execute(watched.url, "INSERT INTO lote_planificado VALUES ('ENTEL', 'ROBOS', '2026-10-05', 3, NULL)")
    watched.refresher.refresh()

    samples = watched.scraped()

    assert value(samples, "renteseg_file_newest_rows", **LINE) == 2000
    assert value(samples, "renteseg_file_usual_rows", **LINE) == 100
    assert value(samples, "renteseg_file_batch_planned", **LINE) == 0
    assert value(samples, "renteseg_file_batch_planned", operator="ENTEL", file_type="ROBOS") == 1


def test_killed_again_and_again_while_files_come_it_counts_each_of_them_once(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    config = tmp_path / "config"
    config.mkdir()
    (config / "file_loads.yml").write_text(text.replace("refresh: 5s", "refresh: 20ms"), encoding="utf-8")
    url = f"sqlite:///{tmp_path}/log.db"
    create_log(url)
    environment = {"RENTESEG_CONFIG": str(config), "RENTESEG_LOAD_LOG_URL": url, "RENTESEG_STATE": str(tmp_path)}
    expected, moment = 0, random.Random(6)

    for _ in range(3):
        with exporter("exporters.file_loads.main", "RENTESEG_FILE_LOADS_PORT", environment) as running:
            running.wait_until_ready()
            for _ in range(moment.randint(5, 40)):
                expected += 1
                came = datetime.now(UTC).isoformat()
                log_file(url, "CLARO", "ROBOS", "PROCESADO", sequence=expected, key=expected * 700, updated_at=came)
            running.process.kill()

    found = 'renteseg_file_loads_total{file_type="ROBOS",operator="CLARO",outcome="processed"} '
    with exporter("exporters.file_loads.main", "RENTESEG_FILE_LOADS_PORT", environment) as running:
        running.wait_until_ready()
        page = running.client.get("/metrics").text
    assert [line for line in page.splitlines() if line.startswith(found)] == [f"{found}{expected}.0"]
    assert not list(tmp_path.glob("*set-aside*"))


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
