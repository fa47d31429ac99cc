"""The TCP probe: a port that accepts, one that refuses, one that does nothing."""

import socket
import time

import uvloop

from exporters.availability.probes.result import Phase, ProbeResult, Reason
from exporters.availability.probes.table import run
from tests.exporters.availability.components import port
from tests.exporters.peers import peer, silence


def test_a_port_that_accepts_is_enough() -> None:
    async def look() -> ProbeResult:
        async with peer(silence) as number:
            return await run(port(f"127.0.0.1:{number}"))

    result = uvloop.run(look())
    assert result.success
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT]


def test_a_closed_port_is_refused() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        result = uvloop.run(run(port(f"127.0.0.1:{free.getsockname()[1]}")))

    assert result.reason is Reason.REFUSED


def test_a_full_backlog_ends_at_the_deadline() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        began = time.monotonic()
        result = uvloop.run(run(port(f"127.0.0.1:{full.getsockname()[1]}")))
        took = time.monotonic() - began
        for client in waiting:
            client.close()

    assert result.reason is Reason.TIMEOUT_CONNECT
    assert took < 0.9
