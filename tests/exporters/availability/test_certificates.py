"""What a probe says of certificates: the dates always, success only when all is well, by every kind that speaks TLS."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporters.availability.probes.result import Reason
from exporters.availability.watched import Watched
from tests.exporters.availability.components import made
from tests.exporters.availability.looking import look, look_at_peer
from tests.exporters.certificates import BEGINNING, NAME, NOW, Authority, authority
from tests.exporters.peers import page, saying, silence

PAST, SOON, FUTURE = NOW - timedelta(days=3), NOW + timedelta(days=3), NOW + timedelta(days=90)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("stranger"))


KINDS: dict[str, Callable[..., Watched]] = {
    "http": lambda port, **more: made("http", "2s", url=f"https://127.0.0.1:{port}/", **more),
    "tls": lambda port, **more: made("tls", "2s", address=f"127.0.0.1:{port}", **more),
    "tcp": lambda port, **more: made(
        "tcp",
        "2s",
        address=f"127.0.0.1:{port}",
        tls=True,
        talk=[{"send": "GET / HTTP/1.0\r\n\r\n"}, {"expect": "200"}],
        **more,
    ),
    "api": lambda port, **more: made("api", "2s", steps=[{"url": f"https://127.0.0.1:{port}/"}], **more),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("name", "begins_at", "expires_at", "trusted", "reason"),
    [
        (NAME, BEGINNING, FUTURE, True, None),
        (NAME, BEGINNING, PAST, True, Reason.TLS_EXPIRED),
        (NAME, SOON, FUTURE, True, Reason.TLS_EXPIRED),
        ("other.example", BEGINNING, FUTURE, True, Reason.TLS_NAME),
        (NAME, BEGINNING, FUTURE, False, Reason.TLS_UNTRUSTED),
    ],
)
def test_the_dates_are_told_whatever_the_verdict(
    ca: Authority,
    stranger: Authority,
    kind: str,
    version: ssl.TLSVersion,
    name: str,
    begins_at: datetime,
    expires_at: datetime,
    trusted: bool,
    reason: Reason | None,
) -> None:
    tls = (ca if trusted else stranger).server(expires_at, name, begins_at, version=version)

    result = look_at_peer(saying(page()), lambda port: KINDS[kind](port, ca_file=ca.file, server_name=NAME), tls)

    assert result.reason is reason, result.detail
    assert (result.certificate_begins_at, result.certificate_expires_at) == (begins_at, expires_at)


@contextmanager
def strict_server(context: ssl.SSLContext) -> Iterator[int]:
    """A server in threads, as most are written: OpenSSL itself tells the client why it is refused."""

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            if secure.recv(1000):
                secure.sendall(page())
                secure.unwrap()

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_is_missing_or_refused_is_a_login_refused(
    ca: Authority, stranger: Authority, kind: str, version: ssl.TLSVersion
) -> None:
    ours, theirs = ca.signed(FUTURE, "us.example"), stranger.signed(FUTURE, "them.example")
    with strict_server(ca.server(FUTURE, clients=ca, version=version)) as port:

        def outcome(**more: Any) -> tuple[Reason | None, datetime | None]:
            result = look(KINDS[kind](port, ca_file=ca.file, server_name=NAME, **more))
            return result.reason, result.certificate_expires_at

        assert outcome(cert_file=ours) == (None, FUTURE)
        assert outcome(cert_file=theirs) == (Reason.LOGIN, FUTURE)
        assert outcome() in {(Reason.LOGIN, FUTURE), (Reason.TLS_HANDSHAKE, FUTURE)}  # TLS 1.2 has no word for it


def test_a_certificate_may_have_to_be_valid_for_a_while(ca: Authority) -> None:
    def reason(valid_for: str) -> Reason | None:
        return look_at_peer(
            silence,
            lambda port: KINDS["tls"](port, ca_file=ca.file, server_name=NAME, expect={"valid_for": valid_for}),
            ca.server(SOON),
        ).reason

    assert reason("2d") is None
    assert reason("4d") is Reason.VALUE


def test_a_key_that_does_not_fit_is_a_fault_of_configuration(ca: Authority, tmp_path: Path) -> None:
    result = look_at_peer(
        silence, lambda port: KINDS["tls"](port, cert_file=ca.file, key_file=tmp_path / "absent"), ca.server(SOON)
    )

    assert result.reason is Reason.CONFIGURATION
