"""Many rows in one statement: a storm of alerts must not cost a round trip each.

On PostgreSQL, psycopg2 writes the rows into one VALUES list; on SQLite, which is in this process, one by one.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg2
from psycopg2.extras import execute_values
from sqlalchemy import JSON, Boolean, Connection, DateTime, Table, bindparam, insert, update
from sqlalchemy.exc import DBAPIError

Rows = Sequence[Mapping[str, Any]]


def insert_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows that all have the same columns."""
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), [dict(row) for row in rows])
        return
    names = ", ".join(rows[0])
    _run(connection, f"INSERT INTO {table.name} ({names}) VALUES %s", table, rows)  # noqa: S608 - our own names


def insert_numbered(connection: Connection, table: Table, rows: Rows) -> list[int]:
    """Insert rows that all have the same columns; returns their keys, in order."""
    if not rows:
        return []
    if connection.dialect.name != "postgresql":
        returning = insert(table).returning(table.c.id)
        return [connection.execute(returning, dict(row)).scalar_one() for row in rows]
    names = ", ".join(rows[0])
    statement = f"INSERT INTO {table.name} ({names}) VALUES %s RETURNING id"  # noqa: S608 - our own names
    numbers: list[int] = sorted(row[0] for row in _run(connection, statement, table, rows, fetch=True))
    return numbers


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
    names = ", ".join(rows[0])
    statement_text = (
        f"UPDATE {table.name} AS old SET {sets}, version = old.version + 1 FROM (VALUES %s) AS fresh ({names}) "  # noqa: S608
        "WHERE old.id = fresh.id AND old.version = fresh.version"
    )
    return int(_run(connection, statement_text, table, rows, casts=True))


def _run(
    connection: Connection, statement: str, table: Table, rows: Rows, *, casts: bool = False, fetch: bool = False
) -> Any:
    names = list(rows[0])
    writers = [_writer(table, name) for name in names]
    values = [tuple(write(row[name]) for write, name in zip(writers, names, strict=True)) for row in rows]
    marks = [f"%s::{_type(table, name)}" if casts else "%s" for name in names]
    with closing(connection.connection.cursor()) as cursor:
        try:
            found = execute_values(
                cursor, statement, values, template=f"({', '.join(marks)})", page_size=len(values), fetch=fetch
            )
        except psycopg2.Error as error:
            raise DBAPIError.instance(statement, None, error, psycopg2.Error, dialect=connection.dialect) from error
        return found if fetch else cursor.rowcount


def _writer(table: Table, name: str) -> Callable[[Any], Any]:
    if isinstance(table.c[name].type, JSON):
        return json.dumps
    return lambda value: value


def _type(table: Table, name: str) -> str:
    kind = table.c[name].type
    if isinstance(kind, JSON):
        return "json"
    if isinstance(kind, Boolean):
        return "boolean"
    if isinstance(getattr(kind, "impl", kind), DateTime):
        return "timestamptz"
    return "bigint" if kind.python_type is int else "text"
