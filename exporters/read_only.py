"""Connections that cannot hurt what they look at: read only, bounded in time, one at a time.

PostgreSQL and SQLite are supported. A missing SQLite file is an error here, never a new empty file.
"""

import contextlib
import functools
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

DRIVERS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg2"})
PROGRESS_STEPS = 1000
"""How many steps SQLite's machine takes between two looks at the clock."""
GRACE = 2.0
"""Seconds that a server has to end a statement by itself before the connection is cut from this side."""
QUERY_CANCELED, LOCK_NOT_AVAILABLE = "57014", "55P03"


def database_url(value: object) -> str:
    """The URL as given; raises ValueError when it is not one of a database we can read."""
    try:
        url = make_url(str(value))
    except ArgumentError:
        raise ValueError("is not a database URL such as postgresql://user@host/name") from None
    if url.drivername not in DRIVERS:
        raise ValueError(f"scheme {url.drivername!r} is not supported: use postgresql:// or sqlite:///")
    if url.get_backend_name() == "sqlite" and not url.database:
        raise ValueError("names no SQLite file, as sqlite:///path/to/file.db does")
    return str(value)


@functools.lru_cache(maxsize=1024)
def read_only_engine(url: str, timeout: float) -> Engine:
    """An engine without pool whose connections only read and give up connecting after `timeout` seconds."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        engine = create_engine(_read_only_file(address), poolclass=NullPool, connect_args={"timeout": timeout})
        event.listen(engine, "connect", _forbid_writes)
        return engine
    return create_engine(
        address.set(drivername="postgresql+psycopg2"),  # plain postgresql:// means another driver to SQLAlchemy 2.1
        poolclass=NullPool,
        isolation_level="REPEATABLE READ",  # all statements of one reading see one moment
        execution_options={"postgresql_readonly": True},
        connect_args={
            "connect_timeout": max(2, round(timeout)),  # libpq takes whole seconds, and 2 at least
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
            "application_name": "renteseg-monitor",
        },
    )


@contextmanager
def bounded(connection: Connection, timeout: float) -> Iterator[Connection]:
    """The connection, each of whose statements the database itself ends after `timeout` seconds.

    A server that does not even do that, for the network hangs, is left `GRACE` seconds later.
    """
    if connection.dialect.name == "postgresql":
        with _cut_after(connection, timeout + GRACE):
            connection.execute(text(f"SET LOCAL statement_timeout = {max(1, int(timeout * 1000))}"))
            yield connection
        return
    sqlite = connection.connection.driver_connection
    assert isinstance(sqlite, sqlite3.Connection)
    deadline = time.monotonic() + timeout
    sqlite.set_progress_handler(lambda: time.monotonic() > deadline, PROGRESS_STEPS)
    try:
        yield connection
    finally:
        sqlite.set_progress_handler(None, 0)


def is_timeout(error: DBAPIError) -> bool:
    """Whether the database, or this side, ended a statement because it took too long."""
    code = getattr(error.orig, "pgcode", None)
    said = str(error.orig)
    return code in {QUERY_CANCELED, LOCK_NOT_AVAILABLE} or any(
        word in said for word in ("timeout", "timed out", "interrupted", "locked", "closed the connection")
    )


@contextmanager
def _cut_after(connection: Connection, seconds: float) -> Iterator[None]:
    """Shut the connection's socket if the block takes longer: whoever waits on it then gets an error at once."""
    raw = connection.connection.driver_connection

    def cut() -> None:
        # The connection may be closed, or be no socket any more, by now.
        with contextlib.suppress(Exception), socket.socket(fileno=os.dup(raw.fileno())) as line:  # type: ignore[union-attr]
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _read_only_file(address: URL) -> URL:
    return address.set(database=f"file:{quote(address.database or '')}", query={"mode": "ro", "uri": "true"})


def _forbid_writes(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA query_only = on")
