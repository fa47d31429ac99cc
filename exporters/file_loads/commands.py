"""The commands `renteseg loads …`: reports of the load log from a terminal, read as the exporter reads it."""

import calendar
import os
import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from exporters.file_loads import rendering
from exporters.file_loads.configuration import FILE, FileLoads, read_file_loads
from exporters.file_loads.day_reading import read_report
from exporters.file_loads.day_report import DayReport, month_matrix
from exporters.file_loads.reader import LoadLogReader
from exporters.refreshing import SourceError, wall_clock
from groundwork.problems import Away, Refused
from groundwork.settings import Settings

WIDTH_IN_A_PIPE = 160


class Format(StrEnum):
    """How a report leaves."""

    TABLE = "table"
    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


def report_command(settings: Settings, day: str | None, form: str, out: Path | None) -> None:
    """Print or write the inconsistencies of a data day; raises Refused, Away, ConfigurationError."""
    configuration, now, chosen = _configuration(settings), wall_clock(), _format(form, out)
    report = read_day(configuration, _day(day) if day else configuration.data_day(now), now)
    zone = ZoneInfo(configuration.time_zone)
    if chosen is Format.TABLE:
        rendering.day_table(report, zone, _console())
    elif chosen is Format.CSV:
        _write(rendering.day_csv(report, zone).encode("utf-8-sig" if out else "utf-8"), out)
    elif chosen is Format.XLSX:
        _write(rendering.day_xlsx(report, zone), out)
    else:
        _write(rendering.as_json(rendering.day_json(report)).encode(), out)


def matrix_command(settings: Settings, month: str, form: str, out: Path | None) -> None:
    """Print or write operator × type × day of a month; raises Refused, Away, ConfigurationError."""
    configuration, chosen, days = _configuration(settings), _format(form, out), month_days(month)
    try:
        with LoadLogReader(configuration.load_log).session() as session:
            rows = session.of_days(days)
    except SourceError as error:
        raise Away(f"the load log cannot be read: {error}") from error
    matrix = month_matrix(rows, configuration, days, configuration.today(wall_clock()))
    if chosen is Format.TABLE:
        rendering.matrix_table(matrix, days, _console())
    elif chosen is Format.CSV:
        _write(rendering.matrix_csv(matrix, days).encode("utf-8-sig" if out else "utf-8"), out)
    elif chosen is Format.XLSX:
        _write(rendering.matrix_xlsx(matrix, days), out)
    else:
        _write(rendering.as_json({"month": month, **rendering.matrix_json(matrix)}).encode(), out)


def check_command(settings: Settings, *, as_json: bool = False) -> None:
    """Check the load log's columns against the declared ones; raises Refused naming what is wrong."""
    try:
        present = LoadLogReader(_configuration(settings).load_log).check()
    except SourceError as error:
        raise Refused(f"the load log cannot be read as configured: {error}") from error
    if as_json:
        print(rendering.as_json({name: sorted(columns) for name, columns in present.items()}))
        return
    for name, columns in present.items():
        print(f"load_log.{name}: {', '.join(sorted(columns))}")


def read_day(configuration: FileLoads, day: date, now: datetime) -> DayReport:
    """Read a data day and report on it; raises Away."""
    try:
        with LoadLogReader(configuration.load_log).session() as session:
            return read_report(session, configuration, day, now)
    except SourceError as error:
        raise Away(f"the load log cannot be read: {error}") from error


def month_days(month: str) -> list[date]:
    """The days of `2026-10`; raises Refused."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise Refused(f"{month!r} is not a month such as 2026-10") from None
    return [first.replace(day=day) for day in range(1, calendar.monthrange(first.year, first.month)[1] + 1)]


def _configuration(settings: Settings) -> FileLoads:
    return read_file_loads(settings.config / FILE, {**os.environ, **settings.environment()})


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is not a day such as 2026-10-05") from None


def _format(form: str, out: Path | None) -> Format:
    if form not in set(Format):
        raise Refused(f"{form!r} is no format; there are: {', '.join(Format)}")
    if form == Format.TABLE and out is not None:
        raise Refused("a table is for the terminal: choose --format csv, xlsx or json for a file")
    if form == Format.XLSX and out is None and sys.stdout.isatty():
        raise Refused("a workbook is not for a terminal: name a file with --out FILE.xlsx")
    return Format(form)


def _console() -> Console:
    """The terminal, or a pipe with room for whole lines."""
    return Console() if sys.stdout.isatty() else Console(width=WIDTH_IN_A_PIPE)


def _write(body: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    try:
        out.write_bytes(body)
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from error
