"""Real servers behind a way that stops passing anything in the middle: each kind ends in time, wherever it hangs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import uvloop
from aiosmtpd.smtp import SMTP
from sqlalchemy import make_url

from exporters.availability.probes import table
from exporters.availability.probes.result import OUR_FAULTS, Phase, ProbeResult
from exporters.availability.watched import Watched
from tests.exporters.availability.components import made
from tests.exporters.availability.looking import looked_at
from tests.exporters.availability.test_api_probe import register, steps
from tests.exporters.availability.test_mail_probes import IMAP, judge, speaking
from tests.exporters.availability.test_sftp_probe import server as sftp_server
from tests.exporters.certificates import NAME, NOW, Authority, authority
from tests.exporters.peers import page, peer

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Opening = Callable[[], Awaitable[Streams]]


@dataclass
class Way:
    """A way to a server that passes only so many pieces of what the server says, over all connections, then none."""

    passing: int
    passed: int = 0

    async def carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(65536):
                if counted and self.passed >= self.passing:
                    await asyncio.Event().wait()
                self.passed += counted
                target.write(piece)
                await target.drain()
        target.close()

    def to(self, opening: Opening) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await opening()
            try:
                await asyncio.gather(
                    self.carry(reader, far_writer, counted=False), self.carry(far_reader, writer, counted=True)
                )
            finally:
                far_writer.transport.abort()

        return answer


@dataclass(frozen=True)
class Place:
    """What the servers need."""

    ca: Authority
    folder: Path
    postgres: str


Server = Callable[[Place], AbstractAsyncContextManager[Opening]]


def at(port: int) -> Opening:
    return lambda: asyncio.open_connection("127.0.0.1", port)


async def in_two_pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head, body = page().split(b"\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    await asyncio.sleep(0.1)
    writer.write(body)
    await writer.drain()


@asynccontextmanager
async def web(place: Place) -> AsyncIterator[Opening]:
    async with peer(in_two_pieces, place.ca.server(NOW + timedelta(days=9))) as port:
        yield at(port)


@asynccontextmanager
async def api(place: Place) -> AsyncIterator[Opening]:
    async with peer(register) as port:
        yield at(port)


@asynccontextmanager
async def smtp(place: Place) -> AsyncIterator[Opening]:
    context = place.ca.server(NOW + timedelta(days=9))
    serving = await asyncio.get_running_loop().create_server(
        lambda: SMTP(object(), tls_context=context, authenticator=judge, hostname="mail", timeout=30), "127.0.0.1", 0
    )
    try:
        yield at(serving.sockets[0].getsockname()[1])
    finally:
        serving.close()


@asynccontextmanager
async def imap(place: Place) -> AsyncIterator[Opening]:
    async with peer(speaking(b"* OK ready\r\n", IMAP, place.ca.server(NOW + timedelta(days=9)))) as port:
        yield at(port)


@asynccontextmanager
async def sftp(place: Place) -> AsyncIterator[Opening]:
    async with sftp_server(place.folder) as port:
        yield at(port)


@asynccontextmanager
async def postgresql(place: Place) -> AsyncIterator[Opening]:
    folder = make_url(place.postgres).query["host"]
    yield lambda: asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")


def secured(place: Place) -> dict[str, object]:
    return {"ca_file": place.ca.file, "server_name": NAME}


def login(place: Place) -> dict[str, object]:
    return {"login": {"user": "monitor", "password_file": place.folder / "password"}}


def sql(port: int, place: Place, timeout: str) -> Watched:
    address = make_url(place.postgres).difference_update_query(["host"]).set(host="127.0.0.1", port=port)
    return made("sql", timeout, name=f"sql-{port}", url=address.render_as_string(hide_password=False))


def starttls(place: Place) -> dict[str, object]:
    words = ["^220", "EHLO monitor\r\n", "^250 ", "STARTTLS\r\n", "^220"]
    talk = [{"send" if "\r" in said else "expect": said} for said in words]
    return {**secured(place), "talk": [*talk, {"starttls": True}, {"send": "EHLO monitor\r\n"}, {"expect": "^250 "}]}


KINDS: dict[str, tuple[Server, Callable[[int, Place, str], Watched]]] = {
    "https": (web, lambda port, place, t: made("http", t, url=f"https://127.0.0.1:{port}/", **secured(place))),
    "api": (
        api,
        lambda port, place, t: made(
            "api",
            t,
            steps=steps(port),
            variables={"imei": "001010010000014"},
            secrets={"clave": place.folder / "clave"},
        ),
    ),
    "tcp": (smtp, lambda port, place, t: made("tcp", t, address=f"127.0.0.1:{port}", **starttls(place))),
    "smtp": (
        smtp,
        lambda port, place, t: made(
            "smtp", t, address=f"127.0.0.1:{port}", tls="starttls", **secured(place), **login(place)
        ),
    ),
    "imap": (
        imap,
        lambda port, place, t: made(
            "imap",
            t,
            address=f"127.0.0.1:{port}",
            tls="starttls",
            folder="INBOX",
            **secured(place),
            **login(place),
        ),
    ),
    "sftp": (
        sftp,
        lambda port, place, t: made(
            "sftp",
            t,
            address=f"127.0.0.1:{port}",
            user="monitor",
            password_file=place.folder / "password",
            write=True,
        ),
    ),
    "sql": (postgresql, sql),
}


@pytest.fixture
def place(tmp_path: Path, postgres_url: str) -> Place:
    (tmp_path / "password").write_text("correcta\n")
    (tmp_path / "clave").write_text('co"rrecta\n')
    (tmp_path / "ca").mkdir()
    return Place(authority(tmp_path / "ca"), tmp_path, postgres_url)


@pytest.mark.parametrize("kind", KINDS)
def test_wherever_the_way_to_it_hangs_the_probe_ends_in_time_in_the_phase_it_hung_in(kind: str, place: Place) -> None:
    serving, component = KINDS[kind]

    async def through(opening: Opening, way: Way, timeout: str) -> ProbeResult:
        async with peer(way.to(opening)) as port:
            return await looked_at(component(port, place, timeout))

    async def main() -> tuple[ProbeResult, list[ProbeResult]]:
        async with serving(place) as opening:
            table.make_ready([component(1, place, "1s")])
            free = Way(passing=1000)
            whole = await through(opening, free, "10s")
            hanging = [through(opening, Way(passing), "2s") for passing in range(min(free.passed, 25))]
            return whole, await asyncio.gather(*hanging)

    whole, hung = uvloop.run(main())

    assert whole.success, whole.detail
    assert {result.reason for result in hung}.isdisjoint({None, *OUR_FAULTS})
    phases = {list(result.phases)[-1] for result in hung}
    assert phases >= set(whole.phases) - {Phase.RESOLVE, Phase.CONNECT}
