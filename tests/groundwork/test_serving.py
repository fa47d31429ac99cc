"""Our pages: both formats, TLS and logins as Prometheus configures them, and scrapers that are slow or silent."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from datetime import timedelta
from pathlib import Path

import bcrypt
import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from groundwork.problems import ConfigurationError
from groundwork.serving import Render, health_app, serve_beside
from groundwork.web_config import read_web_config
from tests.exporters.certificates import NOW, Authority, authority
from tests.processes import free_ports

PASSWORD = "una clave larga"
LOGIN = ("prometheus", PASSWORD)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def web_config(ca: Authority, tmp_path: Path) -> Path:
    """TLS with a certificate for localhost, and one user."""
    (tmp_path / "server.pem").write_bytes(ca.signed(NOW + timedelta(days=2), "localhost").read_bytes())
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode()
    path = tmp_path / "web.yml"
    path.write_text(
        "tls_server_config: {cert_file: server.pem, key_file: server.pem}\n"
        f"basic_auth_users: {{prometheus: '{hashed}'}}\n"
    )
    return path


def registry() -> CollectorRegistry:
    own = CollectorRegistry()
    Counter("renteseg_things", "Things.", registry=own).inc()
    return own


def served(metrics: CollectorRegistry | Render, web: Path | None = None) -> int:
    [port] = free_ports(1)
    serve_beside(health_app("test", metrics, lambda: None), "127.0.0.1", port, web_config=web)
    return port


def test_metrics_come_in_the_format_that_is_asked_for() -> None:
    url = f"http://127.0.0.1:{served(registry())}/metrics"

    plain, openmetrics = (
        httpx.get(url, headers={"Accept": accept}) for accept in ("*/*", "application/openmetrics-text; version=1.0.0")
    )

    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")


def test_pages_are_encrypted_and_ask_for_a_login(ca: Authority, web_config: Path) -> None:
    url = f"https://localhost:{served(registry(), web_config)}/metrics"
    trusted = ssl.create_default_context(cafile=ca.file)

    with httpx.Client(verify=trusted) as client:
        assert client.get(url, auth=LOGIN).status_code == 200
        assert client.get(url, auth=LOGIN).status_code == 200  # and again on the same connection
        for wrong in (None, ("prometheus", "otra"), ("otro", PASSWORD)):
            answer = client.get(url, auth=wrong)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic")
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)  # a client that does not trust us
    with pytest.raises(httpx.TransportError):
        httpx.get(url.replace("https", "http"))


def test_clients_may_have_to_show_a_certificate(ca: Authority, web_config: Path) -> None:
    text = web_config.read_text().replace(
        "key_file: server.pem",
        f"key_file: server.pem, client_auth_type: RequireAndVerifyClientCert, client_ca_file: {ca.file}",
    )
    web_config.write_text(text)
    url = f"https://localhost:{served(registry(), web_config)}/metrics"
    ours = ssl.create_default_context(cafile=ca.file)
    ours.load_cert_chain(ca.signed(NOW + timedelta(days=2), "prometheus"))

    assert httpx.get(url, auth=LOGIN, verify=ours).status_code == 200
    with pytest.raises(httpx.TransportError):
        httpx.get(url, auth=LOGIN, verify=ssl.create_default_context(cafile=ca.file))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("basic_auth_users: {a: plain}", "is not a bcrypt hash"),
        ("tls_server_config: {cert_file: a.pem}", "'key_file' is missing"),
        ("tls_server_config: {cert_file: absent.pem, key_file: absent.pem}", "No such file"),
        ("tls_server_config: {cert_file: a, key_file: a, client_auth_type: Maybe}", "NoClientCert"),
        ("tls_server_config: {cert_file: a, key_file: a, client_ca_file: a}", "need each other"),
        ("tls_server: {}", "did you mean 'tls_server_config'?"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "web.yml").write_text(text)

    with pytest.raises(ConfigurationError, match=complaint.replace("?", r"\?")):
        read_web_config(tmp_path / "web.yml")


@pytest.fixture
def big() -> Render:
    pieces = [b"x" * 65536] * 400  # 26 MB: more than any socket buffer takes

    def render(_accept: str) -> tuple[list[bytes], str]:
        return pieces, "text/plain"

    return render


@pytest.fixture(params=["plain", "encrypted"])
def crowded(
    request: pytest.FixtureRequest, big: Render, ca: Authority, web_config: Path
) -> Iterator[tuple[str, ssl.SSLContext]]:
    """A server with thirty scrapers that ask and do not read, and thirty that do not even ask."""
    trusted = ssl.create_default_context(cafile=ca.file)
    encrypted = request.param == "encrypted"
    web_config.write_text(web_config.read_text().split("basic_auth_users")[0])
    port = served(big, web_config if encrypted else None)
    with ExitStack() as stack:
        for number in range(60):
            connection = socket.create_connection(("127.0.0.1", port))
            if encrypted and number < 45:  # fifteen do not even shake hands
                connection = trusted.wrap_socket(connection, server_hostname="localhost")
            stack.enter_context(closing(connection))
            if number < 30:
                connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.5)
        yield f"{'https' if encrypted else 'http'}://localhost:{port}", trusted


def test_slow_and_silent_scrapers_delay_no_other(crowded: tuple[str, ssl.SSLContext]) -> None:
    url, trusted = crowded

    with httpx.Client(verify=trusted, timeout=20) as client:
        assert client.get(f"{url}/healthz").text == "ok\n"
        assert len(client.get(f"{url}/metrics").content) == 400 * 65536


def test_a_port_that_is_taken_is_told_also_behind_tls(web_config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Exception, match="cannot listen"):
        app = health_app("test", registry(), lambda: None)
        serve_beside(app, "127.0.0.1", taken.getsockname()[1], web_config=web_config)
    with suppress(OSError):
        taken.close()
