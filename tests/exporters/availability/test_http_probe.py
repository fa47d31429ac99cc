"""The HTTP probe against peers that behave and peers that do not."""

import asyncio
import ssl
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop

from exporters.availability.probes.result import Phase, ProbeResult, Reason
from exporters.availability.probes.table import KINDS, run
from tests.exporters.availability.components import web
from tests.exporters.certificates import NAME, NOW, Authority, authority
from tests.exporters.peers import (
    Answer,
    drip,
    endless,
    endless_headers,
    page,
    peer,
    reset,
    saying,
    silence,
)

MARGIN = 0.5
"""Seconds that a busy machine may add; a quiet one stays within 50 ms of the deadline."""


def probed(answer: Answer, tls: ssl.SSLContext | None = None, **more: Any) -> ProbeResult:
    """The result of probing a peer that answers so; checks what every result promises."""

    async def look() -> ProbeResult:
        async with peer(answer, tls) as port:
            component = web(f"{'https' if tls else 'http'}://127.0.0.1:{port}/path?q=1", **more)
            began = time.monotonic()
            result = await run(component)
            took = time.monotonic() - began
            assert took < component.timeout + MARGIN
            assert 0 <= took - sum(result.phases.values()) < MARGIN
            return result

    result = uvloop.run(look())
    assert result.reason is None or result.reason in KINDS["http"].reasons
    return result


def test_a_page_as_expected_succeeds_through_all_phases() -> None:
    result = probed(saying(page("hola RENTESEG")), expect={"body_contains": "RENTESEG", "body_regex": "^hola"})

    assert result.success, result.detail
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.REQUEST, Phase.RESPONSE]


def test_the_request_names_host_path_and_query() -> None:
    heads: list[bytes] = []

    async def remember(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(page())

    assert probed(remember).success
    assert heads[0].startswith(b"GET /path?q=1 HTTP/1.1\r\nHost: 127.0.0.1:")


@pytest.mark.parametrize(
    ("answer", "expect", "reason"),
    [
        (saying(page(status="503 Service Unavailable")), {}, Reason.STATUS),
        (saying(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), {}, Reason.STATUS),
        (saying(page("mantenimiento")), {"body_contains": "RENTESEG"}, Reason.BODY),
        (saying(page("mantenimiento")), {"body_regex": "^RENTESEG"}, Reason.BODY),
        (saying(page('{"estado": "caído"}')), {"json": [{"query": "estado", "equals": "ok"}]}, Reason.VALUE),
        (saying(page("mantenimiento")), {"json": [{"query": "estado"}]}, Reason.BODY),
        (saying(b"220 mail.example ESMTP\r\n"), {}, Reason.PROTOCOL),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), {}, Reason.RESET),
        (saying(b""), {}, Reason.RESET),
        (reset, {}, Reason.RESET),
        (silence, {}, Reason.TIMEOUT_RESPONSE),
        (drip, {}, Reason.TIMEOUT_RESPONSE),
        (endless_headers, {}, Reason.PROTOCOL),
    ],
)
def test_a_failure_has_the_one_reason_that_fits(answer: Answer, expect: dict[str, Any], reason: Reason) -> None:
    assert probed(answer, expect=expect).reason is reason


def test_an_endless_body_is_judged_by_its_beginning() -> None:
    assert probed(endless, timeout="2s", expect={"body_contains": "RENTESEG"}).success
    assert probed(endless, timeout="2s", expect={"body_contains": "absent"}).reason is Reason.BODY


def test_a_body_that_only_closing_ends_is_whole() -> None:
    assert probed(saying(b"HTTP/1.1 200 OK\r\n\r\nRENTESEG"), expect={"body_contains": "RENTESEG"}).success


def test_a_body_is_read_in_the_charset_it_declares() -> None:
    body = "operación".encode("latin-1")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=%s\r\nContent-Length: %d\r\n\r\n"

    for charset in (b"iso-8859-1", b"nonsense", b"hex"):
        result = probed(saying(head % (charset, len(body)) + body), expect={"body_contains": "operación"})
        assert result.success is (charset == b"iso-8859-1")


def test_a_closed_port_is_refused() -> None:
    async def look() -> ProbeResult:
        async with peer(silence) as port:
            pass
        return await run(web(f"http://127.0.0.1:{port}/"))

    result = uvloop.run(look())
    assert result.reason is Reason.REFUSED
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT]


def test_a_name_without_address_does_not_resolve() -> None:
    result = uvloop.run(run(web("http://no-such-host.invalid/", timeout="4s")))

    assert result.reason is Reason.RESOLVE
    assert list(result.phases) == [Phase.RESOLVE]


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


def test_https_verifies_the_name_and_reports_the_expiry(ca: Authority) -> None:
    expires_at = NOW + timedelta(days=20)

    result = probed(saying(page()), ca.server(expires_at), ca_file=ca.file, server_name=NAME, timeout="2s")

    assert result.success, result.detail
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.REQUEST, Phase.RESPONSE]
    assert result.certificate_expires_at == expires_at


def test_a_refused_certificate_fails_and_still_reports_its_expiry(ca: Authority, tmp_path: Path) -> None:
    past, future = NOW - timedelta(days=3), NOW + timedelta(days=20)
    stranger = authority(tmp_path / "other")

    for tls, expires_at, reason in [
        (ca.server(past), past, Reason.TLS_EXPIRED),
        (stranger.server(future), future, Reason.TLS_UNTRUSTED),
        (ca.server(future, name="other.example"), future, Reason.TLS_NAME),
    ]:
        result = probed(saying(page()), tls, ca_file=ca.file, server_name=NAME, timeout="2s")
        assert (result.reason, result.certificate_expires_at) == (reason, expires_at)
        assert Phase.REQUEST not in result.phases


def test_an_unusable_ca_file_is_a_fault_of_configuration(ca: Authority, tmp_path: Path) -> None:
    no_certificate = tmp_path / "ca.pem"
    no_certificate.write_text("nothing")

    for file in (tmp_path / "absent.pem", no_certificate):
        assert probed(saying(page()), ca.server(NOW), ca_file=file).reason is Reason.CONFIGURATION


def test_a_ca_file_written_anew_is_read_anew(ca: Authority, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority(tmp_path / "other").file.read_bytes())
    tls = ca.server(NOW + timedelta(days=1))
    more: dict[str, Any] = {"ca_file": file, "server_name": NAME, "timeout": "2s"}
    assert probed(saying(page()), tls, **more).reason is Reason.TLS_UNTRUSTED

    file.write_bytes(ca.file.read_bytes())

    assert probed(saying(page()), tls, **more).success


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (silence, Reason.TIMEOUT_TLS),
        (saying(b""), Reason.TIMEOUT_TLS),  # it waits for a request's end, which TLS never sends
        (reset, Reason.TLS_HANDSHAKE),
    ],
)
def test_a_peer_without_tls_fails_in_the_handshake(answer: Answer, reason: Reason, ca: Authority) -> None:
    async def look() -> ProbeResult:
        async with peer(answer) as port:
            return await run(web(f"https://127.0.0.1:{port}/", ca_file=ca.file))

    result = uvloop.run(look())
    assert result.reason is reason
    assert result.duration < 0.4 + MARGIN


def test_plain_text_where_tls_is_due_is_no_handshake(ca: Authority) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async def look() -> ProbeResult:
        async with peer(plain) as port:
            return await run(web(f"https://127.0.0.1:{port}/", ca_file=ca.file))

    assert uvloop.run(look()).reason is Reason.TLS_HANDSHAKE


def test_half_a_handshake_ends_at_the_deadline(ca: Authority) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(bytes.fromhex("160303007a02000076"))  # a record's head and the beginning of a ServerHello
        await asyncio.Event().wait()

    async def look() -> ProbeResult:
        async with peer(half) as port:
            return await run(web(f"https://127.0.0.1:{port}/", ca_file=ca.file))

    result = uvloop.run(look())
    assert result.reason is Reason.TIMEOUT_TLS
    assert 0.39 < result.duration < 0.4 + MARGIN


def test_the_list_of_reasons_stays_short() -> None:
    assert len(Reason) <= 20
