"""`renteseg report export`: the report's lists as flat tables, for whatever reads CSV or Parquet."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from groundwork.atomic_file import write_atomically
from groundwork.problems import Refused
from groundwork.settings import Settings
from incident_store.database import read_store
from incident_store.terminal import utc_now
from reports import words
from reports.commands import a_month, compute
from reports.monthly_report import Figures, MonthlyReport
from reports.signing import last_signed

FORMULA = ("=", "+", "-", "@", "\t", "\r")
TYPES = {int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN", str: "VARCHAR"}

Tables = Mapping[str, Sequence[Mapping[str, Any]]]


def export_command(settings: Settings, month: str, out: Path, form: str) -> None:
    """The tables of a month, as it was signed or as it comes out now; raises Refused, Away, ConfigurationError."""
    if form not in {"csv", "parquet"}:
        raise Refused(f"{form!r} is neither csv nor parquet")
    asked = a_month(month)
    with read_store(settings.database_url) as connection:
        signed = last_signed(connection, str(asked))
    report = signed.report if signed else compute(settings, asked, utc_now(), lambda _words: None)
    out.mkdir(parents=True, exist_ok=True)
    for name, rows in tables(report).items():
        path = out / f"{name}-{month}.{form}"
        if form == "csv":
            write_atomically(path, as_csv(rows, COLUMNS[name]).encode("utf-8-sig"))
        else:
            write_parquet(rows, COLUMNS[name], path)
        print(path)


def tables(report: MonthlyReport) -> Tables:
    """The lists of a report as rows of plain values; times as ISO 8601 in UTC."""
    return {
        "services": [_flat(report, one.name, one.name, one.figures) for one in report.services],
        "components": [_flat(report, one.name, one.service, one.figures) for one in report.components],
        "days": list(_days(report)),
        "outages": [{"month": report.month, **one.model_dump(mode="json")} for one in report.outages],
        "incidents": list(_incidents(report)),
        "clocks": list(_clocks(report)),
        "loads": list(_loads(report)),
    }


def _flat(report: MonthlyReport, name: str, service: str, figures: Figures) -> dict[str, Any]:
    shares = {
        f"{kind}_{field}": value
        for kind, share in (("gross", figures.gross), ("contractual", figures.contractual))
        for field, value in share.model_dump().items()
    }
    rest = figures.model_dump(mode="json", exclude={"minutes", "gross", "contractual", "days"})
    return {"month": report.month, "name": name, "service": service, **figures.minutes.model_dump(), **shares, **rest}


def _days(report: MonthlyReport) -> Iterator[dict[str, Any]]:
    named = [("service", one.name, one.name, one.figures) for one in report.services]
    named += [("component", one.name, one.service, one.figures) for one in report.components]
    for kind, name, service, figures in named:
        for one in figures.days:
            yield {"month": report.month, "kind": kind, "name": name, "service": service, **one.model_dump(mode="json")}


def _incidents(report: MonthlyReport) -> Iterator[dict[str, Any]]:
    for one in report.incidents:
        row = one.model_dump(mode="json", exclude={"times", "clocks", "without_target"})
        times = one.model_dump(mode="json")["times"]
        yield {"month": report.month, **row, **{f"{name}_at": times.get(name) for name in words.TIMES}}


def _clocks(report: MonthlyReport) -> Iterator[dict[str, Any]]:
    for row in report.incidents:
        for clock in row.clocks:
            values = clock.model_dump(mode="json", exclude={"name", "by_responsible", "pauses"})
            yield {"month": report.month, "incident": row.number, "clock": clock.name, **values}


def _loads(report: MonthlyReport) -> Iterator[dict[str, Any]]:
    for load in report.loads:
        line = {"month": report.month, "operator": load.operator, "file_type": load.file_type}
        yield from ({**line, **one.model_dump(mode="json")} for one in load.days)


MONTH = {"month": str}
MINUTES = {"up": int, "down": int, "unknown": int, "maintenance": int}
SHARE = {"up": int, "down": int, "unknown": int, "percent": float, "percent_if_unknown_down": float,
         "percent_if_unknown_up": float, "coverage_percent": float}  # fmt: skip
SUBJECT = {
    **MONTH, "name": str, "service": str, **MINUTES, "pending": int,
    **{f"{kind}_{name}": type_ for kind in ("gross", "contractual") for name, type_ in SHARE.items()},
    "excluded": int, "joined": int, "filled": int, "target_percent": float, "target_is_contractual": bool,
    "verdict": str, "outages": int, "longest_outage": int,
}  # fmt: skip
COLUMNS: Mapping[str, Mapping[str, type]] = {
    "services": SUBJECT,
    "components": SUBJECT,
    "days": {**MONTH, "kind": str, "name": str, "service": str, "day": str, **MINUTES, "excluded": int},
    "outages": {
        **MONTH, "component": str, "service": str, "starts_at": str, "ends_at": str, "minutes": int, "maintenance": int,
        "excluded": int, "joined_before": int, "incident": int, "responsible": str, "validated": bool, "cause": str,
    },
    "incidents": {
        **MONTH, "number": int, "component": str, "service": str, "kind": str, "title": str, "severity": str,
        "responsible": str, "validated": bool, "state": str, "carried_over": bool, "restored": bool, "relapses": int,
        "cause": str, "dispatched_to": str, "tests": str, "down_minutes": int,
        **{f"{name}_at": str for name in words.TIMES},
    },
    "clocks": {
        **MONTH, "incident": int, "clock": str, "target_seconds": float, "contractual": bool, "elapsed_seconds": float,
        "due_at": str, "state": str, "paused_seconds": float, "restored_seconds": float, "working_hours": bool,
    },
    "loads": {**MONTH, "operator": str, "file_type": str, "day": str, "state": str},
}  # fmt: skip
"""The columns of each table and their kinds, the same whether there are rows or not."""


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, type]) -> str:
    """A table as CSV that no spreadsheet takes for formulas."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_harmless(row[name]) for name in columns] for row in rows)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = words.plain(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def write_parquet(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, type], path: Path) -> None:
    """A table as Parquet; raises Refused when the extra that writes it is not installed."""
    try:
        import duckdb
    except ImportError:
        raise Refused("Parquet needs an extra: pip install 'renteseg-monitor[parquet]'; csv needs none") from None
    with duckdb.connect(":memory:") as database:
        kinds = ", ".join(f'"{name}" {TYPES[kind]}' for name, kind in columns.items())
        database.execute(f"CREATE TABLE rows ({kinds})")
        places = ", ".join("?" for _ in columns)
        if values := [[row[name] for name in columns] for row in rows]:
            database.executemany(f"INSERT INTO rows VALUES ({places})", values)  # noqa: S608 - our own names
        database.execute("COPY rows TO ? (FORMAT parquet)", [str(path)])
