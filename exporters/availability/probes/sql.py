"""SQL: connect, ask one query in a read-only transaction, compare the first value.

Database drivers block, and one that hangs cannot be interrupted from outside. So each probe runs in a daemon
thread that is left behind at the deadline; a component with too many threads left behind fails without asking.
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from exporters.availability.probes.result import REACHING, Attempt, Phase, ProbeFailed, Reason
from exporters.availability.targets import SqlComponent
from exporters.read_only import bounded, read_only_engine

FIRST_PHASE = Phase.CONNECT
REASONS = REACHING | {
    Reason.RESET,
    Reason.TIMEOUT_RESPONSE,
    Reason.PROTOCOL,
    Reason.LOGIN,
    Reason.QUERY,
    Reason.VALUE,
}
LEFT_BEHIND_LIMIT = 4

SAID_BY_DRIVERS = (  # the drivers give no codes for a connection that never was
    ("could not translate host name", Reason.RESOLVE),
    ("connection refused", Reason.REFUSED),
    ("timeout expired", Reason.TIMEOUT_CONNECT),
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
)
OTHERWISE = {Phase.CONNECT: Reason.UNREACHABLE, Phase.QUERY: Reason.QUERY}

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
    with read_only_engine(component.url, component.timeout).connect() as connection:
        loop.call_soon_threadsafe(attempt.enter, Phase.QUERY)
        with bounded(connection, component.timeout):
            row = connection.execute(text(component.query)).first()
    return None if row is None else str(row[0])


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
