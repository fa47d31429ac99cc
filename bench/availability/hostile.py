"""Peers that do what they should not, each on a port of its own.

Run as a process of its own; prints the ports by behaviour as JSON and serves until its stdin closes.
"""

import asyncio
import functools
import gzip
import json
import socket
import struct
import sys
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import Awaitable, Callable

import uvloop

Behaviour = Callable[[Reader, Writer], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(b"RENTESEG" + b"\0" * 100_000_000, 1)


async def hangs(_reader: Reader, _writer: Writer) -> None:
    await asyncio.Event().wait()


async def one_byte_at_a_time(_reader: Reader, writer: Writer) -> None:
    while True:
        writer.write(b"2")
        await writer.drain()
        await asyncio.sleep(0.1)


async def half_a_tls_handshake(reader: Reader, writer: Writer) -> None:
    await reader.read(1)
    writer.write(bytes.fromhex("160303007a02000076"))
    await asyncio.Event().wait()


async def resets(reader: Reader, writer: Writer) -> None:
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def closes_early(_reader: Reader, _writer: Writer) -> None:
    """Hangs up at once."""


async def wrong_protocol(reader: Reader, writer: Writer) -> None:
    await reader.read(1)
    writer.write(b"\x05\x00nothing that anybody speaks\r\n" * 10)
    await asyncio.Event().wait()


async def repeats(text: bytes, first: bytes, _reader: Reader, writer: Writer) -> None:
    """Begins with `first` and goes on with `text` for ever."""
    writer.write(first)
    while True:
        writer.write(text)
        await writer.drain()


async def says(text: bytes, reader: Reader, writer: Writer) -> None:
    """Answers a request with this, and hangs."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(text)
    await asyncio.Event().wait()


_serving: set[asyncio.Task[None]] = set()
BEHAVIOURS: dict[str, Behaviour] = {
    "accepts and hangs": hangs,
    "one byte at a time": one_byte_at_a_time,
    "half a TLS handshake": half_a_tls_handshake,
    "reset": resets,
    "closes early": closes_early,
    "wrong protocol": wrong_protocol,
    "endless body": functools.partial(repeats, b"." * 65536, HEAD + b"\r\nRENTESEG"),
    "endless lines": functools.partial(repeats, b"220-more\r\n" * 1000, b""),
    "huge headers": functools.partial(repeats, b"X-More: " + b"." * 1000 + b"\r\n", HEAD),
    "gzip bomb": functools.partial(says, HEAD + b"Content-Encoding: gzip\r\n\r\n" + BOMB),
    "redirect loop": functools.partial(says, b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
}


async def _served(behaviour: Behaviour) -> int:
    async def serve(reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task
        _serving.add(task)  # who waits for nothing would be forgotten, and its connection closed
        task.add_done_callback(_serving.discard)
        try:
            await behaviour(reader, writer)
        except (
            OSError,
            EOFError,
            RuntimeError,
            asyncio.CancelledError,
        ):  # it has left, or all is over
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    return port


async def main() -> None:
    """Serve until stdin ends."""
    print(json.dumps({name: await _served(behaviour) for name, behaviour in BEHAVIOURS.items()}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main())
