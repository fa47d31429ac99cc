"""Reading the load log on SQLite and PostgreSQL: read only, bounded, its columns checked."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import create_engine, text
from sqlalchemy.dialects import mssql, oracle

from exporters.file_loads import relations
from exporters.file_loads.configuration import FileTable, LoadLog
from exporters.file_loads.reader import Batch, FileRow, LoadLogReader, RowErrors
from exporters.file_loads.tally import tally
from exporters.file_loads.values import BAD, row_count, whole
from exporters.file_loads.vocabulary import Finding
from exporters.refreshing import SourceError, SourceTimeout
from tests.exporters.file_loads.load_logs import DAY, configuration, create_log, execute, log_file

ENDLESS = "SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n) AS m"
STATEMENT = """SELECT id, operador AS operator, tipo_archivo AS file_type, fecha_datos AS data_day,
    secuencia AS sequence, estado AS status, recibido_en AS received_at, actualizado_en AS updated_at
    FROM carga_archivo"""


def load_log(url: str, **changes: object) -> LoadLog:
    return configuration(url, **changes).load_log


def day_rows(entry: LoadLog) -> list[FileRow]:
    with LoadLogReader(entry).session() as session:
        return session.of_days([DAY])


def mapping(**columns: Any) -> FileTable:
    shipped = configuration().load_log.files
    assert isinstance(shipped, FileTable)
    return shipped.model_copy(update={"columns": shipped.columns.model_copy(update=columns)})


def test_rows_come_in_our_types(url: str) -> None:
    log_file(
        url,
        "CLARO",
        "ROBOS",
        "RECHAZADO",
        received_at="2026-10-06T05:30:00.250-05:00",
        processed_at="2026-10-06T10:31:00.000+00:00",
        reason="F03",
        rows=(10, 0, 10),
        errors={"R01": 4, "R02": 6},
    )
    log_file(url, "ENTEL", "ALTAS", "ENCOLADO", day="2026-10-01")
    execute(url, "INSERT INTO lote_planificado VALUES ('CLARO', 'ROBOS', '2026-10-05', 1, '2026-10-05T00:00:00+00:00')")

    with LoadLogReader(load_log(url)).session() as session:
        [first], [second] = session.of_days([DAY]), session.with_status(["ENCOLADO"])
        errors, batches = session.row_errors_of({1, 2}), session.batches([DAY])

    assert first == FileRow(
        id=1,
        operator="CLARO",
        file_type="ROBOS",
        data_day=DAY,
        sequence=1,
        status="RECHAZADO",
        received_at=datetime(2026, 10, 6, 10, 30, 0, 250_000, tzinfo=UTC),
        updated_at=datetime(2026, 10, 6, 13, tzinfo=UTC),
        processed_at=datetime(2026, 10, 6, 10, 31, tzinfo=UTC),
        reason="F03",
        rows_total=10,
        rows_ok=0,
        rows_error=10,
    )
    assert (second.id, second.data_day, second.received_at) == (2, date(2026, 10, 1), None)
    assert errors == [RowErrors(1, "R01", 4), RowErrors(1, "R02", 6)]
    assert batches == [Batch("CLARO", "ROBOS", DAY, 1)]


def test_a_statement_serves_as_well_as_a_table(url: str) -> None:
    log_file(url, "CLARO", "ROBOS", "PROCESADO", rows=(10, 10, 0))

    [row] = day_rows(load_log(url, files=f"{STATEMENT} WHERE operador <> ':none' ;"))

    assert (row.operator, row.status, row.data_day, row.rows_total) == ("CLARO", "PROCESADO", DAY, None)


def test_a_time_without_zone_is_in_the_zone_that_configuration_names(url: str) -> None:
    kind = "timestamp" if url.startswith("postgresql") else "text"
    execute(url, f"ALTER TABLE carga_archivo ADD COLUMN llegada {kind}")
    log_file(url, "CLARO", "ROBOS", "RECIBIDO")
    execute(url, "UPDATE carga_archivo SET llegada = '2026-10-06 10:00:00'")
    table = mapping(received_at="llegada")

    [utc] = day_rows(load_log(url, files=table))
    [lima] = day_rows(load_log(url, files=table, naive_times="America/Lima"))

    assert utc.received_at == datetime(2026, 10, 6, 10, tzinfo=UTC)
    assert lima.received_at == datetime(2026, 10, 6, 15, tzinfo=UTC)


def test_a_log_without_zones_in_its_time_of_change_is_followed_in_its_own_zone(url: str) -> None:
    kind = "timestamp" if url.startswith("postgresql") else "text"
    execute(url, f"ALTER TABLE carga_archivo ADD COLUMN cambio {kind}")
    log_file(url, "CLARO", "ROBOS", "RECIBIDO")
    execute(url, "UPDATE carga_archivo SET cambio = '2026-10-06 08:00:00'")
    entry = load_log(url, files=mapping(updated_at="cambio"), naive_times="America/Lima")

    with LoadLogReader(entry).session() as session:
        head = session.head()
        assert head.newest == datetime(2026, 10, 6, 13, tzinfo=UTC)
        assert session.changed_slices(head.newest, head.spelling) == {0}
        assert not session.changed_slices(datetime(2026, 10, 8, tzinfo=UTC), head.spelling)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ("SELECT 1 AS id, 'a' AS operator", "load_log.files gives no column file_type, data_day"),
        (mapping(updated_at="cambiado"), "load_log.files gives no column cambiado: correct the name under `columns`"),
        (mapping(rows_ok="buenos"), "load_log.files gives no column buenos"),
        ("SELEKT nothing", "(?i)syntax"),
    ],
)
def test_a_source_that_cannot_be_read_is_named(url: str, files: Any, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        LoadLogReader(load_log(url, files=files)).check()


@pytest.mark.parametrize(
    ("column", "theirs", "complaint"),
    [
        ("received_at", "estado", r"'PROCESADO' \(str\) as received_at, where a time is needed"),
        ("updated_at", "secuencia", r"1 \(int\) as updated_at, where a time is needed"),
        ("data_day", "tipo_archivo", r"'ROBOS' \(str\) as data_day, where a day is needed"),
        ("rows_total", "operador", r"'CLARO' \(str\) as rows_total, where a whole number is needed"),
    ],
)
def test_a_column_of_the_wrong_type_is_named(url: str, column: str, theirs: str, complaint: str) -> None:
    log_file(url, "CLARO", "ROBOS", "PROCESADO")

    with pytest.raises(SourceError, match=complaint):
        LoadLogReader(load_log(url, files=mapping(**{column: theirs}))).check()


def test_a_table_needs_its_key_and_its_time_of_change() -> None:
    for name in ("id", "updated_at"):
        columns = {**configuration().load_log.files.columns.model_dump()}  # type: ignore[union-attr]
        del columns[name]
        with pytest.raises(ValidationError, match=name):
            FileTable.model_validate({"table": "t", "columns": columns})


def test_one_bad_value_hides_no_row(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    create_log(url)
    log_file(url, "CLARO", "ROBOS", "PROCESADO", received_at="yesterday")
    log_file(url, "ENTEL", "ROBOS", None, received_at="2026-10-06T10:00:00+00:00")

    first, second = day_rows(load_log(url))

    assert (first.received_at, first.findings) == (None, {Finding.BAD_VALUE})
    assert (second.status, second.findings) == (None, {Finding.MISSING_VALUE})


def test_blanks_that_a_column_of_a_fixed_width_adds_are_no_part_of_a_word(url: str) -> None:
    execute(url, "CREATE TABLE ancho (operador char(12), tipo_archivo char(12), estado char(20), motivo char(5))")
    row = "'CLARO       ', 'ROBOS       ', 'RECHAZADO           ', 'F05  '"
    execute(url, f"INSERT INTO ancho VALUES ({row})")
    log_file(url, "x", "x", "x")
    files = """SELECT id, a.operador AS operator, a.tipo_archivo AS file_type, fecha_datos AS data_day,
        secuencia AS sequence, a.estado AS status, recibido_en AS received_at, actualizado_en AS updated_at,
        motivo AS reason FROM carga_archivo, ancho AS a"""

    [found] = day_rows(load_log(url, files=files))

    assert (found.operator, found.file_type, found.status, found.reason) == ("CLARO", "ROBOS", "RECHAZADO", "F05")


def test_a_row_without_a_key_is_shown_and_told(url: str) -> None:
    log_file(url, "CLARO", "ROBOS", "PROCESADO")
    files = STATEMENT.replace("SELECT id,", "SELECT NULL AS id,") + " WHERE id = 1 UNION ALL " + STATEMENT
    log_file(url, "ENTEL", "ROBOS", "PROCESADO")

    rows = day_rows(load_log(url, files=files))

    assert sorted((row.id, row.operator) for row in rows) == [(-1, "CLARO"), (1, "CLARO"), (2, "ENTEL")]
    assert [row.findings for row in rows if row.id == -1] == [{Finding.MISSING_VALUE}]


def test_days_with_a_time_of_the_day_are_refused_for_nobody_could_ask_for_them(url: str) -> None:
    kind = "timestamp" if url.startswith("postgresql") else "text"
    execute(url, f"ALTER TABLE carga_archivo ADD COLUMN dia {kind}")
    log_file(url, "CLARO", "ROBOS", "PROCESADO")
    execute(url, "UPDATE carga_archivo SET dia = '2026-10-05 08:30:00'")

    with pytest.raises(SourceError, match="which 2026-10-05 does not find: give a day without a time"):
        LoadLogReader(load_log(url, files=mapping(data_day="dia"))).check()


@pytest.mark.parametrize(("key", "complaint"), [(-3, "below zero, up to -3"), (2**62 + 1, "below 2\\^62 is needed")])
def test_keys_that_cannot_be_counted_by_are_refused(tmp_path: Path, key: int, complaint: str) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    create_log(url)
    log_file(url, "CLARO", "ROBOS", "PROCESADO", key=key)

    with pytest.raises(SourceError, match=complaint), LoadLogReader(load_log(url)).session() as session:
        session.head()


def test_a_number_of_rows_that_is_none_is_told_and_hides_no_other(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    create_log(url)
    log_file(url, "CLARO", "ROBOS", "PROCESADO", rows=(9_000_000_000_000_000_000, 10, 0))
    for reason, rows in (("R01", "'muchas'"), ("R02", "3"), ("R03", "NULL")):
        execute(url, f"INSERT INTO carga_error_fila VALUES (1, '{reason}', {rows})")
    execute(url, "INSERT INTO carga_error_fila VALUES ('uno', 'R01', 3)")

    with LoadLogReader(load_log(url)).session() as session:
        [row], errors = session.of_days([DAY]), session.row_errors_within(0, 10)

    assert (row.rows_total, row.rows_ok, row.findings) == (None, 10, {Finding.BAD_VALUE})
    assert errors == [RowErrors(1, "R01", None), RowErrors(1, "R02", 3), RowErrors(1, "R03", None)]
    counts = tally([row], errors, configuration())
    assert counts["row_error", "CLARO", "ROBOS", "R02"] == 3
    assert counts["finding", Finding.BAD_VALUE] == 3


@pytest.mark.parametrize(
    ("value", "found"),
    [(Decimal("9007199254740993"), 9007199254740993), (Decimal("1.5"), BAD), ("12", 12), ("1.5", BAD), (1e300, BAD)],
)
def test_a_whole_number_is_exact_whatever_type_it_comes_in(value: object, found: object) -> None:
    assert row_count(value) == found if value == 1e300 else whole(value) == found


def test_nothing_can_be_written(url: str) -> None:
    log_file(url, "CLARO", "ROBOS", "PROCESADO")
    if url.startswith("postgresql"):
        execute(url, "CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM carga_archivo RETURNING 1'")
        statement, complaint = f"{STATEMENT} WHERE wipe() = 1", r"read-?only"
    else:
        statement, complaint = "DELETE FROM carga_archivo RETURNING 1", "syntax"

    with pytest.raises(SourceError, match=complaint):
        day_rows(load_log(url, files=statement))

    assert len(day_rows(load_log(url))) == 1


def test_a_statement_that_takes_too_long_is_ended_by_the_database(url: str) -> None:
    log_file(url, "CLARO", "ROBOS", "PROCESADO")

    with pytest.raises(SourceTimeout, match=r"timeout|interrupted"):
        day_rows(load_log(url, files=f"{STATEMENT} WHERE id < ({ENDLESS})", statement_timeout=0.2))


def test_a_database_that_is_away_is_a_source_error(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/absent.db", "postgresql://nobody@127.0.0.1:1/none"):
        with pytest.raises(SourceError):
            day_rows(load_log(url))
    assert not list(tmp_path.iterdir())


def test_a_load_log_without_its_table_is_a_source_error(url: str) -> None:
    execute(url, "DROP TABLE carga_archivo")

    with pytest.raises(SourceError, match="carga_archivo"):
        day_rows(load_log(url))


def test_no_connection_is_left_behind(postgres_url: str) -> None:
    create_log(postgres_url)
    for _ in range(3):
        day_rows(load_log(postgres_url))

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


@pytest.mark.parametrize("dialect", [oracle.dialect(), mssql.dialect()])
def test_the_statements_can_be_said_in_other_dialects(dialect: Any) -> None:
    """Spelling only: neither database is here to run them."""
    for source in (STATEMENT, configuration().load_log.files):
        files = relations.Relation("files", source, relations.FILE_COLUMNS, relations.MORE_FILE_COLUMNS)
        selected = files.selected(relations.FILE_COLUMNS)
        for statement in (
            relations.head(selected),
            relations.changed_slices(selected, datetime(2026, 10, 6, tzinfo=UTC)),
            relations.after(selected, 0, 5000),
            relations.usual_counts(selected, DAY, DAY, ["PROCESADO"]),
        ):
            said = str(statement.compile(dialect=dialect))
            assert not re.search(r"\bLIMIT\b", said)
            assert "carga_archivo" in said
