"""TCP: the port accepts a connection; over TLS if asked, and with a conversation if one is given."""

import asyncio
from typing import Literal, Self

from pydantic import model_validator

from exporters.availability.probes.connection import Streams, connected
from exporters.availability.probes.http_expectations import Pattern, found
from exporters.availability.probes.lines import LINES_LIMIT, conversation, line, send
from exporters.availability.probes.result import ANSWERING, REACHING, TLS_REASONS, Attempt, Phase, ProbeFailed, Reason
from exporters.availability.probes.securing import context_of, secured
from exporters.availability.watched import Addressed
from groundwork.configuration import Strict

FIRST_PHASE = Phase.RESOLVE
REASONS = REACHING | TLS_REASONS | ANSWERING | {Reason.BODY}


class Turn(Strict):
    """One turn of the conversation: text to `send`, a line that must come (`expect`), or TLS from here on."""

    send: str | None = None
    expect: Pattern | None = None
    starttls: Literal[True] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(value is not None for value in (self.send, self.expect, self.starttls)) != 1:
            raise ValueError("needs exactly one of 'send', 'expect' and 'starttls'")
        return self


class TcpComponent(Addressed):
    """A port that must accept connections; `talk` is what is said then, in order."""

    kind: Literal["tcp"]
    tls: bool = False
    talk: tuple[Turn, ...] = ()

    @model_validator(mode="after")
    def _secures_once(self) -> Self:
        if self.tls + sum(turn.starttls is not None for turn in self.talk) > 1:
            raise ValueError("begins TLS more than once: keep one of 'tls' and 'starttls'")
        return self


async def probe(component: TcpComponent, attempt: Attempt) -> None:
    """Connect, talk and hang up; raises ProbeFailed."""
    async with connected(*component.endpoint, attempt) as streams:
        if component.tls:
            await _secure(component, 0, streams, attempt)
        for position, turn in enumerate(component.talk):
            if turn.starttls:
                await _secure(component, position, streams, attempt)
                continue
            attempt.enter(Phase.RESPONSE)
            with conversation():
                await _take(turn, streams, attempt)


async def _secure(component: TcpComponent, position: int, streams: Streams, attempt: Attempt) -> None:
    host, port = streams[1].get_extra_info("peername")[:2]

    async def reopened() -> Streams:
        again = await asyncio.open_connection(host, port)
        for turn in component.talk[:position]:
            await _take(turn, again, attempt)
        return again

    name = component.server_name or component.endpoint[0]
    await secured(streams, context_of(component), name, attempt, reopened)


async def _take(turn: Turn, streams: Streams, attempt: Attempt) -> None:
    if turn.send is not None:
        await send(streams, turn.send.encode())
        attempt.tell("sent %s bytes", len(turn.send))
        return
    assert turn.expect is not None
    for _ in range(LINES_LIMIT):
        said = await line(streams)
        attempt.tell("received a line of %s characters", len(said))
        if await found(turn.expect, said, attempt.remaining):
            return
    raise ProbeFailed(Reason.BODY, f"none of {LINES_LIMIT} lines matches {turn.expect!r}")
