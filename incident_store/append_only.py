"""Triggers that refuse to change, remove or replace a row, whoever asks: for tables that are a record of what happened.

A migration that makes such a table calls `refuse_changes` and names the table in `APPEND_ONLY`. On SQLite a migration
that makes the table anew (`batch_alter_table`) loses its triggers and calls it again.
"""

from sqlalchemy import Connection, inspect

APPEND_ONLY = (
    "events",
    "maintenance_events",
    "checkpoints",
    "checkpoint_entries",
    "blobs",
    "blob_chunks",
    "signed_reports",
    "access_events",
)
"""The tables whose rows are never changed or removed."""

_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP; END $$
"""


def refuse_changes(connection: Connection, table: str) -> None:
    """From now on rows can be added to this table and nothing else."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_FUNCTION.replace("%", "%%"))
        connection.exec_driver_sql(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {change} is refused'); END"
        )
    refuse_replacement(connection, table)


def refuse_replacement(connection: Connection, table: str) -> None:
    """On SQLite: no row takes the place of another. INSERT OR REPLACE removes the old one without asking the trigger
    of DELETE, unless the connection says `recursive_triggers`; so the insertion itself is refused."""
    if connection.dialect.name != "sqlite":
        return
    found = inspect(connection)
    keys = [found.get_pk_constraint(table)["constrained_columns"]]
    keys += [unique["column_names"] for unique in found.get_unique_constraints(table)]
    taken = " OR ".join(f"({' AND '.join(f'{column} = NEW.{column}' for column in key)})" for key in keys)
    connection.exec_driver_sql(
        f"CREATE TRIGGER IF NOT EXISTS {table}_refuses_replace BEFORE INSERT ON {table} "  # noqa: S608 - our own names
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {taken}) "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: REPLACE is refused'); END"
    )


def allow_replacement(connection: Connection, table: str) -> None:
    """Take that trigger away."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_refuses_replace")


def allow_changes(connection: Connection, table: str) -> None:
    """Take the triggers away, to undo a migration."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}")
        return
    for change in ("update", "delete"):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_refuses_{change}")
    allow_replacement(connection, table)
