"""Load logs for tests: the shipped configuration over tables of their own."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from exporters.file_loads.configuration import FileLoads, read_file_loads

SHIPPED = Path(__file__).parents[3] / "config" / "file_loads.yml"
NOW = datetime(2026, 10, 6, 14, 0, tzinfo=UTC)
"""09:00 in Lima, so that the data day is the fifth."""
DAY = date(2026, 10, 5)


def configuration(url: str = "sqlite:///absent.db", **load_log: Any) -> FileLoads:
    """The shipped configuration with this load log."""
    shipped = read_file_loads(SHIPPED, {})
    return shipped.model_copy(update={"load_log": shipped.load_log.model_copy(update={"url": url, **load_log})})


def create_log(url: str) -> None:
    """An empty load log with the column types that each database has."""
    moment, day = ("timestamptz", "date") if url.startswith("postgresql") else ("text", "text")
    execute(
        url,
        f"""CREATE TABLE carga_archivo (
            operador text NOT NULL, tipo_archivo text, fecha_datos {day}, secuencia integer NOT NULL,
            estado text NOT NULL, recibido_en {moment}, procesado_en {moment}, motivo_rechazo text
        )""",
    )


def log_file(
    url: str,
    operator: str,
    file_type: str | None,
    status: str,
    *,
    day: str | None = "2026-10-05",
    sequence: int = 1,
    received_at: str | None = None,
    processed_at: str | None = None,
    reason: str | None = None,
) -> None:
    """One row of the load log."""
    execute(
        url,
        "INSERT INTO carga_archivo "
        "VALUES (:operator, :file_type, :day, :sequence, :status, :received, :processed, :reason)",
        operator=operator,
        file_type=file_type,
        day=day,
        sequence=sequence,
        status=status,
        received=received_at,
        processed=processed_at,
        reason=reason,
    )


def execute(url: str, statement: str, **values: Any) -> None:
    """One statement in a transaction of its own."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()
