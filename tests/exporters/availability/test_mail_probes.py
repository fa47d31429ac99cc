"""SMTP and IMAP: greeting, STARTTLS, login, folder, against a real mail server and a scripted one."""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from exporters.availability.probes.result import Phase, ProbeResult, Reason
from tests.exporters.availability.components import made
from tests.exporters.availability.looking import look, look_at_peer
from tests.exporters.certificates import NAME, NOW, Authority, authority
from tests.exporters.peers import Answer
from tests.processes import free_ports


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def login(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "password"
    file.write_text("correcta\n")
    return {"user": "monitor", "password_file": file}


def judge(_server: SMTP, _session: object, _envelope: object, _mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"monitor", b"correcta"), handled=False)


@pytest.fixture
def smtp(ca: Authority) -> Iterator[str]:
    """A real SMTP server that offers STARTTLS and a login."""
    server = Controller(
        object(),
        hostname="127.0.0.1",
        port=free_ports(1)[0],
        tls_context=ca.server(NOW + timedelta(days=9)),
        authenticator=judge,
        auth_required=False,
        auth_require_tls=False,
        server_kwargs={"timeout": 5},
    )
    server.start()
    yield f"127.0.0.1:{server.port}"
    server.stop()


def test_a_mail_server_greets_secures_and_lets_in(smtp: str, ca: Authority, login: dict[str, Any]) -> None:
    secure = {"tls": "starttls", "ca_file": ca.file, "server_name": NAME}

    plain = look(made("smtp", "4s", address=smtp))
    whole = look(made("smtp", "4s", address=smtp, login=login, **secure))

    assert plain.success, plain.detail
    assert list(plain.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.BANNER, Phase.REQUEST]
    assert whole.success, whole.detail
    assert set(whole.phases) > {Phase.TLS, Phase.LOGIN}
    assert whole.certificate_expires_at == NOW + timedelta(days=9)


def test_a_refused_login_is_told_apart(smtp: str, login: dict[str, Any]) -> None:
    login["password_file"].write_text("equivocada")

    result = look(made("smtp", "4s", address=smtp, login=login))

    assert result.reason is Reason.LOGIN
    assert "equivocada" not in str(result)


def test_the_certificate_behind_starttls_is_verified_and_dated(smtp: str, ca: Authority) -> None:
    result = look(made("smtp", "4s", address=smtp, tls="starttls", ca_file=ca.file, server_name="other.example"))

    assert (result.reason, result.certificate_expires_at) == (Reason.TLS_NAME, NOW + timedelta(days=9))


def speaking(greeting: bytes, replies: Mapping[bytes, bytes], tls: ssl.SSLContext | None = None) -> Answer:
    """A peer that greets and answers each line by the first key that is in it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while said := await reader.readline():
            reply = next((reply for words, reply in replies.items() if words in said), b"500 what?\r\n")
            writer.write(reply)
            await writer.drain()
            if tls and b"STARTTLS" in said:
                await writer.start_tls(tls)

    return answer


@pytest.mark.parametrize(
    ("greeting", "replies", "reason"),
    [
        (b"554 no service\r\n", {}, Reason.STATUS),
        (b"220-one\r\n220 two\r\n", {b"EHLO": b"502 no\r\n"}, Reason.STATUS),
        (b"* OK IMAP here\r\n", {}, Reason.PROTOCOL),
    ],
)
def test_a_mail_server_that_says_no_is_told_apart(greeting: bytes, replies: dict[bytes, bytes], reason: Reason) -> None:
    result = look_at_peer(speaking(greeting, replies), lambda port: made("smtp", address=f"127.0.0.1:{port}"))

    assert result.reason is reason


IMAP = {
    b"STARTTLS": b"a0 OK begin\r\n",
    b"NOOP": b"a1 OK done\r\n",
    b'LOGIN "monitor" "correcta"': b"* CAPABILITY IMAP4rev2\r\na2 OK welcome\r\n",
    b"LOGIN": b"a2 NO who?\r\n",
    b'EXAMINE "INBOX"': b"* 3 EXISTS\r\na3 OK [READ-ONLY] done\r\n",
    b"EXAMINE": b"a3 NO none\r\n",
}


def imap(greeting: bytes = b"* OK ready\r\n", **more: Any) -> ProbeResult:
    return look_at_peer(speaking(greeting, IMAP), lambda port: made("imap", "2s", address=f"127.0.0.1:{port}", **more))


def test_a_mailbox_is_opened_for_reading(login: dict[str, Any]) -> None:
    result = imap(login=login, folder="INBOX")

    assert result.success, result.detail
    assert list(result.phases)[2:] == [Phase.BANNER, Phase.REQUEST, Phase.LOGIN, Phase.LIST]


def test_a_mailbox_behind_starttls_is_secured(ca: Authority, login: dict[str, Any]) -> None:
    tls = ca.server(NOW + timedelta(days=5))

    result = look_at_peer(
        speaking(b"* OK ready\r\n", IMAP, tls),
        lambda port: made(
            "imap", "2s", address=f"127.0.0.1:{port}", tls="starttls", ca_file=ca.file, server_name=NAME, login=login
        ),
    )

    assert result.success, result.detail
    assert result.certificate_expires_at == NOW + timedelta(days=5)


def test_what_a_mailbox_refuses_is_told_apart(login: dict[str, Any]) -> None:
    assert imap(login=login, folder="OTHER").reason is Reason.QUERY
    assert imap(greeting=b"* BYE full\r\n").reason is Reason.STATUS
    assert imap(greeting=b"220 smtp\r\n").reason is Reason.PROTOCOL
    login["password_file"].write_text('equi"vocada')
    assert imap(login=login).reason is Reason.LOGIN
    login["password_file"].write_text("two\nlines")
    assert imap(login=login).reason is Reason.CONFIGURATION
