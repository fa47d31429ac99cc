"""Each thing that a load log can do wrong: what the metric shows, what the exporter logs, what the report says."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporters.file_loads.commands import read_day
from exporters.file_loads.configuration import FileTable
from exporters.file_loads.day_report import DayReport, Kind
from exporters.file_loads.main import LoadLogSource
from exporters.file_loads.reader import LoadLogReader
from exporters.refreshing import SourceError
from groundwork.problems import Away
from tests.exporters.file_loads.load_logs import DAY, NOW, configuration, create_log, log_file
from tests.exporters.file_loads.test_exposition import LINE, Watched, names, value


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    made = Watched(tmp_path)
    create_log(made.url)
    return made


@dataclass(frozen=True)
class Bad:
    """Rows of one line, and what is said of them."""

    rows: tuple[dict[str, Any], ...]
    finding: str
    told: str
    state: str
    reported: tuple[Kind, str | None]


BAD_ROWS = {
    "a status that nobody declared": Bad(
        ({"status": "CONGELADO"},),
        "unknown_status",
        "status 'CONGELADO'",
        "other",
        (Kind.STRANGE, "unknown_status"),
    ),
    "NULL where a value is needed": Bad(
        ({"status": None},),
        "missing_value",
        "NULL where a value is needed, in the row with key 1",
        "other",
        (Kind.STRANGE, "missing_value"),
    ),
    "a time that is none": Bad(
        ({"received_at": "ayer"},),
        "bad_value",
        "a value that is no time, day or number, in the row with key 1",
        "processed",
        (Kind.STRANGE, "bad_value"),
    ),
    "a file type that is not expected": Bad(
        ({"file_type": "VENTAS"},),
        "unknown_file_type",
        "file type 'VENTAS'",
        "expected",
        (Kind.STRANGE, "unknown_file_type"),
    ),
    "an operator that is not expected": Bad(
        ({"operator": "FLASH"},),
        "unknown_operator",
        "operator 'FLASH'",
        "expected",
        (Kind.STRANGE, "unknown_operator"),
    ),
    "two rows for one file": Bad(
        ({"status": "ERROR_PROCESO"}, {}),
        "duplicate",
        "two rows for one file: CLARO ROBOS 2026-10-05 01",
        "processed",
        (Kind.DUPLICATE, None),
    ),
}
GOOD_ROW = {"operator": "CLARO", "file_type": "ROBOS", "status": "PROCESADO"}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_counted_logged_once_and_reported_and_hides_nothing(name: str, watched: Watched) -> None:
    bad = BAD_ROWS[name]
    for row in bad.rows:
        log_file(watched.url, **{**GOOD_ROW, **row})  # type: ignore[arg-type]
    log_file(watched.url, "ENTEL", "ROBOS", "PROCESADO", received_at="2026-10-06T10:00:00+00:00")

    with capture_logs() as logged:
        watched.refresher.refresh()
        watched.refresher.refresh()
    samples = watched.scraped()
    report = read_day(configuration(watched.url), DAY, NOW)

    assert [entry["found"] for entry in logged] == [bad.told]
    assert value(samples, "renteseg_file_findings", finding=bad.finding) == 1
    assert value(samples, "renteseg_file_loads", **LINE, state=bad.state) == 1
    assert value(samples, "renteseg_file_loads", operator="ENTEL", file_type="ROBOS", state="processed") == 1
    assert counted(samples) == len(bad.rows) + 1
    assert bad.reported in [(thing.kind, thing.reason) for thing in report.inconsistencies]


def counted(samples: Any) -> float:
    """Files with any outcome, of whatever operator and type: nothing is dropped."""
    return sum(count for (name, _), count in samples.items() if name == "renteseg_file_loads_total")


def missing_column() -> FileTable:
    shipped = configuration().load_log.files
    assert isinstance(shipped, FileTable)
    return shipped.model_copy(update={"columns": shipped.columns.model_copy(update={"status": "situacion"})})


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ("SELEKT 1", "syntax error"),
        ("SELECT 1 AS id", "load_log.files gives no column operator, file_type"),
        (missing_column(), "load_log.files gives no column situacion: correct the name under `columns`"),
    ],
)
def test_a_source_that_is_wrong_is_named_by_the_log_the_report_and_the_check(
    files: Any, complaint: str, watched: Watched
) -> None:
    wrong = configuration(watched.url, files=files)
    watched.source = LoadLogSource(wrong, watched.folder, watched.clock)

    with capture_logs() as logged:
        watched.refresher.refresh()
        watched.refresher.refresh()
    samples = watched.scraped()

    assert value(samples, "renteseg_file_loads_source_up") == 0
    assert not {"renteseg_file_loads", "renteseg_file_loads_total"} & names(samples)
    assert [complaint in entry["reason"] for entry in logged] == [True]
    with pytest.raises(Away) as reported:
        read_day(wrong, DAY, NOW)
    assert complaint in str(reported.value)
    with pytest.raises(SourceError) as checked:
        LoadLogReader(wrong.load_log).check()
    assert complaint in str(checked.value)


def test_a_time_without_zone_is_the_same_moment_for_metric_and_report_and_nothing_to_log(watched: Watched) -> None:
    log_file(watched.url, "CLARO", "ROBOS", "PROCESADO", received_at="2026-10-06 05:30:00")
    lima = configuration(watched.url, naive_times="America/Lima")
    watched.source = LoadLogSource(lima, watched.folder, watched.clock)

    with capture_logs() as logged:
        watched.refresher.refresh()
    report = read_day(lima, DAY, NOW)

    received_at = datetime(2026, 10, 6, 10, 30, tzinfo=UTC)
    assert not logged
    assert value(watched.scraped(), "renteseg_file_received_timestamp_seconds", **LINE) == received_at.timestamp()
    assert received_of(report) == received_at


def received_of(report: DayReport) -> datetime | None:
    return next(load.received_at for load in report.loads if (load.operator, load.file_type) == ("CLARO", "ROBOS"))
