"""The white, black and exception lists: loading rows into them and asking them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import islice

from sqlalchemy import Connection, Table, delete, func, insert, select

from simulator.imei import synthetic_imei
from simulator.row_rules import Row
from simulator.tables import black_list, exception_list, white_list
from simulator.vocabulary import FileType, Operator

AT_ONCE = 500
TARGET = {
    FileType.ALTAS: white_list,
    FileType.BAJAS: white_list,
    FileType.ROBOS: black_list,
    FileType.RECUPERADOS: black_list,
}
ADDING = frozenset({FileType.ALTAS, FileType.ROBOS})


class ListName(StrEnum):
    """The list a handset is on, as the query API answers."""

    WHITE = "blanca"
    BLACK = "negra"
    EXCEPTION = "excepcion"
    NONE = "ninguna"


# An exception is granted in spite of the black list; the black list holds in spite of the white one.
PRECEDENCE = ((ListName.EXCEPTION, exception_list), (ListName.BLACK, black_list), (ListName.WHITE, white_list))


def find(connection: Connection, imei: str) -> ListName:
    """The list that decides about a handset; compared on the first 14 digits."""
    for name, table in PRECEDENCE:
        if connection.execute(select(table.c.imei14).where(table.c.imei14 == imei[:14])).first():
            return name
    return ListName.NONE


def sizes(connection: Connection) -> dict[str, int]:
    """How many handsets each list holds."""
    return {
        name.value: connection.execute(select(func.count()).select_from(table)).scalar() or 0
        for name, table in PRECEDENCE
    }


def listed(connection: Connection, file_type: FileType, rows: Sequence[Row]) -> set[str]:
    """Which of these handsets are on the list that the file changes."""
    table = TARGET[file_type]
    found: set[str] = set()
    for some in _parts(row.imei14 for row in rows):
        found.update(connection.execute(select(table.c.imei14).where(table.c.imei14.in_(some))).scalars())
    return found


def load(
    connection: Connection, file_type: FileType, operator: Operator, rows: Sequence[Row], file: int, now: datetime
) -> None:
    """Apply the rows of a file to its list."""
    table = TARGET[file_type]
    if file_type in ADDING:
        _add(connection, table, operator, rows, file, now)
        return
    for some in _parts(row.imei14 for row in rows):
        connection.execute(delete(table).where(table.c.imei14.in_(some)))


def is_seeded(connection: Connection) -> bool:
    """Whether this register has been given its first contents."""
    return connection.execute(select(exception_list.c.imei14).limit(1)).first() is not None


def seed(connection: Connection, lines: dict[Operator, list[Row]], now: datetime) -> None:
    """The lists of a register that has existed before: everybody's lines, and one handset under exception."""
    canary = Row(synthetic_imei(1)[:14], "51900000001", "01")
    _add(connection, white_list, Operator.CLARO, [canary], 0, now)
    exempt = Row(synthetic_imei(2)[:14], "51900000002", "01")
    _add(connection, exception_list, Operator.CLARO, [exempt], 0, now)
    for operator, rows in lines.items():
        _add(connection, white_list, operator, rows, 0, now)


def _add(
    connection: Connection, table: Table, operator: Operator, rows: Sequence[Row], file: int, now: datetime
) -> None:
    values = [
        {
            "imei14": row.imei14,
            "operador": operator.value,
            "msisdn": row.msisdn,
            "codigo": row.code,
            "carga_id": file,
            "desde": now,
        }
        for row in rows
    ]
    if values:
        connection.execute(insert(table), values)


def _parts(items: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(items)
    while part := list(islice(iterator, AT_ONCE)):
        yield part
