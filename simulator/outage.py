"""Taking the database away from everybody, and giving it back (the fault `db-down`)."""

import sqlite3
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from sqlalchemy import URL, Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

MAY_ALTER = text(
    "SELECT rolsuper OR datdba = pg_roles.oid FROM pg_database, pg_roles"
    " WHERE datname = :name AND rolname = current_user"
)
ALLOWED = text("SELECT datallowconn FROM pg_database WHERE datname = :name")
DISMISS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
)


class Outage(Protocol):
    """A way to make one database unreachable for every client."""

    def begin(self) -> None:
        """Make it unreachable; nothing happens when it is already."""

    def end(self) -> None:
        """Make it reachable again; nothing happens when it is already."""

    def refusal(self) -> str | None:
        """Why this cannot be done here, or None."""


class SqliteOutage:
    """Renames the file aside and keeps it locked, so that clients that hold it open are stopped as well."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aside = path.with_name(f"{path.name}.aside")
        self._lock: sqlite3.Connection | None = None

    def begin(self) -> None:
        """Wait for writers to finish, then rename; raises sqlite3.OperationalError when they do not within 5 s."""
        if self._lock is not None:
            return
        source = self._aside if self._aside.exists() else self._path
        if not source.exists():
            return
        lock = sqlite3.connect(file_uri(source), uri=True, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error:
            lock.close()
            raise
        source.replace(self._aside)
        self._lock = lock

    def end(self) -> None:
        """Rename the file back, over whatever a careless client has created in its place."""
        if self._aside.exists():
            self._aside.replace(self._path)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def refusal(self) -> str | None:
        """A file can always be renamed."""
        return None


class PostgresOutage:
    """Forbids connections to the database and ends those there are; speaks through the server's database `postgres`."""

    def __init__(self, url: URL) -> None:
        self._name = url.database or ""
        self._server = create_engine(url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def begin(self) -> None:
        """Raises sqlalchemy's DBAPIError when the server refuses."""
        with self._server.connect() as connection:
            if self._allowed(connection):
                self._allow(connection, "false")
                connection.execute(DISMISS, {"name": self._name})

    def end(self) -> None:
        """Raises sqlalchemy's DBAPIError when the server refuses."""
        with self._server.connect() as connection:
            if not self._allowed(connection):
                self._allow(connection, "true")

    def refusal(self) -> str | None:
        """Only the owner of a database may close it, and only from another one."""
        if self._name == "postgres":
            return "the simulator's database is 'postgres' itself, which must stay open; give it one of its own"
        try:
            with self._server.connect() as connection:
                may = connection.execute(MAY_ALTER, {"name": self._name}).scalar()
        except DBAPIError as error:
            return f"the server's database 'postgres' cannot be reached: {first_line(error)}"
        return None if may else f"this role does not own the database {self._name!r} and may not close it"

    def _allowed(self, connection: Connection) -> bool:
        return bool(connection.execute(ALLOWED, {"name": self._name}).scalar())

    def _allow(self, connection: Connection, value: str) -> None:
        name = connection.dialect.identifier_preparer.quote_identifier(self._name)
        connection.execute(text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {value}"))


def file_uri(path: Path) -> str:
    """The SQLite address of an existing file; opening it never creates one."""
    return f"file:{quote(str(path))}?mode=rw"


def first_line(error: DBAPIError) -> str:
    """What the driver said, in one line."""
    return str(error.orig).strip().split("\n", 1)[0]
