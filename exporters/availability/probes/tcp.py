"""TCP: the port accepts a connection. Nothing is sent."""

from exporters.availability.probes.connection import connected
from exporters.availability.probes.result import REACHING, Attempt, Phase
from exporters.availability.targets import TcpComponent

FIRST_PHASE = Phase.RESOLVE
REASONS = REACHING


async def probe(component: TcpComponent, attempt: Attempt) -> None:
    """Connect and hang up; raises ProbeFailed."""
    async with connected(*component.endpoint, attempt):
        pass
