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
COLUMNS = (
    "id, operador, tipo_archivo, fecha_datos, secuencia, estado, recibido_en, encolado_en, procesado_en, "
    "actualizado_en, motivo_rechazo, registros_total, registros_ok, registros_error"
)
VALUES = (
    ":key, :operator, :file_type, :day, :sequence, :status, :received, :queued, :processed, "
    ":updated, :reason, :total, :good, :bad"
)
CHANGED = "2026-10-06T13:00:00.000+00:00"


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
            id integer PRIMARY KEY, operador text, tipo_archivo text, fecha_datos {day}, secuencia integer,
            estado text, recibido_en {moment}, encolado_en {moment}, procesado_en {moment}, actualizado_en {moment},
            motivo_rechazo text, registros_total integer, registros_ok integer, registros_error integer
        )""",
    )
    for name in ("actualizado_en", "fecha_datos", "estado"):
        execute(url, f"CREATE INDEX carga_archivo_{name} ON carga_archivo ({name})")
    execute(url, "CREATE TABLE carga_error_fila (carga_id integer, motivo text, cantidad integer)")
    execute(
        url,
        "CREATE TABLE lote_planificado "
        f"(operador text, tipo_archivo text, fecha_datos {day}, secuencia integer, anunciado_en {moment})",
    )


def log_file(
    url: str,
    operator: str | None,
    file_type: str | None,
    status: str | None,
    *,
    key: int | None = None,
    day: str | None = "2026-10-05",
    sequence: int = 1,
    received_at: str | None = None,
    queued_at: str | None = None,
    processed_at: str | None = None,
    updated_at: str | None = CHANGED,
    reason: str | None = None,
    rows: tuple[int, int, int] | None = None,
    errors: dict[str, int] | None = None,
) -> int:
    """One row of the load log, with its row errors; returns its key."""
    total, good, bad = rows or (None, None, None)
    key = key or 1 + (scalar(url, "SELECT max(id) FROM carga_archivo") or 0)
    execute(
        url,
        f"INSERT INTO carga_archivo ({COLUMNS}) VALUES ({VALUES})",
        key=key,
        operator=operator,
        file_type=file_type,
        day=day,
        sequence=sequence,
        status=status,
        received=received_at,
        queued=queued_at,
        processed=processed_at,
        updated=updated_at,
        reason=reason,
        total=total,
        good=good,
        bad=bad,
    )
    for name, count in (errors or {}).items():
        execute(url, "INSERT INTO carga_error_fila VALUES (:key, :name, :count)", key=key, name=name, count=count)
    return key


def execute(url: str, statement: str, **values: Any) -> None:
    """One statement in a transaction of its own."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()


def scalar(url: str, statement: str) -> Any:
    """The only value that a statement gives."""
    engine = create_engine(url)
    with engine.connect() as connection:
        value = connection.scalar(text(statement))
    engine.dispose()
    return value
