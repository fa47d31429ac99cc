"""The TCP probe: a port that accepts, one that refuses, one that does nothing, one that talks."""

import asyncio
import os
import resource
import socket
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop
from pydantic import ValidationError

from exporters.availability.probes.result import Phase, ProbeResult, Reason
from exporters.availability.probes.table import run
from tests.exporters.availability.components import port
from tests.exporters.availability.looking import look_at_peer
from tests.exporters.certificates import NAME, NOW, authority
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


def test_a_process_without_a_file_descriptor_left_says_nothing_of_the_component() -> None:
    async def main() -> ProbeResult:
        async with peer(silence) as there:
            highest = max(int(file.name) for file in Path("/proc/self/fd").iterdir())
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
            taken: list[int] = []
            try:
                with suppress(OSError):
                    while True:
                        taken.append(os.dup(0))
                return await run(port(f"127.0.0.1:{there}"))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                for descriptor in taken:
                    os.close(descriptor)

    result = uvloop.run(main())

    assert result.reason is Reason.INTERNAL
    assert "Too many open files" in result.detail


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


async def ftp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greets with two lines and knows one command."""
    writer.write(b"220-welcome\r\n220 ready\r\n")
    while said := await reader.readline():
        writer.write(b"211 fine\r\n" if said == b"STAT\r\n" else b"502 what?\r\n")
        await writer.drain()


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        ([{"expect": "^220 "}, {"send": "STAT\r\n"}, {"expect": "^211 "}], None),
        ([{"expect": "^220 "}, {"send": "NOOP\r\n"}, {"expect": "^211 "}], Reason.TIMEOUT_RESPONSE),
        ([{"expect": "^SSH-"}], Reason.TIMEOUT_RESPONSE),
    ],
)
def test_a_conversation_goes_turn_by_turn(talk: list[dict[str, str]], reason: Reason | None) -> None:
    assert look_at_peer(ftp, lambda number: port(f"127.0.0.1:{number}", talk=talk)).reason is reason


def test_tls_may_begin_within_the_conversation(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    tls = ca.server(NOW + timedelta(days=6))

    async def upgrading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        assert await reader.readline() == b"STARTTLS\r\n"
        writer.write(b"220 go\r\n")
        await writer.start_tls(tls)
        writer.write(b"secret greeting\r\n")
        await reader.read()

    turns = [
        {"expect": "^220 "}, {"send": "STARTTLS\r\n"}, {"expect": "^220 go"}, {"starttls": True}, {"expect": "secret"},
    ]  # fmt: skip
    good, other = (
        look_at_peer(
            upgrading, lambda number, name=name: port(  # type: ignore[misc]
                f"127.0.0.1:{number}", timeout="2s", talk=turns, ca_file=ca.file, server_name=name
            ),
        )
        for name in (NAME, "other.example")
    )  # fmt: skip

    assert good.success, good.detail
    assert other.reason is Reason.TLS_NAME
    assert good.certificate_expires_at == other.certificate_expires_at == NOW + timedelta(days=6)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"talk": [{}]}, "needs exactly one"),
        ({"talk": [{"send": "a", "expect": "b"}]}, "needs exactly one"),
        ({"tls": True, "talk": [{"starttls": True}]}, "begins TLS more than once"),
    ],
)
def test_a_conversation_that_cannot_work_is_refused(more: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        port("127.0.0.1:1", **more)
