"""Many rows in one statement: a storm of alerts must not cost a round trip each.

PostgreSQL is given the rows as one JSON document, which costs both sides a fraction of as many literals; SQLite, which
is in this process, gets them one by one.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    CursorResult,
    DateTime,
    Table,
    TextClause,
    TypeDecorator,
    bindparam,
    insert,
    text,
    update,
)

Rows = Sequence[Mapping[str, Any]]


def insert_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows that all have the same columns."""
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), [dict(row) for row in rows])
        return
    _run(connection, f"INSERT INTO {table.name} ({_names(rows)}) SELECT {_names(rows)} FROM", table, rows)


def insert_numbered(connection: Connection, table: Table, rows: Rows) -> list[int]:
    """Insert rows that all have the same columns; returns their keys, in order."""
    if not rows:
        return []
    if connection.dialect.name != "postgresql":
        returning = insert(table).returning(table.c.id)
        return [connection.execute(returning, dict(row)).scalar_one() for row in rows]
    statement = f"INSERT INTO {table.name} ({_names(rows)}) SELECT {_names(rows)} FROM"
    return sorted(_run(connection, statement, table, rows, "RETURNING id").scalars())


def update_rows(connection: Connection, table: Table, rows: Rows) -> int:
    """Write rows that are still at their `version`, found by `id`, and advance it; returns how many were."""
    if not rows:
        return 0
    columns = [name for name in rows[0] if name not in {"id", "version"}]
    if connection.dialect.name != "postgresql":
        statement = (
            update(table)
            .where(table.c.id == bindparam("_id"), table.c.version == bindparam("_version"))
            .values({name: bindparam(f"_{name}", type_=table.c[name].type) for name in columns})
            .values(version=bindparam("_version") + 1)
        )
        return connection.execute(statement, [{f"_{name}": row[name] for name in row} for row in rows]).rowcount
    sets = ", ".join(f"{name} = fresh.{name}" for name in columns)
    statement_text = f"UPDATE {table.name} AS old SET {sets}, version = old.version + 1 FROM"  # noqa: S608
    return _run(
        connection, statement_text, table, rows, "WHERE old.id = fresh.id AND old.version = fresh.version"
    ).rowcount


def _names(rows: Rows) -> str:
    return ", ".join(rows[0])


def _run(connection: Connection, head: str, table: Table, rows: Rows, tail: str = "") -> CursorResult[Any]:
    """`head` FROM the rows, as a relation called `fresh`, `tail`; raises ValueError for what is no text."""
    try:
        document = orjson.dumps(rows).decode()
    except orjson.JSONEncodeError as error:
        raise ValueError(str(error)) from error
    return connection.execute(_statement(head, table, tuple(rows[0]), tail), {"rows": document})


@functools.cache
def _statement(head: str, table: Table, names: tuple[str, ...], tail: str) -> TextClause:
    columns = ", ".join(f"{name} {_type(table, name)}" for name in names)
    return text(f"{head} json_to_recordset(:rows) AS fresh ({columns}) {tail}")


def _type(table: Table, name: str) -> str:
    declared = table.c[name].type
    kind = declared.impl if isinstance(declared, TypeDecorator) else declared
    if isinstance(kind, JSON):
        return "json"
    if isinstance(kind, Boolean):
        return "boolean"
    if isinstance(kind, DateTime):
        return "timestamptz"
    return "bigint" if kind.python_type is int else "text"
