"""A day's report and a month's matrix as a terminal table, CSV, XLSX or JSON.

What stands in a foreign log may be hostile: it never becomes a formula of a spreadsheet, markup of the terminal or a
control sequence.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporters.file_loads import words
from exporters.file_loads.configuration import Line
from exporters.file_loads.day_report import DayReport, Inconsistency, Kind, Load
from exporters.file_loads.vocabulary import FileState

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
BAD = {FileState.MISSING, FileState.REJECTED, FileState.FAILED, FileState.OTHER}

Matrix = Mapping[Line, Mapping[date, FileState]]


def plain(value: object) -> str:
    """The value as text without control characters; nothing for None."""
    return "" if value is None else CONTROL.sub("�", str(value))


def harmless(value: object) -> str:
    """Plain text that no spreadsheet takes for a formula when it opens a CSV file."""
    text = plain(value)
    return f"'{text}" if text.startswith(FORMULA) else text


# --- one day ------------------------------------------------------------------------------------------------------


def day_json(report: DayReport) -> dict[str, Any]:
    """The report as plain JSON values, times in UTC."""
    return {
        "day": report.day.isoformat(),
        "at": _utc(report.at),
        "states": {state.value: report.states[state] for state in FileState},
        "loads": [_load_json(load) for load in report.loads],
        "inconsistencies": [_inconsistency_json(thing) for thing in report.inconsistencies],
    }


def day_csv(report: DayReport, zone: ZoneInfo) -> str:
    """One line an inconsistency, for a spreadsheet."""
    return _csv(list(words.COLUMNS.values()), (_cells(thing, zone) for thing in report.inconsistencies))


def day_xlsx(report: DayReport, zone: ZoneInfo) -> bytes:
    """Three sheets: the inconsistencies, the state of every load, the row errors."""
    heads = ["operador", "tipo", "estado", "archivos", "plazo", "recibido", "procesado", "registros", "cargados"]
    loads = [
        [
            load.operator,
            load.file_type,
            words.STATES[load.state],
            load.files,
            _local(load.deadline_at, zone),
            _local(load.received_at, zone),
            _local(load.processed_at, zone),
            load.rows_total,
            load.rows_ok,
            load.rows_error,
            load.usual,
            "sí" if load.planned else "no",
        ]
        for load in report.loads
    ]
    errors = [
        [load.operator, load.file_type, reason, words.ROW_REASONS.get(reason, ""), count]
        for load in report.loads
        for reason, count in load.row_errors.items()
    ]
    return _xlsx(
        {
            "Inconsistencias": (
                list(words.COLUMNS.values()),
                [_cells(thing, zone) for thing in report.inconsistencies],
            ),
            "Cargas": ([*heads, "con error", "usual", "lote anunciado"], loads),
            "Errores de fila": (["operador", "tipo", "código", "motivo", "filas"], errors),
        },
        f"Día de datos {report.day:%d/%m/%Y}, al {_local(report.at, zone)}; {words.DEFAULT_NOTE}",
    )


def day_table(report: DayReport, zone: ZoneInfo, console: Console) -> None:
    """The report on a terminal."""
    console.print(
        Text(f"Inconsistencias del día de datos {report.day:%d/%m/%Y}, al {_local(report.at, zone)} (hora local)")
    )
    states = ", ".join(f"{words.STATES[state]} {count}" for state, count in report.states.items())
    console.print(Text(f"Cargas: {len(report.loads)} ({states}); {words.DEFAULT_NOTE}"))
    if not report.inconsistencies:
        console.print(Text("Sin inconsistencias."))
        return
    table = Table(*words.COLUMNS.values(), box=box.SIMPLE_HEAD)
    for thing in report.inconsistencies:
        table.add_row(*(Text(plain(cell)) for cell in _cells(thing, zone)))
    console.print(table)


def _cells(thing: Inconsistency, zone: ZoneInfo) -> list[Any]:
    return [
        words.KINDS[thing.kind],
        thing.operator,
        thing.file_type,
        thing.sequence,
        words.STATES[thing.state] if thing.state else None,
        _reason(thing),
        thing.rows,
        None if thing.usual is None else round(thing.usual),
        _local(thing.received_at, zone),
        _detail(thing),
    ]


def _reason(thing: Inconsistency) -> str | None:
    if thing.reason is None:
        return None
    known = {**words.FILE_REASONS, **words.ROW_REASONS}
    return (
        f"{thing.reason} {known[thing.reason]}"
        if thing.reason in known
        else words.FINDINGS.get(thing.reason, thing.reason)
    )


def _detail(thing: Inconsistency) -> str | None:
    if thing.lasting is None:
        return None
    span = _span(thing.lasting)
    return {
        Kind.MISSING: f"plazo vencido hace {span}",
        Kind.LATE: f"{span} después del plazo",
        Kind.QUEUED: f"espera hace {span}",
    }[thing.kind]


def _load_json(load: Load) -> dict[str, Any]:
    return {
        "operator": load.operator,
        "file_type": load.file_type,
        "state": load.state.value,
        "files": load.files,
        "deadline_at": _utc(load.deadline_at),
        "received_at": _utc(load.received_at),
        "processed_at": _utc(load.processed_at),
        "rows": {"total": load.rows_total, "loaded": load.rows_ok, "rejected": load.rows_error, "usual": load.usual},
        "planned": load.planned,
        "row_errors": dict(load.row_errors),
    }


def _inconsistency_json(thing: Inconsistency) -> dict[str, Any]:
    return {
        "kind": thing.kind.value,
        "operator": thing.operator,
        "file_type": thing.file_type,
        "sequence": thing.sequence,
        "state": thing.state and thing.state.value,
        "reason": thing.reason,
        "rows": thing.rows,
        "usual": thing.usual,
        "received_at": _utc(thing.received_at),
        "lasting_seconds": None if thing.lasting is None else int(thing.lasting.total_seconds()),
    }


# --- one month ----------------------------------------------------------------------------------------------------


def matrix_json(matrix: Matrix) -> dict[str, Any]:
    """State by operator, type and data day."""
    return {
        "loads": [
            {
                "operator": operator,
                "file_type": file_type,
                "days": {day.isoformat(): state.value for day, state in days.items()},
            }
            for (operator, file_type), days in matrix.items()
        ]
    }


def matrix_csv(matrix: Matrix, days: Sequence[date]) -> str:
    """One line an operator and type, one column a day, the state's word in each cell."""
    return _csv(["operador", "tipo", *(day.isoformat() for day in days)], _matrix_rows(matrix, days, words.STATES))


def matrix_xlsx(matrix: Matrix, days: Sequence[date]) -> bytes:
    """One sheet with the state's word in each cell."""
    heads = ["operador", "tipo", *(f"{day:%d/%m}" for day in days)]
    rows = list(_matrix_rows(matrix, days, words.STATES))
    return _xlsx({"Matriz": (heads, rows)}, f"Cargas por día de datos, {days[0]:%m/%Y}")


def matrix_table(matrix: Matrix, days: Sequence[date], console: Console) -> None:
    """The matrix on a terminal, one sign a day, with a legend of the signs that occur."""
    console.print(Text(f"Cargas por día de datos, {days[0]:%m/%Y}"))
    width = len("".join(f"{day.day:>3}" for day in days))
    table = Table("operador", "tipo", "".join(f"{day.day:>3}" for day in days), box=box.SIMPLE_HEAD)
    table.columns[2].min_width = width
    table.columns[2].no_wrap = True
    for (operator, file_type), states in matrix.items():
        signs = Text()
        for day in days:
            state = states.get(day)
            sign = words.SYMBOLS[state] if state else " "
            signs.append(f"{sign:>3}", style="bold red" if state in BAD else "")
        table.add_row(Text(operator), Text(file_type), signs)
    console.print(table)
    shown = {state for states in matrix.values() for state in states.values()}
    console.print(
        Text(", ".join(f"{words.SYMBOLS[state]} {words.STATES[state]}" for state in FileState if state in shown))
    )


def _matrix_rows(matrix: Matrix, days: Sequence[date], names: Mapping[FileState, str]) -> Iterable[list[Any]]:
    for (operator, file_type), states in matrix.items():
        yield [operator, file_type, *(names[states[day]] if day in states else None for day in days)]


# --- the formats --------------------------------------------------------------------------------------------------


def as_json(value: object) -> str:
    """JSON text for people and programs."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _csv(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(heads)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _xlsx(sheets: Mapping[str, tuple[Sequence[str], Sequence[Sequence[Any]]]], note: str) -> bytes:
    import xlsxwriter  # two megabytes that the exporter does not need

    body = io.BytesIO()
    with xlsxwriter.Workbook(body, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True})
        for name, (heads, rows) in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.write_string(0, 0, note)
            sheet.freeze_panes(2, 0)
            for column, head in enumerate(heads):
                sheet.write_string(1, column, head, bold)
                sheet.set_column(column, column, max(10, len(head) + 2))
            for number, row in enumerate(rows, 2):
                for column, cell in enumerate(row):
                    if isinstance(cell, int | float):
                        sheet.write_number(number, column, cell)
                    elif cell is not None:
                        sheet.write_string(number, column, plain(cell))
    return body.getvalue()


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _local(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return None if moment is None else f"{moment.astimezone(zone):%d/%m/%Y %H:%M:%S}"


def _span(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "menos de 1 min"
