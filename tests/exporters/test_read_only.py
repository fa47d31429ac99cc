"""Connections that only read: what happens when the server is not there, or is there and says nothing.

No Oracle and no SQL Server is at hand: their drivers are run against peers that refuse, hang up or hang.
"""

import asyncio
import sys
import threading
import time

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from exporters.read_only import GRACE, LEFT_BEHIND, database_url, is_timeout, read_only_engine
from tests.exporters.peers import Answer, peer, reset, silence
from tests.processes import free_ports

ADDRESSES = [
    "oracle://reader:secret@127.0.0.1:{port}/?service_name=renteseg",
    "mssql://reader:secret@127.0.0.1:{port}/renteseg",
]
TIMEOUT = 1.0
pytestmark = pytest.mark.parametrize("address", ADDRESSES)


def refusal(address: str, answer: Answer) -> DBAPIError:
    """What connecting to this peer fails with."""

    async def connect() -> DBAPIError:
        async with peer(answer) as port:
            with pytest.raises(DBAPIError) as failed:
                await asyncio.to_thread(read_only_engine(address.format(port=port), TIMEOUT).connect)
            return failed.value

    return asyncio.run(connect())


def test_a_server_that_accepts_and_says_nothing_is_left_in_time(address: str) -> None:
    began = time.monotonic()
    failure = refusal(address, silence)
    assert is_timeout(failure)
    assert time.monotonic() - began < TIMEOUT + GRACE + 2, "two seconds more, for a driver to be loaded"


def test_logins_that_are_left_waiting_are_bounded(address: str) -> None:
    before = set(threading.enumerate())

    async def connect() -> None:
        async with peer(silence) as port:
            engine = read_only_engine(address.format(port=port), 0.1)
            await asyncio.gather(*(asyncio.to_thread(_failed, engine) for _ in range(LEFT_BEHIND)))
            began = time.monotonic()
            assert "earlier ones still wait" in _failed(engine)
            assert time.monotonic() - began < GRACE
            waiting = {thread for thread in threading.enumerate() if thread.name == "connect"}
            assert len(waiting - before) <= LEFT_BEHIND

    asyncio.run(connect())


def _failed(engine: Engine) -> str:
    with pytest.raises(DBAPIError) as failed:
        engine.connect()
    assert is_timeout(failed.value)
    return str(failed.value)


def test_a_server_that_is_not_there_is_no_timeout(address: str) -> None:
    with pytest.raises(DBAPIError) as failed:
        read_only_engine(address.format(port=free_ports(1)[0]), TIMEOUT).connect()
    assert not is_timeout(failed.value)


def test_a_server_that_hangs_up_is_an_error_without_the_password(address: str) -> None:
    assert "secret" not in str(refusal(address, reset))


def test_a_driver_that_is_not_installed_is_named_with_its_remedy(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    driver, extra = ("oracledb", "oracle") if address.startswith("oracle") else ("pymssql", "sqlserver")
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(ValueError, match=rf"install renteseg-monitor\[{extra}\]"):
        database_url(address.format(port=1))
