"""`renteseg loads report` and `matrix`: every kind of inconsistency, four formats, the metrics' own numbers."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from rich.console import Console

from exporters.file_loads import rendering
from exporters.file_loads.commands import month_days, read_day
from exporters.file_loads.day_report import DayReport, Kind, month_matrix
from exporters.file_loads.main import LoadLogSource
from exporters.file_loads.reader import LoadLogReader
from exporters.file_loads.vocabulary import FileState, Finding
from tests.exporters.file_loads.load_logs import DAY, NOW, configuration, create_log, execute, log_file

LIMA = ZoneInfo("America/Lima")
ON_TIME = "2026-10-06T10:30:00.000+00:00"
LATE = "2026-10-06T12:15:00.000+00:00"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def day(url: str) -> str:
    """A day on which everything went wrong once."""
    log_file(url, "CLARO", "ROBOS", "RECHAZADO", received_at=ON_TIME, reason="F05", rows=(10, 0, 10))
    log_file(url, "CLARO", "ROBOS", "PROCESADO", sequence=2, received_at=ON_TIME, rows=(100, 100, 0))
    log_file(url, "ENTEL", "ALTAS", "PROCESADO", received_at=LATE, rows=(100, 100, 0))
    log_file(url, "BITEL", "ALTAS", "ENCOLADO", received_at=ON_TIME)
    log_file(url, "BITEL", "BAJAS", "ERROR_PROCESO", received_at=ON_TIME)
    log_file(
        url,
        "BITEL",
        "ROBOS",
        "PROCESADO_CON_OBSERVACIONES",
        received_at=ON_TIME,
        rows=(50, 47, 3),
        errors={"R02": 2, "R08": 1},
    )
    log_file(url, "MOVISTAR", "ROBOS", "REPROCESO_MANUAL", received_at=ON_TIME, reason="F10", rows=(9000, 0, 0))
    log_file(url, "MOVISTAR", "ALTAS", "CONGELADO", received_at=ON_TIME)
    log_file(url, "CLARO", None, "RECHAZADO", day=None, sequence=0, received_at=ON_TIME, reason="F01")
    log_file(url, "CLARO", "VENTAS", "PROCESADO", received_at=ON_TIME)
    for _ in range(2):
        log_file(url, "DOLPHIN", "ALTAS", "PROCESADO", received_at=ON_TIME, rows=(1, 1, 0))
    for number, rows in enumerate((90, 100, 110), 1):
        log_file(url, "MOVISTAR", "ROBOS", "PROCESADO", day=f"2026-10-0{number}", rows=(rows, rows, 0))
    return url


def told(report: DayReport, kind: Kind) -> list[tuple[Any, ...]]:
    return [
        (f"{thing.operator} {thing.file_type}", thing.sequence)
        for thing in report.inconsistencies
        if thing.kind is kind
    ]


def test_every_inconsistency_of_a_day_is_told(day: str) -> None:
    report = read_day(configuration(day), DAY, NOW)

    assert told(report, Kind.REJECTED) == [("CLARO ROBOS", 1), ("CLARO unknown", 0)]
    assert told(report, Kind.LATE) == [("ENTEL ALTAS", 1)]
    assert told(report, Kind.QUEUED) == [("BITEL ALTAS", 1)]
    assert told(report, Kind.FAILED) == [("BITEL BAJAS", 1)]
    assert told(report, Kind.HELD) == [("MOVISTAR ROBOS", 1)]
    assert told(report, Kind.UNUSUAL) == [("MOVISTAR ROBOS", None)]
    assert told(report, Kind.DUPLICATE) == [("DOLPHIN ALTAS", 1)]
    assert told(report, Kind.STRANGE) == [("CLARO VENTAS", 1), ("MOVISTAR ALTAS", 1)]
    assert len(told(report, Kind.MISSING)) == 12
    errors = {thing.reason: thing.rows for thing in report.inconsistencies if thing.kind is Kind.ROW_ERRORS}
    assert errors == {"R02": 2, "R08": 1}
    [held] = [thing for thing in report.inconsistencies if thing.kind is Kind.HELD]
    assert (held.rows, held.usual, held.reason) == (9000, 100, "F10")


def test_the_numbers_are_those_of_the_metrics(day: str, tmp_path: Path) -> None:
    found = LoadLogSource(configuration(day), tmp_path / "state", lambda: NOW).read()
    report = read_day(configuration(day), DAY, NOW)

    assert {(load.operator, load.file_type): load.state for load in report.loads} == found.states
    assert {(load.operator, load.file_type): load.usual for load in report.loads if load.usual} == found.usual
    received = {(load.operator, load.file_type): load.received_at for load in report.loads if load.received_at}
    assert received == found.received_at
    assert len(told(report, Kind.QUEUED)) == sum(found.waiting.values())
    assert found.totals
    rejected = [
        key for key, count in found.totals.shown.items() for _ in range(count) if key[::3] == ("outcome", "rejected")
    ]
    assert len(told(report, Kind.REJECTED)) == len(rejected)
    assert found.findings[Finding.DUPLICATE] == len(told(report, Kind.DUPLICATE))
    row_errors = {key[1:]: count for key, count in found.totals.shown.items() if key[0] == "row_error"}
    assert row_errors == {("BITEL", "ROBOS", "R02"): 2, ("BITEL", "ROBOS", "R08"): 1}


def test_nothing_is_missing_before_its_deadline(url: str) -> None:
    before = datetime(2026, 10, 6, 11, tzinfo=UTC)

    assert not read_day(configuration(url), DAY, before).inconsistencies
    assert len(read_day(configuration(url), DAY, before + timedelta(seconds=1)).inconsistencies) == 20


def test_an_announced_batch_is_not_unusual(day: str) -> None:
    execute(day, "INSERT INTO lote_planificado VALUES ('MOVISTAR', 'ROBOS', '2026-10-05', 1, NULL)")

    assert not told(read_day(configuration(day), DAY, NOW), Kind.UNUSUAL)


def test_a_table_for_people_is_in_spanish(day: str) -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    rendering.day_table(read_day(configuration(day), DAY, NOW), LIMA, console)
    text = console.export_text()

    for words in (
        "Inconsistencias del día de datos 05/10/2026, al 06/10/2026 09:00:00",
        "plazo vencido hace 3 h",
        "1 h 15 min después del plazo",
        "F05 suma de verificación",
        "R02 dígito Luhn",
        "cantidad inusual",
        "estado que la configuración no conoce",
        "valor por defecto, no contractual",
    ):
        assert words in text


def test_a_day_without_inconsistencies_says_so(url: str) -> None:
    console = Console(width=160, record=True, file=io.StringIO())
    rendering.day_table(read_day(configuration(url), DAY, datetime(2026, 10, 6, 5, tzinfo=UTC)), LIMA, console)

    assert "Sin inconsistencias." in console.export_text()


HOSTILE = [
    '=HYPERLINK("http://x","y")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "[red]x[/red]",
    "a\x1b[2Jb",
    "a\nb",
    "\u202etxt",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_never_a_formula_markup_or_control(tmp_path: Path, text: str) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    create_log(url)
    log_file(url, text, text, "RECHAZADO", received_at=ON_TIME, reason=text)
    report = read_day(configuration(url), DAY, NOW)

    cells = list(csv.reader(io.StringIO(rendering.day_csv(report, LIMA))))
    book = openpyxl.load_workbook(io.BytesIO(rendering.day_xlsx(report, LIMA)))
    console = Console(width=200, record=True, file=io.StringIO())
    rendering.day_table(report, LIMA, console)

    assert not [cell for row in cells for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))]
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    shown = console.export_text()
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    if text.startswith("["):
        assert text in shown


def test_a_workbook_holds_numbers_as_numbers(day: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(rendering.day_xlsx(read_day(configuration(day), DAY, NOW), LIMA)))

    assert book.sheetnames == ["Inconsistencias", "Cargas", "Errores de fila"]
    errors = list(book["Errores de fila"].iter_rows(min_row=3, values_only=True))
    assert errors == [
        ("BITEL", "ROBOS", "R02", "dígito Luhn", 2),
        ("BITEL", "ROBOS", "R08", "duplicado", 1),
    ]
    assert len(list(book["Cargas"].iter_rows(min_row=3))) == 20


def test_json_says_all_of_it(day: str) -> None:
    document = json.loads(rendering.as_json(rendering.day_json(read_day(configuration(day), DAY, NOW))))

    assert document["day"] == "2026-10-05"
    assert document["states"]["expected"] == 12
    assert len(document["loads"]) == 20
    assert {thing["kind"] for thing in document["inconsistencies"]} == set(Kind)


def test_a_month_is_a_matrix_of_the_days_that_are_over(day: str) -> None:
    days = month_days("2026-10")
    with LoadLogReader(configuration(day).load_log).session() as session:
        matrix = month_matrix(session.of_days(days), configuration(day), days, NOW.astimezone(LIMA).date())

    assert len(matrix) == 20
    assert [state for _, state in sorted(matrix["MOVISTAR", "ROBOS"].items())] == [
        *[FileState.PROCESSED] * 3,
        FileState.EXPECTED,
        FileState.REPROCESSING,
    ]
    table = list(csv.DictReader(io.StringIO(rendering.matrix_csv(matrix, days))))
    assert table[0]["2026-10-05"] == "esperado"
    assert table[0]["2026-10-06"] == ""
    console = Console(width=160, record=True, file=io.StringIO())
    rendering.matrix_table(matrix, days, console)
    assert "m reproceso manual" in console.export_text()
    book = openpyxl.load_workbook(io.BytesIO(rendering.matrix_xlsx(matrix, days)))
    assert book["Matriz"].cell(2, 3).value == "01/10"


# --- the command --------------------------------------------------------------------------------------------------


def renteseg(url: str, folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "RENTESEG_LOAD_LOG_URL": url, "RENTESEG_STATE": str(folder)}
    command = [sys.executable, "-m", "renteseg", "loads", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)


def test_the_command_prints_and_writes(day: str, tmp_path: Path) -> None:
    table = renteseg(day, tmp_path, "report", "--day", "2026-10-05")
    workbook = renteseg(
        day, tmp_path, "report", "--day", "2026-10-05", "--format", "xlsx", "--out", f"{tmp_path}/day.xlsx"
    )
    matrix = renteseg(day, tmp_path, "matrix", "--month", "2026-10", "--format", "json")
    check = renteseg(day, tmp_path, "check")

    assert (table.returncode, workbook.returncode, matrix.returncode, check.returncode) == (0, 0, 0, 0)
    assert "día de datos 05/10/2026" in table.stdout.decode()
    assert openpyxl.load_workbook(tmp_path / "day.xlsx").sheetnames[0] == "Inconsistencias"
    assert json.loads(matrix.stdout)["month"] == "2026-10"
    assert b"load_log.files: data_day" in check.stdout


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["report", "--day", "ayer"], 1, "'ayer' is not a day such as 2026-10-05"),
        (["report", "--format", "pdf"], 1, "'pdf' is no format; there are: table, csv, xlsx, json"),
        (["matrix", "--month", "2026-13"], 1, "'2026-13' is not a month such as 2026-10"),
        (["matrix", "--month", "octubre"], 1, "'octubre' is not a month such as 2026-10"),
        (["report", "--format", "csv", "--out", "/absent/x.csv"], 1, "/absent/x.csv cannot be written"),
    ],
)
def test_a_wrong_wish_is_refused_in_one_line(tmp_path: Path, words: list[str], code: int, complaint: str) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    create_log(url)

    answer = renteseg(url, tmp_path, *words)

    assert answer.returncode == code
    assert complaint in answer.stderr.decode()
    assert answer.stderr.count(b"\n") == 1


def test_a_log_that_is_away_is_code_three(tmp_path: Path) -> None:
    answer = renteseg(f"sqlite:///{tmp_path}/absent.db", tmp_path, "report")

    assert answer.returncode == 3
    assert b"the load log cannot be read" in answer.stderr
