"""Triggers that refuse to change or remove a row, whoever asks: for tables that are a record of what happened.

A migration that makes such a table calls `refuse_changes` and names the table in `APPEND_ONLY`. On SQLite a migration
that makes the table anew (`batch_alter_table`) loses its triggers and calls it again.
"""

from sqlalchemy import Connection

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


def allow_changes(connection: Connection, table: str) -> None:
    """Take the triggers away, to undo a migration."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}")
        return
    for change in ("update", "delete"):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_refuses_{change}")
