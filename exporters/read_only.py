"""Connections that cannot hurt what they look at: read only, bounded in time, one at a time.

PostgreSQL, SQLite and Oracle are held to reading; SQL Server has no such transaction and relies on a user that may only
read. A missing SQLite file is an error here, never a new empty file.
"""

import contextlib
import functools
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

DRIVERS = {
    **dict.fromkeys(("sqlite", "sqlite+pysqlite"), "sqlite+pysqlite"),
    # plain postgresql:// means another driver to SQLAlchemy 2.1
    **dict.fromkeys(("postgresql", "postgresql+psycopg2"), "postgresql+psycopg2"),
    **dict.fromkeys(("oracle", "oracle+oracledb"), "oracle+oracledb"),
    **dict.fromkeys(("mssql", "mssql+pymssql"), "mssql+pymssql"),
}
"""The schemes that we know how to hold to reading, and the driver that each is read with."""
EXTRAS = {"oracle": "oracle", "mssql": "sqlserver"}
"""The extra of this package that brings the driver."""
LEFT_BEHIND = 4
"""Logins to one database that may wait for an answer after everybody stopped waiting for them."""
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
        raise ValueError(f"scheme {url.drivername!r} is not supported: use postgresql, sqlite, oracle or mssql")
    if url.get_backend_name() == "sqlite" and not url.database:
        raise ValueError("names no SQLite file, as sqlite:///path/to/file.db does")
    try:
        url.set(drivername=DRIVERS[url.drivername]).get_dialect().import_dbapi()
    except ImportError:
        how = f"install renteseg-monitor[{EXTRAS[url.get_backend_name()]}]"
        raise ValueError(f"scheme {url.drivername!r} is not supported yet: {how}") from None
    return str(value)


@functools.lru_cache(maxsize=1024)
def read_only_engine(url: str, timeout: float) -> Engine:
    """An engine without pool whose connections only read and give up connecting after `timeout` seconds."""
    address = make_url(url)
    driver = address.set(drivername=DRIVERS[address.drivername])
    return ENGINES[address.get_backend_name()](driver, timeout)


def _sqlite(address: URL, timeout: float) -> Engine:
    engine = create_engine(_read_only_file(address), poolclass=NullPool, connect_args={"timeout": timeout})
    event.listen(engine, "connect", _forbid_writes)
    return engine


def _postgresql(address: URL, timeout: float) -> Engine:
    engine = create_engine(
        address,
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
    _cut_around_statements(engine, timeout + GRACE)
    return engine


def _cut_around_statements(engine: Engine, seconds: float) -> None:
    """Bound what the library itself says to the server: its questions once it is connected, and the last rollback.

    Whoever waits for their answers on a connection that died silently would wait for ever.
    """

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Dialect, record: Any, words: list[Any], named: dict[str, Any]) -> Any:
        raw = dialect.connect(*words, **named)
        record.info["cut"] = _cut_later(raw, seconds)
        return raw

    @event.listens_for(engine, "rollback")
    def rollback(connection: Connection) -> None:
        if not connection.invalidated:
            connection.info["cut"] = _cut_later(connection.connection.driver_connection, seconds)

    @event.listens_for(engine, "connect")
    @event.listens_for(engine, "close")
    def done(_raw: object, record: Any) -> None:
        if timer := record.info.pop("cut", None):
            timer.cancel()


def _oracle(address: URL, timeout: float) -> Engine:
    """A call that takes longer is broken off on the server; all statements of one reading see one moment."""
    engine = create_engine(address, poolclass=NullPool, connect_args={"tcp_connect_timeout": timeout})
    event.listen(
        engine, "do_connect", functools.partial(_connect_within, timeout + GRACE, BoundedSemaphore(LEFT_BEHIND))
    )
    event.listen(engine, "connect", lambda raw, _record: setattr(raw, "call_timeout", max(1, int(timeout * 1000))))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("SET TRANSACTION READ ONLY"))
    return engine


def _sql_server(address: URL, timeout: float) -> Engine:
    """The driver cancels a statement that takes longer, and the server gives up waiting for a lock."""
    seconds = max(1, round(timeout))
    waiting = {"timeout": seconds, "login_timeout": seconds, "appname": "renteseg-monitor"}
    engine = create_engine(address, poolclass=NullPool, connect_args=waiting)
    event.listen(
        engine, "do_connect", functools.partial(_connect_within, timeout + GRACE, BoundedSemaphore(LEFT_BEHIND))
    )

    @event.listens_for(engine, "connect")
    def give_up_on_locks(raw: Any, _record: object) -> None:
        with contextlib.closing(raw.cursor()) as cursor:
            cursor.execute(f"SET LOCK_TIMEOUT {max(1, int(timeout * 1000))}")

    return engine


ENGINES: dict[str, Callable[[URL, float], Engine]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "oracle": _oracle,
    "mssql": _sql_server,
}


def _connect_within(
    seconds: float,
    places: BoundedSemaphore,
    dialect: Dialect,
    _record: object,
    words: list[Any],
    named: dict[str, Any],
) -> Any:
    """A connection of a driver that waits for ever for a server which accepts and then says nothing.

    It is left to a thread; what comes too late is closed there. Who finds no place waits for none either.
    """
    driver: Any = dialect.loaded_dbapi
    answer: Future[Any] = Future()
    if not places.acquire(blocking=False):
        raise driver.OperationalError(f"timed out: no answer to the login, and {LEFT_BEHIND} earlier ones still wait")

    def connect() -> None:
        connection, failure = None, None
        try:
            connection = driver.connect(*words, **named)
        except Exception as error:  # noqa: BLE001 - carried over to whoever waits for the connection
            failure = error
        places.release()
        if answer.set_running_or_notify_cancel():
            answer.set_exception(failure) if failure else answer.set_result(connection)
        elif connection is not None:
            connection.close()

    threading.Thread(target=connect, name="connect", daemon=True).start()
    with contextlib.suppress(TimeoutError):
        return answer.result(seconds)
    if answer.cancel():
        raise driver.OperationalError(f"timed out: no answer to the login in {seconds:g} s")
    return answer.result()


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
    if not isinstance(sqlite, sqlite3.Connection):
        yield connection  # its engine has bounded every call already
        return
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
        word in said for word in ("timeout", "timed out", "time out", "interrupted", "locked", "closed the connection")
    )


@contextmanager
def _cut_after(connection: Connection, seconds: float) -> Iterator[None]:
    """Shut the connection's socket if the block takes longer: whoever waits on it then gets an error at once."""
    timer = _cut_later(connection.connection.driver_connection, seconds)
    try:
        yield
    finally:
        timer.cancel()


def _cut_later(raw: Any, seconds: float) -> threading.Timer:
    """Shuts the connection's socket then, unless it is cancelled."""

    def cut() -> None:
        # The connection may be closed, or be no socket any more, by now.
        with contextlib.suppress(Exception), socket.socket(fileno=os.dup(raw.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    return timer


def _read_only_file(address: URL) -> URL:
    return address.set(database=f"file:{quote(address.database or '')}", query={"mode": "ro", "uri": "true"})


def _forbid_writes(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA query_only = on")
