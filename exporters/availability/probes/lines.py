"""Talking with peers that speak in lines: SMTP, IMAP and whatever a `tcp` component expects."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from exporters.availability.probes.connection import Streams
from exporters.availability.probes.result import ProbeFailed, Reason
from exporters.availability.probes.securing import tls_failure

LINES_LIMIT = 200
"""Lines that one answer may have."""


@contextmanager
def conversation() -> Iterator[None]:
    """Turns the ways in which a connection ends while one talks into reasons."""
    try:
        yield
    except TimeoutError:
        raise  # the runner names the phase
    except ssl.SSLError as error:
        raise tls_failure(error) from error
    except (OSError, EOFError) as error:  # IncompleteReadError is an EOFError
        raise ProbeFailed(Reason.RESET, "the connection ended before the answer was complete") from error


async def line(streams: Streams) -> str:
    """The next line without its end; raises ProbeFailed for one longer than any protocol's."""
    try:
        received = await streams[0].readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        raise ProbeFailed(Reason.PROTOCOL, "the peer sends a line without end") from error
    return received.decode("utf-8", errors="replace").rstrip("\r\n")


async def say(streams: Streams, text: str) -> None:
    """Send one line."""
    await send(streams, text.encode() + b"\r\n")


async def send(streams: Streams, sent: bytes) -> None:
    """Send these bytes as they are; raises ConnectionResetError when the peer has gone."""
    if streams[1].transport.is_closing():
        raise ConnectionResetError
    streams[1].write(sent)
    await streams[1].drain()
