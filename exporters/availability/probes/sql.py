"""SQL: connect, ask one query in a read-only transaction, compare the first value.

PostgreSQL, SQLite and Oracle are held to reading only, and a long query is ended. Any other database that SQLAlchemy
knows is asked in a transaction that is rolled back; give it a user that may only read.

Database drivers block, and one that hangs cannot be interrupted from outside. So each probe runs in a daemon
thread that is left behind at the deadline; a component with too many threads left behind fails without asking.
"""

import asyncio
import contextlib
import functools
import threading
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from exporters.availability.probes.result import ANSWERING, REACHING, Attempt, Phase, ProbeFailed, Reason
from exporters.availability.watched import Watched
from exporters.read_only import DRIVERS, bounded, database_url, read_only_engine
from groundwork.configuration import Strict

FIRST_PHASE = Phase.CONNECT
REASONS = REACHING | ANSWERING | {Reason.LOGIN, Reason.QUERY, Reason.VALUE}
LEFT_BEHIND_LIMIT = 4

SAID_BY_DRIVERS = (  # the drivers give no codes for a connection that never was
    ("could not translate host name", Reason.RESOLVE),
    ("connection refused", Reason.REFUSED),
    ("timeout expired", Reason.TIMEOUT_CONNECT),
    ("timed out: no answer to the login", Reason.TIMEOUT_CONNECT),
    ("tds server connection timed out", Reason.TIMEOUT_CONNECT),
    ("call timeout", Reason.TIMEOUT_RESPONSE),
    ("canceling statement due to statement timeout", Reason.TIMEOUT_RESPONSE),
    ("interrupted", Reason.TIMEOUT_RESPONSE),
    ("database is locked", Reason.TIMEOUT_RESPONSE),
    ("password", Reason.LOGIN),
    ("authentication failed", Reason.LOGIN),
    ("no pg_hba.conf entry", Reason.LOGIN),
    ('fatal:  role "', Reason.LOGIN),
    ('fatal:  database "', Reason.LOGIN),
    ("unable to open database file", Reason.UNREACHABLE),
    ("file is not a database", Reason.PROTOCOL),
    ("expected authentication request from server", Reason.PROTOCOL),
    ("received invalid response", Reason.PROTOCOL),
    ("closed the connection unexpectedly", Reason.RESET),
    ("connection reset by peer", Reason.RESET),
    ("terminating connection", Reason.RESET),
    ("dpy-4011", Reason.RESET),  # oracledb: the network closed the connection
    ("name or service not known", Reason.RESOLVE),
    ("login failed", Reason.LOGIN),  # SQL Server's error 18456
    ("tds server connection failed", Reason.RESET),
)
OTHERWISE = {Phase.CONNECT: Reason.UNREACHABLE, Phase.QUERY: Reason.QUERY}

LEAST = {"oracle": "SELECT 1 FROM DUAL"}  # before 23ai it knows no SELECT without FROM
PORTS = {"postgresql": 5432, "mysql": 3306, "oracle": 1521, "mssql": 1433}


def _any_database_url(value: str) -> str:
    """The URL as given; raises ValueError when it is none, or when its driver is not installed."""
    try:
        url = make_url(value)
        if url.drivername in DRIVERS:
            return database_url(value)
        url.get_dialect().import_dbapi()
    except ArgumentError:
        raise ValueError("is not a database URL such as postgresql://user@host/name") from None
    except NoSuchModuleError:
        raise ValueError(f"scheme {url.drivername!r} is not supported: SQLAlchemy does not know it") from None
    except ImportError as error:
        raise ValueError(f"scheme {url.drivername!r} is not supported yet: install {error.name}") from None
    return value


class SqlExpectation(Strict):
    """`value` is compared with the first column of the first row, as text."""

    value: str | None = None


class SqlComponent(Watched):
    """A database that must answer a query."""

    kind: Literal["sql"]
    url: Annotated[str, AfterValidator(_any_database_url)]
    query: Annotated[str, Field(min_length=1)] | None = None
    expect: SqlExpectation = SqlExpectation()

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """Host and port that are connected to; None for a file."""
        url = make_url(self.url)
        return (url.host, url.port or PORTS.get(url.get_backend_name(), 0)) if url.host else None

    @property
    def question(self) -> str:
        """The query, or the least that the database answers."""
        return self.query or LEAST.get(make_url(self.url).get_backend_name(), "SELECT 1")


_left_behind: Counter[str] = Counter()
_counting = threading.Lock()


async def probe(component: SqlComponent, attempt: Attempt) -> None:
    """Run the query and compare its first value; raises ProbeFailed."""
    if _left_behind[component.name] >= LEFT_BEHIND_LIMIT:
        raise ProbeFailed(Reason.TIMEOUT_RESPONSE, "earlier queries still hang in the driver")
    loop = asyncio.get_running_loop()
    try:
        value = await _in_a_thread(component.name, lambda: _first_value(component, loop, attempt))
    except SQLAlchemyError as error:
        raise _translated(error, attempt.phase) from error
    expected = component.expect.value
    if expected is not None and value != expected:
        raise ProbeFailed(Reason.VALUE, f"the query did not answer {expected!r}")


def _first_value(component: SqlComponent, loop: asyncio.AbstractEventLoop, attempt: Attempt) -> str | None:
    known = make_url(component.url).drivername in DRIVERS
    engine = read_only_engine(component.url, component.timeout) if known else _engine(component.url)
    with engine.connect() as connection:
        loop.call_soon_threadsafe(attempt.enter, Phase.QUERY)
        with bounded(connection, component.timeout) if known else contextlib.nullcontext():
            row = connection.execute(text(component.question)).first()
    return None if row is None else str(row[0])


@functools.lru_cache(maxsize=1024)
def _engine(url: str) -> Engine:
    """An engine of a database whose ways we do not know: without pool, rolled back after each probe."""
    return create_engine(url, poolclass=NullPool)


async def _in_a_thread(name: str, work: Callable[[], str | None]) -> str | None:
    """The answer of `work`, unless the caller is cancelled first; then its thread goes on alone."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def settle(value: str | None, error: Exception | None) -> None:
        if answer.cancelled():
            return
        if error:
            answer.set_exception(error)
        else:
            answer.set_result(value)

    def run() -> None:
        value, failure = None, None
        try:
            value = work()
        except Exception as error:  # noqa: BLE001 - carried over to the probe, which judges it
            failure = error
        finally:
            _count(name, -1)
        with contextlib.suppress(RuntimeError):  # the loop has ended and nobody waits
            loop.call_soon_threadsafe(settle, value, failure)

    _count(name, +1)
    threading.Thread(target=run, name=f"sql-{name}", daemon=True).start()
    return await answer


def _count(name: str, step: int) -> None:
    with _counting:
        _left_behind[name] += step


def _translated(error: SQLAlchemyError, phase: Phase) -> ProbeFailed:
    said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    detail = said.splitlines()[0] if said else type(error).__name__
    lowered = said.lower()
    reason = next((reason for words, reason in SAID_BY_DRIVERS if words in lowered), OTHERWISE[phase])
    return ProbeFailed(reason, detail)
