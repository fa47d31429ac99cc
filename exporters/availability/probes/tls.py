"""TLS alone: the handshake succeeds and the certificate is valid, and stays so for a while if that is asked."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Literal

from exporters.availability.probes.connection import Streams, connected
from exporters.availability.probes.lines import conversation
from exporters.availability.probes.result import REACHING, TLS_REASONS, Attempt, Phase, ProbeFailed, Reason
from exporters.availability.probes.securing import context_of, secured
from exporters.availability.watched import Addressed
from groundwork.configuration import Strict
from groundwork.durations import Seconds

FIRST_PHASE = Phase.RESOLVE
REASONS = REACHING | TLS_REASONS | {Reason.RESET, Reason.VALUE}
REFUSAL_WAIT = 0.2
"""Seconds in which a peer may object to what the handshake showed it."""


class TlsExpectation(Strict):
    """`valid_for`: how long the certificate must still be valid, in seconds."""

    valid_for: Seconds | None = None


class TlsComponent(Addressed):
    """A port that must speak TLS."""

    kind: Literal["tls"]
    expect: TlsExpectation = TlsExpectation()


async def probe(component: TlsComponent, attempt: Attempt) -> None:
    """Connect, shake hands and hang up; raises ProbeFailed."""
    context = context_of(component)
    async with connected(*component.endpoint, attempt) as streams:
        await secured(streams, context, component.server_name or component.endpoint[0], attempt)
        attempt.enter(Phase.RESPONSE)
        await _hear_out(streams, attempt)
    _judge(attempt.certificate_expires_at, component.expect.valid_for)


async def _hear_out(streams: Streams, attempt: Attempt) -> None:
    """TLS 1.3 says only after the handshake that a client certificate is refused or missing (RFC 8446, 4.4.2.4)."""
    try:
        with conversation():
            async with asyncio.timeout(min(REFUSAL_WAIT, attempt.remaining / 2)):
                said = await streams[0].read(1)
    except TimeoutError:
        attempt.tell("the peer has no objection")
        return
    if not said:
        raise ProbeFailed(Reason.RESET, "the peer hung up right after the handshake")


def _judge(expires_at: datetime | None, valid_for: float | None) -> None:
    if valid_for is None or expires_at is None:
        return
    if expires_at < datetime.now(UTC) + timedelta(seconds=valid_for):
        raise ProbeFailed(Reason.VALUE, f"the certificate expires at {expires_at:%Y-%m-%d %H:%M:%SZ}")
