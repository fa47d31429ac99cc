"""One probe of a peer on loopback, with what every result promises checked."""

import ssl
import time
from collections.abc import Callable

import uvloop

from exporters.availability.probes.result import ProbeResult
from exporters.availability.probes.table import KINDS, run
from exporters.availability.watched import Watched
from tests.exporters.peers import Answer, peer

MARGIN = 3.0
"""Seconds that a busy machine may add; the benchmark measures the 50 ms that are asked for."""


async def looked_at(component: Watched) -> ProbeResult:
    """The result of one probe: in time, its phases without gaps, its reason one of its kind's."""
    began = time.monotonic()
    result = await run(component, told=True)
    took = time.monotonic() - began
    assert took < component.timeout + MARGIN
    assert 0 <= took - result.duration < MARGIN
    assert result.reason is None or result.reason in KINDS[component.kind].reasons
    assert result.account
    return result


def look(component: Watched) -> ProbeResult:
    """The same from outside a loop."""
    return uvloop.run(looked_at(component))


def look_at_peer(answer: Answer, component: Callable[[int], Watched], tls: ssl.SSLContext | None = None) -> ProbeResult:
    """The result of probing a peer that answers so; `component` is told its port."""

    async def main() -> ProbeResult:
        async with peer(answer, tls) as port:
            return await looked_at(component(port))

    return uvloop.run(main())
