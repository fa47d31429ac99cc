"""One datagram out, the right one back."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from exporters.availability.probes.connection import resolve
from exporters.availability.probes.result import Attempt, Phase, ProbeFailed, Reason

READ_SIZE = 65535

Opening = Callable[[int], socket.socket]
"""Gives a socket of an address family; raises OSError or ProbeFailed."""


@asynccontextmanager
async def aimed(host: str, port: int, opening: Opening, attempt: Attempt) -> AsyncIterator[socket.socket]:
    """A socket that speaks with the first address of `host` alone."""
    attempt.enter(Phase.RESOLVE)
    address = (await resolve(host))[0]
    attempt.enter(Phase.CONNECT)
    attempt.tell("the address is %s", address)
    with opening(socket.AF_INET6 if ":" in address else socket.AF_INET) as opened:
        opened.setblocking(False)
        try:
            opened.connect((address, port))
        except OSError as error:
            raise ProbeFailed(Reason.UNREACHABLE, f"{address} cannot be reached: {error.strerror}") from error
        yield opened


async def exchanged(aimed_at: socket.socket, sent: bytes, is_answer: Callable[[bytes], bool]) -> bytes:
    """Send, and wait for the answer; what is none is left aside. Raises ProbeFailed, waits for ever otherwise."""
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(aimed_at, sent)
        while True:
            received = await loop.sock_recv(aimed_at, READ_SIZE)
            if is_answer(received):
                return received
    except ConnectionRefusedError as error:
        raise ProbeFailed(Reason.REFUSED, "nothing listens there") from error
    except TimeoutError:
        raise  # the runner names the phase
    except OSError as error:
        raise ProbeFailed(Reason.UNREACHABLE, f"it cannot be reached: {error.strerror or error}") from error
