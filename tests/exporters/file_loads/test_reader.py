"""Reading the load log on SQLite and PostgreSQL: read only, bounded, its columns checked."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from exporters.file_loads.configuration import LoadLog
from exporters.file_loads.reader import FileRow, TotalRow, read_rows
from exporters.refreshing import SourceError
from tests.exporters.file_loads.load_logs import DAY, configuration, create_log, execute, log_file

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS files FROM n"
FILES = "SELECT 'a' AS operator, 'b' AS file_type, {day} AS data_day, 1 AS sequence, 'c' AS status,"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty load log, once on each database."""
    url = f"sqlite:///{tmp_path}/log.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    create_log(url)
    return url


def load_log(url: str, **changes: object) -> LoadLog:
    return configuration(url, **changes).load_log


def test_rows_come_in_python_types(url: str) -> None:
    log_file(
        url,
        "CLARO",
        "ROBOS",
        "RECHAZADO",
        received_at="2026-10-06T05:30:00.250-05:00",
        processed_at="2026-10-06T10:31:00.000+00:00",
        reason="F03",
    )
    log_file(url, "ENTEL", "ALTAS", "ENCOLADO", day="2026-10-01")
    log_file(url, "ENTEL", "ALTAS", "PROCESADO", day="2026-10-01", sequence=2)

    rows = read_rows(load_log(url), DAY)

    first = FileRow(
        operator="CLARO",
        file_type="ROBOS",
        data_day=DAY,
        sequence=1,
        status="RECHAZADO",
        received_at=datetime(2026, 10, 6, 10, 30, 0, 250_000, tzinfo=UTC),
        processed_at=datetime(2026, 10, 6, 10, 31, tzinfo=UTC),
    )
    second = FileRow("ENTEL", "ALTAS", date(2026, 10, 1), 1, "ENCOLADO", None, None)
    assert sorted(rows.files, key=lambda row: row.operator or "") == [first, second]
    assert set(rows.totals) == {
        TotalRow("CLARO", "ROBOS", "RECHAZADO", "F03", 1),
        TotalRow("ENTEL", "ALTAS", "ENCOLADO", None, 1),
        TotalRow("ENTEL", "ALTAS", "PROCESADO", None, 1),
    }


def test_a_time_without_zone_is_utc(url: str) -> None:
    day = "date '2026-10-05'" if url.startswith("postgresql") else "'2026-10-05'"
    moment = "timestamp '2026-10-06 10:00:00'" if url.startswith("postgresql") else "'2026-10-06 10:00:00'"
    files = f"{FILES.format(day=day)} {moment} AS received_at, NULL AS processed_at, NULL AS reason"

    [row] = read_rows(load_log(url, files=files), DAY).files

    assert row.received_at == datetime(2026, 10, 6, 10, tzinfo=UTC)


def test_a_missing_column_is_named(url: str) -> None:
    with pytest.raises(SourceError, match=r"load_log\.totals gives no column files, reason"):
        read_rows(load_log(url, totals="SELECT 'a' AS operator, 'b' AS file_type, 'c' AS status"), DAY)


def test_a_value_that_is_no_time_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    create_log(url)
    log_file(url, "CLARO", "ROBOS", "PROCESADO", received_at="yesterday")

    with pytest.raises(SourceError, match="'yesterday'"):
        read_rows(load_log(url), DAY)


def test_nothing_can_be_written(url: str) -> None:
    statement = "DELETE FROM carga_archivo RETURNING 1"
    log_file(url, "CLARO", "ROBOS", "PROCESADO")

    with pytest.raises(SourceError, match=r"read-?only"):
        read_rows(load_log(url, files=statement), DAY)

    assert len(read_rows(load_log(url), DAY).files) == 1


def test_a_statement_that_takes_too_long_is_ended_by_the_database(url: str) -> None:
    with pytest.raises(SourceError, match=r"timeout|interrupted"):
        read_rows(load_log(url, files=ENDLESS, statement_timeout=0.2), DAY)


def test_a_database_that_is_away_is_a_source_error(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/absent.db", "postgresql://nobody@127.0.0.1:1/none"):
        with pytest.raises(SourceError):
            read_rows(load_log(url), DAY)
    assert not list(tmp_path.iterdir())


def test_a_load_log_without_its_table_is_a_source_error(url: str) -> None:
    execute(url, "DROP TABLE carga_archivo")

    with pytest.raises(SourceError, match="carga_archivo"):
        read_rows(load_log(url), DAY)


def test_no_connection_is_left_behind(postgres_url: str) -> None:
    create_log(postgres_url)
    for _ in range(3):
        read_rows(load_log(postgres_url), DAY)

    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        left = connection.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'renteseg-monitor'"
            )
        )
    engine.dispose()
    assert left == 0
