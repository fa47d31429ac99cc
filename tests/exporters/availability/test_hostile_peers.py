"""Peers that do what they should not: every kind of probe ends in time, with one reason, and never succeeds."""

import asyncio
import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import uvloop

from exporters.availability.probes import connection, icmp
from exporters.availability.probes.http_exchange import BODY_LIMIT
from exporters.availability.probes.lines import conversation, send
from exporters.availability.probes.result import OUR_FAULTS, Phase, ProbeFailed, ProbeResult, Reason
from exporters.availability.probes.table import KINDS
from exporters.availability.watched import Watched
from tests.exporters.availability.components import made
from tests.exporters.availability.looking import look, look_at_peer, looked_at
from tests.exporters.peers import Answer, endless_headers, page, peer, reset, saying, silence


async def closes_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hangs up as soon as it is connected."""


async def closes_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Throws whoever is connected out."""
    discard_on_close = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, discard_on_close)
    writer.transport.abort()


async def one_byte_at_a_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A banner that begins at once and takes longer than anybody waits."""
    while True:
        writer.write(b"2")
        await writer.drain()
        await asyncio.sleep(0.1)


async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes without end and without a line's end."""
    while True:
        writer.write(b"\x00\xff" * 32768)
        await writer.drain()


async def lines_without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Short lines for ever."""
    while True:
        writer.write(b"* noise\r\n" * 1000)
        await writer.drain()


async def half_a_tls_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A record's head and the beginning of a ServerHello, and no more."""
    await reader.read(1)
    writer.write(bytes.fromhex("160303007a02000076"))
    await asyncio.Event().wait()


async def web_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks HTTP whatever it is asked, as wrong a protocol as any."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


HOSTILE = {
    "accepts and hangs": silence,
    "one byte at a time": one_byte_at_a_time,
    "half a TLS handshake": half_a_tls_handshake,
    "reset": reset,
    "closes early": closes_early,
    "throws out": closes_at_once,
    "noise": noise,
    "lines without end": lines_without_end,
    "huge headers": endless_headers,
    "wrong protocol": web_server,
}


@pytest.fixture(scope="module")
def password(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("secrets") / "password"
    file.write_text("secret\n")
    return file


KINDS_OVER_TCP: dict[str, Callable[[str, Path], Watched]] = {
    "http": lambda at, _: made("http", url=f"http://{at}/"),
    "https": lambda at, _: made("http", url=f"https://{at}/"),
    "http through a proxy": lambda at, _: made("http", url="http://renteseg.invalid/", proxy=f"http://{at}"),
    "https through a proxy": lambda at, _: made("http", url="https://renteseg.invalid/", proxy=f"http://{at}"),
    "api": lambda at, _: made("api", steps=[{"url": f"http://{at}/", "save": {"a": {"json": "a"}}}]),
    "tcp, talking": lambda at, _: made("tcp", address=at, talk=[{"send": "hello\r\n"}, {"expect": "^welcome"}]),
    "tcp with TLS": lambda at, _: made("tcp", address=at, tls=True),
    "tcp with STARTTLS": lambda at, _: made("tcp", address=at, talk=[{"expect": "^220"}, {"starttls": True}]),
    "tls": lambda at, _: made("tls", address=at),
    "dns over tcp": lambda at, _: made("dns", server=at, query="renteseg.example", transport="tcp"),
    "smtp": lambda at, password: made("smtp", address=at, login={"user": "u", "password_file": password}),
    "smtp with STARTTLS": lambda at, _: made("smtp", address=at, tls="starttls"),
    "smtp over TLS": lambda at, _: made("smtp", address=at, tls="direct"),
    "imap": lambda at, password: made("imap", address=at, login={"user": "u", "password_file": password}),
    "imap with STARTTLS": lambda at, _: made("imap", address=at, tls="starttls"),
    "imap over TLS": lambda at, _: made("imap", address=at, tls="direct"),
    "sftp": lambda at, password: made("sftp", address=at, user="u", password_file=password, write=True),
    "sql": lambda at, _: made("sql", url=f"postgresql://user@{at}/renteseg"),
    "sql, Oracle": lambda at, _: made("sql", url=f"oracle://user:secret@{at}/?service_name=renteseg"),
    "sql, SQL Server": lambda at, _: made("sql", url=f"mssql://user:secret@{at}/renteseg"),
}


def test_every_kind_meets_them() -> None:
    kinds = {component("127.0.0.1:1", Path("/x")).kind for component in KINDS_OVER_TCP.values()}

    assert kinds == set(KINDS) - {"icmp"}  # nobody can be connected to: its own test has its hostile peers


@pytest.mark.parametrize("behaviour", HOSTILE)
@pytest.mark.parametrize("kind", KINDS_OVER_TCP)
def test_it_fails_in_time_for_one_reason_that_is_the_peers(kind: str, behaviour: str, password: Path) -> None:
    result = look_at_peer(HOSTILE[behaviour], lambda port: KINDS_OVER_TCP[kind](f"127.0.0.1:{port}", password))

    assert result.reason is not None
    assert result.reason not in OUR_FAULTS
    assert "secret" not in result.detail


def test_a_peer_that_goes_before_something_is_sent_has_reset_the_connection() -> None:
    async def main() -> None:
        async with peer(closes_at_once) as port:
            streams = await asyncio.open_connection("127.0.0.1", port)
            while not streams[1].transport.is_closing():
                await asyncio.sleep(0.01)
            with pytest.raises(ProbeFailed, match="ended before") as raised, conversation():
                await send(streams, b"hello")
            assert raised.value.reason is Reason.RESET

    uvloop.run(main())


@pytest.mark.parametrize("kind", KINDS_OVER_TCP)
def test_a_closed_port_is_refused(kind: str, password: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        result = look(KINDS_OVER_TCP[kind](f"127.0.0.1:{closed.getsockname()[1]}", password))

    assert result.reason is Reason.REFUSED


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS_OVER_TCP if not kind.startswith("sql") and "proxy" not in kind]
)
def test_a_name_whose_lookup_hangs_ends_at_the_deadline(
    kind: str, password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_host: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(connection, "look_up", hang)

    result = look(KINDS_OVER_TCP[kind]("renteseg.example:9", password))

    assert result.reason is Reason.RESOLVE
    assert set(result.phases) <= {Phase.RESOLVE, Phase.CONNECT}


def test_many_probes_of_a_name_that_hangs_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def hang(host: str) -> list[str]:
        asked.append(host)
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(connection, "look_up", hang)

    async def main() -> list[ProbeResult]:
        component = made("tcp", address="renteseg.example:9", timeout="200ms")
        return await asyncio.gather(*(looked_at(component) for _ in range(20)), looked_at(component))

    results = uvloop.run(main())
    assert {result.reason for result in results} == {Reason.RESOLVE}
    assert asked == ["renteseg.example"]


def test_redirects_that_go_round_in_circles_end() -> None:
    circle = saying(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")

    result = look_at_peer(circle, lambda port: made("http", "4s", url=f"http://127.0.0.1:{port}/", redirects=5))

    assert (result.reason, result.detail) == (Reason.STATUS, "more than 5 redirects")


def test_a_redirect_to_another_world_is_not_followed() -> None:
    answer = saying(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")

    result = look_at_peer(answer, lambda port: made("http", url=f"http://127.0.0.1:{port}/", redirects=5))

    assert result.reason is Reason.PROTOCOL


def compressed(body: bytes) -> Answer:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    return saying(head.encode() + body)


def test_a_gzip_bomb_is_unpacked_no_further_than_the_limit() -> None:
    bomb = gzip.compress(b"RENTESEG" + b"\0" * 100_000_000, 1)
    expect: dict[str, Any] = {"body_contains": "RENTESEG"}

    result = look_at_peer(
        compressed(bomb), lambda port: made("http", "4s", url=f"http://127.0.0.1:{port}/", expect=expect)
    )

    assert result.success, result.detail
    assert len(gzip.decompress(bomb)) > BODY_LIMIT * 100


def test_what_claims_to_be_gzip_and_is_not_is_told() -> None:
    result = look_at_peer(compressed(b"plain"), lambda port: made("http", url=f"http://127.0.0.1:{port}/"))

    assert result.reason is Reason.PROTOCOL


def test_a_body_made_to_keep_a_search_busy_neither_outlives_the_probe_nor_stops_others() -> None:
    trap = page("a" * 5000 + "!")
    expect: dict[str, Any] = {"body_regex": r"^(a|aa|a{3})+$"}
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            ticks.append(time.monotonic())
            await asyncio.sleep(0.01)

    async def main() -> ProbeResult:
        ticking = asyncio.create_task(tick())
        async with peer(saying(trap)) as port:
            result = await looked_at(made("http", url=f"http://127.0.0.1:{port}/", expect=expect))
        ticking.cancel()
        return result

    result = uvloop.run(main())
    assert result.reason in (Reason.BODY, Reason.TIMEOUT_RESPONSE)
    assert max(later - earlier for earlier, later in pairwise(ticks)) < 0.35


@pytest.fixture
def silent_udp() -> Iterator[int]:
    """A port that takes datagrams and answers none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        yield server.getsockname()[1]


def test_a_name_server_that_says_nothing_or_nonsense_fails_in_time(silent_udp: int) -> None:
    component = made("dns", server=f"127.0.0.1:{silent_udp}", query="renteseg.example")
    assert look(component).reason is Reason.TIMEOUT_RESPONSE

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            question, sender = server.recvfrom(2000)
            server.sendto(b"another question's answer", sender)
            server.sendto(question[:2] + b"\xff" * 20, sender)

        thread = threading.Thread(target=answer)
        thread.start()
        result = look(made("dns", server=f"127.0.0.1:{server.getsockname()[1]}", query="renteseg.example"))
        thread.join()
    assert result.reason is Reason.PROTOCOL


def test_a_ping_whose_answers_are_not_ours_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icmp, "_is_reply", lambda *_: False)

    result = look(made("icmp", address="127.0.0.1"))

    assert result.reason in (Reason.TIMEOUT_RESPONSE, Reason.CONFIGURATION)
