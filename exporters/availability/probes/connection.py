"""Reaching a peer: its name and the connection, each a phase of its own."""

import asyncio
import contextlib
import errno
import functools
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from exporters.availability.probes.result import Attempt, Phase, ProbeFailed, Reason

OUT_OF_MEANS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
"""What this process or machine lacks says nothing of the peer."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Opened = TypeVar("Opened")

_asking: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Task[list[str]]] = {}


@asynccontextmanager
async def connected(host: str, port: int, attempt: Attempt) -> AsyncIterator[Streams]:
    """A connection to the first address of `host` that accepts; dropped, not waited for, at the end."""
    attempt.enter(Phase.RESOLVE)
    addresses = await resolve(host)
    attempt.enter(Phase.CONNECT)
    reader, writer = await reached(addresses, port, attempt, lambda address: asyncio.open_connection(address, port))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def resolve(host: str) -> list[str]:
    """The addresses of `host` in the order the system prefers; a literal address needs no asking.

    The system's resolver cannot be interrupted. Probes of one host share one question, so that a name that hangs
    holds one of the resolver's threads, however many components and however often they ask.
    """
    if address := literal(host):
        return [address]
    loop = asyncio.get_running_loop()
    question = _asking.get((loop, host))
    if question is None:
        question = _asking[loop, host] = loop.create_task(look_up(host))
        question.add_done_callback(lambda done: _answered(loop, host, done))
    return await asyncio.shield(question)


@functools.lru_cache(maxsize=65536)
def literal(host: str) -> str | None:
    """The address that `host` itself is, if it is one."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _answered(loop: asyncio.AbstractEventLoop, host: str, question: asyncio.Task[list[str]]) -> None:
    """The next probe asks anew; an answer that nobody waited for is no error to complain about."""
    _asking.pop((loop, host), None)
    if not question.cancelled():
        question.exception()


async def look_up(host: str) -> list[str]:
    """The addresses of `host` as the system knows them; raises ProbeFailed."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ProbeFailed(Reason.RESOLVE, f"{host} does not resolve: {error.strerror or error}") from error
    except UnicodeError as error:
        raise ProbeFailed(Reason.RESOLVE, f"{host} is not a host name") from error
    return list(dict.fromkeys(str(address[4][0]) for address in found))


async def reached(
    addresses: list[str], port: int, attempt: Attempt, opening: Callable[[str], Awaitable[Opened]]
) -> Opened:
    """What `opening` gives for the first address that accepts; each may take its share of the time left."""
    failure = ProbeFailed(Reason.RESOLVE, "the name has no address")
    for position, address in enumerate(addresses):
        last = position == len(addresses) - 1
        share = None if last else attempt.remaining / (len(addresses) - position)
        attempt.tell("connecting to %s port %s", address, port)
        try:
            if share is None:
                return await opening(address)
            async with asyncio.timeout(share):
                return await opening(address)
        except ConnectionRefusedError:
            failure = ProbeFailed(Reason.REFUSED, f"{address} port {port} refused the connection")
        except TimeoutError:
            failure = ProbeFailed(Reason.TIMEOUT_CONNECT, f"{address} port {port} did not accept in time")
        except OSError as error:
            what = error.strerror or str(error)
            if error.errno in OUT_OF_MEANS:
                raise ProbeFailed(Reason.INTERNAL, f"this machine cannot open a connection: {what}") from error
            failure = ProbeFailed(Reason.UNREACHABLE, f"{address} port {port} cannot be reached: {what}")
    raise failure


async def connected_socket(host: str, port: int, attempt: Attempt) -> socket.socket:
    """A connected socket, for libraries that speak over one of their own; the caller closes it."""
    attempt.enter(Phase.RESOLVE)
    addresses = await resolve(host)
    attempt.enter(Phase.CONNECT)
    return await reached(addresses, port, attempt, lambda address: _connect(address, port))


async def _connect(address: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    opened.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(opened, (address, port))
    except BaseException:  # also when the deadline has come: nobody else will close it
        with contextlib.suppress(OSError):
            opened.close()
        raise
    return opened


def secret(path: Path) -> str:
    """The text of a file that holds a password or token, without the newline that editors add."""
    try:
        return path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ProbeFailed(Reason.CONFIGURATION, f"{path} cannot be used: {reason}") from error
