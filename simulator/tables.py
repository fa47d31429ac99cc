"""The simulated RENTESEG's tables, named in Spanish as the real ones would be.

Times are UTC: `timestamptz` on PostgreSQL, ISO 8601 text with `+00:00` and milliseconds on SQLite.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC, readable without ambiguity by any SQL client."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """ISO text where the database has no type for it."""
        kind: TypeEngine[Any] = String(29) if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """The moment as the database keeps it."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.isoformat(timespec="milliseconds") if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | str | None, _dialect: Dialect) -> datetime | None:
        """The moment in UTC."""
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC)


metadata = MetaData()

loads = Table(
    "carga_archivo",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("operador", String(16), nullable=False),
    Column("tipo_archivo", String(16)),  # NULL, like fecha_datos, when the file's name cannot be read (F01)
    Column("fecha_datos", Date),
    Column("secuencia", Integer, nullable=False),  # NN; 0 is the row that says the load is expected
    Column("nombre_archivo", String(255)),
    Column("estado", String(32), nullable=False),
    Column("recibido_en", UtcTime),
    Column("encolado_en", UtcTime),
    Column("procesado_en", UtcTime),  # when the file was finished, well or badly
    Column("actualizado_en", UtcTime, nullable=False),
    Column("registros_total", Integer),
    Column("registros_ok", Integer),
    Column("registros_error", Integer),
    Column("motivo_rechazo", String(3)),
    Column("huella_sha256", String(64)),  # of the D lines
    Column("ubicacion", String(400), unique=True),  # where the received file lies
    Index("carga_archivo_fecha", "fecha_datos", "operador", "tipo_archivo", "secuencia"),
    Index("carga_archivo_estado", "estado"),
    Index("carga_archivo_cambio", "actualizado_en"),
)

row_errors = Table(
    "carga_error_fila",
    metadata,
    Column("carga_id", ForeignKey("carga_archivo.id", ondelete="CASCADE"), primary_key=True),
    Column("motivo", String(3), primary_key=True),
    Column("cantidad", Integer, nullable=False),
)

batches = Table(
    "lote_planificado",
    metadata,
    Column("operador", String(16), primary_key=True),
    Column("tipo_archivo", String(16), primary_key=True),
    Column("fecha_datos", Date, primary_key=True),
    Column("secuencia", Integer, primary_key=True),
    Column("anunciado_en", UtcTime, nullable=False),
)


def _list_table(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("imei14", String(14), primary_key=True),
        Column("operador", String(16), nullable=False),
        Column("msisdn", String(11)),
        Column("codigo", String(20)),
        Column("carga_id", Integer),
        Column("desde", UtcTime, nullable=False),
    )


white_list = _list_table("lista_blanca")
black_list = _list_table("lista_negra")
exception_list = _list_table("lista_excepcion")
