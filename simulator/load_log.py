"""What is written to and read from the load log, one statement a function; the caller holds the transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, func, insert, select, update

from simulator.data_days import deadline, late_until
from simulator.file_format import parse_name
from simulator.folders import Arrival
from simulator.tables import batches, loads, row_errors
from simulator.validation import Context, Verdict
from simulator.vocabulary import (
    TO_PROCESS,
    TO_VALIDATE,
    UNFINISHED,
    FileReason,
    FileType,
    Load,
    LoadState,
    Operator,
    RowReason,
)

GRACE = timedelta(seconds=60)
"""A simulator first started in the afternoon gives its operators this long before it calls a file missing."""
DAYS_WATCHED = timedelta(days=8)


@dataclass(frozen=True)
class Entry:
    """A received file as the log knows it."""

    id: int
    operator: Operator
    name: str
    location: str
    checksum: str | None


def same_load(load: Load) -> Any:
    """The condition that picks the rows of one load."""
    return and_(
        loads.c.operador == load.operator,
        loads.c.tipo_archivo == load.file_type,
        loads.c.fecha_datos == load.day,
    )


def expect(connection: Connection, day: date, now: datetime) -> None:
    """Write the row ESPERADO of every load of the day that has none yet."""
    known = select(loads.c.operador, loads.c.tipo_archivo).where(loads.c.fecha_datos == day, loads.c.secuencia == 0)
    there = {(row.operador, row.tipo_archivo) for row in connection.execute(known)}
    missing = [
        {
            "operador": operator.value,
            "tipo_archivo": file_type.value,
            "fecha_datos": day,
            "secuencia": 0,
            "estado": LoadState.ESPERADO.value,
            "actualizado_en": now,
        }
        for operator in Operator
        for file_type in FileType
        if (operator, file_type) not in there
    ]
    if missing:
        connection.execute(insert(loads), missing)


def call_missing(connection: Connection, now: datetime) -> None:
    """Turn ESPERADO into NO_RECIBIDO where nothing came until 12:00 of the following day."""
    arrived = loads.alias()
    some_file = select(arrived.c.id).where(
        arrived.c.operador == loads.c.operador,
        arrived.c.tipo_archivo == loads.c.tipo_archivo,
        arrived.c.fecha_datos == loads.c.fecha_datos,
        arrived.c.secuencia > 0,
    )
    waiting = select(loads.c.id, loads.c.fecha_datos).where(
        loads.c.secuencia == 0,
        loads.c.estado == LoadState.ESPERADO,
        loads.c.fecha_datos >= (now - DAYS_WATCHED).date(),
        loads.c.actualizado_en <= now - GRACE,
        ~some_file.exists(),
    )
    overdue = [row.id for row in connection.execute(waiting).all() if now >= late_until(row.fecha_datos)]
    if overdue:
        change = {"estado": LoadState.NO_RECIBIDO, "actualizado_en": now}
        connection.execute(update(loads).where(loads.c.id.in_(overdue)).values(change))


def withhold(connection: Connection, load: Load, now: datetime) -> list[str]:
    """Take the load's files out of the log as if they had never come; returns where those files lie."""
    files = same_load(load) & (loads.c.secuencia > 0)
    found = connection.execute(select(loads.c.ubicacion).where(files)).scalars().all()
    if found:
        connection.execute(delete(loads).where(files))
        state = LoadState.NO_RECIBIDO if now >= late_until(load.day) else LoadState.ESPERADO
        expected = same_load(load) & (loads.c.secuencia == 0)
        connection.execute(update(loads).where(expected).values(estado=state, actualizado_en=now))
    return [str(location) for location in found]


def known_locations(connection: Connection, locations: list[str]) -> dict[str, LoadState]:
    """Of these files, those that the log knows, with their states."""
    found = connection.execute(select(loads.c.ubicacion, loads.c.estado).where(loads.c.ubicacion.in_(locations)))
    return {row.ubicacion: LoadState(row.estado) for row in found}


def receive(connection: Connection, arrival: Arrival, now: datetime) -> None:
    """Log a file that has just come: RECIBIDO, or TARDIO for a load's first file after the deadline."""
    name = parse_name(arrival.name)
    load = name.load if name else None
    values = {
        "operador": arrival.operator,
        "tipo_archivo": load and load.file_type,
        "fecha_datos": load and load.day,
        "secuencia": name.sequence if name else 0,
        "nombre_archivo": arrival.name,
        "estado": LoadState.RECIBIDO,
        "recibido_en": arrival.received_at,
        "actualizado_en": now,
        "ubicacion": arrival.location,
    }
    if load and arrival.received_at > deadline(load.day) and not _files(connection, load):
        values["estado"] = LoadState.TARDIO
    connection.execute(insert(loads).values(values))


def to_validate(connection: Connection) -> list[Entry]:
    """The files that wait for their verdict, in order of arrival."""
    return _entries(connection, TO_VALIDATE)


def to_process(connection: Connection) -> list[Entry]:
    """The queue, in order of arrival."""
    return _entries(connection, TO_PROCESS)


def context_of(connection: Connection, entry: Entry, today: date, usual_rows: float) -> Context:
    """What the log knows that bears on the verdict."""
    name = parse_name(entry.name)
    if name is None or name.load.operator is not entry.operator:
        return Context(entry.operator, today, usual_rows)
    others = [row for row in _files(connection, name.load) if row["id"] < entry.id]
    announced = select(func.count()).where(
        batches.c.operador == name.load.operator,
        batches.c.tipo_archivo == name.load.file_type,
        batches.c.fecha_datos == name.load.day,
        batches.c.secuencia == name.sequence,
    )
    return Context(
        sender=entry.operator,
        today=today,
        usual_rows=usual_rows,
        sequences=frozenset(row["secuencia"] for row in others),
        checksums=frozenset(row["huella_sha256"] for row in others if row["estado"] != LoadState.RECHAZADO),
        planned=bool(connection.execute(announced).scalar()),
    )


def announce_batch(connection: Connection, load: Load, sequence: int, now: datetime) -> None:
    """Log that this file will be unusually large, as agreed."""
    key = {"operador": load.operator, "tipo_archivo": load.file_type, "fecha_datos": load.day, "secuencia": sequence}
    connection.execute(delete(batches).where(*(batches.c[column] == value for column, value in key.items())))
    connection.execute(insert(batches).values(anunciado_en=now, **key))


def set_state(connection: Connection, entry: Entry, state: LoadState, now: datetime, **values: object) -> None:
    """Move a file to another state."""
    change = update(loads).where(loads.c.id == entry.id)
    connection.execute(change.values(estado=state, actualizado_en=now, **values))


def refuse(connection: Connection, entry: Entry, verdict: Verdict, now: datetime) -> None:
    """Log a file that will not be loaded: rejected, or held for a person when only its count is strange."""
    state = LoadState.REPROCESO_MANUAL if verdict.reason is FileReason.UNUSUAL_COUNT else LoadState.RECHAZADO
    errors = verdict.faults.total()
    set_state(
        connection,
        entry,
        state,
        now,
        motivo_rechazo=verdict.reason,
        procesado_en=now if state is LoadState.RECHAZADO else None,
        registros_total=verdict.total,
        registros_ok=0,
        registros_error=errors,
        huella_sha256=verdict.checksum or None,
    )
    write_row_errors(connection, entry, verdict.faults)


def write_row_errors(connection: Connection, entry: Entry, faults: Mapping[RowReason, int]) -> None:
    """Log how many rows of a file were left out for each reason."""
    rows = [{"carga_id": entry.id, "motivo": reason.value, "cantidad": count} for reason, count in faults.items()]
    if rows:
        connection.execute(insert(row_errors), rows)


def _files(connection: Connection, load: Load) -> list[RowMapping]:
    columns = select(loads.c.id, loads.c.secuencia, loads.c.estado, loads.c.huella_sha256)
    return list(connection.execute(columns.where(same_load(load), loads.c.secuencia > 0)).mappings())


def _entries(connection: Connection, states: frozenset[LoadState]) -> list[Entry]:
    assert states <= UNFINISHED
    found = connection.execute(
        select(loads.c.id, loads.c.operador, loads.c.nombre_archivo, loads.c.ubicacion, loads.c.huella_sha256)
        .where(loads.c.estado.in_(sorted(states)), loads.c.ubicacion.is_not(None))
        .order_by(loads.c.id)
    )
    return [
        Entry(row.id, Operator(row.operador), row.nombre_archivo, row.ubicacion, row.huella_sha256) for row in found
    ]


def current_states(connection: Connection, day: date) -> dict[tuple[str, str], str]:
    """The state of each load of the day, by operator and type: that of its file with the highest number."""
    found = connection.execute(
        select(loads.c.operador, loads.c.tipo_archivo, loads.c.estado)
        .where(loads.c.fecha_datos == day)
        .order_by(loads.c.secuencia, loads.c.id)
    )
    return {(row.operador, row.tipo_archivo): row.estado for row in found}
