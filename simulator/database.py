"""The simulated RENTESEG's database: a SQLite file or PostgreSQL, and the one error its users must expect."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

from groundwork.problems import ConfigurationError, Problem
from simulator.outage import Outage, PostgresOutage, SqliteOutage, file_uri, first_line
from simulator.tables import metadata


class DatabaseAway(Exception):
    """The database cannot be reached now; trying again later is right."""


class Database:
    """Hands out transactions. On SQLite no connection outlives its transaction: nobody keeps the file open."""

    def __init__(self, address: str) -> None:
        """Raises ConfigurationError when the address is not one of a SQLite file or PostgreSQL."""
        url = make_url(address)
        self._path: Path | None = None
        self._outage: Outage
        if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
            self._path = Path(url.database).absolute()
            self._engine = _sqlite_engine(self._path)
            self._outage = SqliteOutage(self._path)
        elif url.get_backend_name() == "postgresql":
            url = url.set(
                drivername="postgresql+psycopg2"
            )  # plain "postgresql" means another driver since SQLAlchemy 2.1
            self._engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 3})
            self._outage = PostgresOutage(url)
        else:
            raise ConfigurationError([_wrong_address(address)])
        self._down: bool | None = None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction; raises DatabaseAway when the database cannot be reached, goes away or has no tables yet."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except (OperationalError, InterfaceError, ProgrammingError) as error:
            raise DatabaseAway(first_line(error)) from error

    def prepare(self) -> None:
        """Create the file and the tables that are missing. Raises DatabaseAway."""
        if self._path and not self._down:
            _create_file(self._path)
        with self.begin() as connection:
            metadata.create_all(connection)

    def follow(self, down: bool) -> None:
        """Make the database unreachable for everybody, or reachable again; raises DatabaseAway when it resists."""
        if down == self._down:
            return
        try:
            self._outage.begin() if down else self._outage.end()
        except (DBAPIError, sqlite3.Error) as error:
            raise DatabaseAway(f"outage not changed: {error}".split("\n", 1)[0]) from error
        self._down = down

    def outage_refusal(self) -> str | None:
        """Why this database cannot be taken away, or None."""
        return self._outage.refusal()


def _sqlite_engine(path: Path) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(file_uri(path), uri=True, timeout=5, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def _create_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def _wrong_address(address: str) -> Problem:
    return Problem(
        file=".env",
        where="RENTESEG_SIMULATOR_DATABASE_URL",
        what=f"is neither a SQLite file nor PostgreSQL (found {make_url(address).render_as_string()!r})",
        remedy="write sqlite:////path/to/file.db or postgresql://user:password@host/database",
    )
