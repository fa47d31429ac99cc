"""What the HTTP probe sends and where it goes: methods, headers, logins, redirects, proxies."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop
from pydantic import ValidationError

from exporters.availability.probes.result import ProbeResult, Reason
from tests.exporters.availability.components import made
from tests.exporters.availability.looking import looked_at
from tests.exporters.certificates import NAME, NOW, authority
from tests.exporters.peers import Answer, page, peer, saying


class Remembering:
    """A peer that keeps the heads of what it was asked and answers each path as told."""

    def __init__(self, **answers: bytes) -> None:
        self.heads: list[str] = []
        self.answers = {f"/{path}": answer for path, answer in answers.items()}

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        writer.write(self.answers.get(head.split()[1].split("?")[0], page()))
        await writer.drain()


def sent(remembering: Remembering, path: str = "/", **more: Any) -> ProbeResult:
    async def main() -> ProbeResult:
        async with peer(remembering) as port:
            return await looked_at(made("http", "2s", url=f"http://127.0.0.1:{port}{path}", **more))

    return uvloop.run(main())


def test_method_headers_and_body_are_sent() -> None:
    peer = Remembering()

    result = sent(peer, method="POST", headers={"X-Prueba": "sí", "user-agent": "otro"}, body="hola")

    assert result.success, result.detail
    assert peer.heads[0].startswith("POST / HTTP/1.1\r\n")
    assert "X-Prueba: sí" in peer.heads[0]
    assert "user-agent: otro" in peer.heads[0]
    assert "renteseg-monitor" not in peer.heads[0]
    assert "Content-Length: 4\r\n" in peer.heads[0]


def test_headers_of_the_answer_are_compared() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

    def reason(**headers: str) -> Reason | None:
        return sent(Remembering(**{"": answer}), expect={"headers": headers}).reason

    assert reason(**{"content-TYPE": "^application/json"}) is None
    assert reason(**{"Content-Type": "^text/html"}) is Reason.VALUE
    assert reason(**{"X-Absent": "."}) is Reason.VALUE


@pytest.mark.parametrize(
    ("key", "header"),
    [("basic", "Basic bW9uaXRvcjpzZWNyZXRh"), ("bearer_file", "Bearer secreta")],
)
def test_who_we_are_comes_from_a_file_and_is_never_told(tmp_path: Path, key: str, header: str) -> None:
    file = tmp_path / "secret"
    file.write_text("secreta\n")
    identity = {"basic": {"user": "monitor", "password_file": file}, "bearer_file": file}[key]
    peer = Remembering(**{"": page("", "401 Unauthorized")})

    result = sent(peer, **{key: identity})

    assert f"\r\nAuthorization: {header}\r\n" in peer.heads[0]
    assert result.reason is Reason.STATUS
    assert "secreta" not in str(result)
    file.unlink()
    assert sent(peer, **{key: identity}).reason is Reason.CONFIGURATION


def redirect(location: str, status: str = "302 Found") -> bytes:
    return f"HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("status", "method"),
    [
        ("301 Moved Permanently", "GET"),
        ("303 See Other", "GET"),
        ("307 Temporary Redirect", "POST"),
        ("308 Permanent Redirect", "POST"),
    ],
)
def test_redirects_are_followed_when_allowed(status: str, method: str) -> None:
    peer = Remembering(old=redirect("new?a=1", status))

    result = sent(peer, "/old", method="POST", body="x", redirects=1)

    assert result.success, result.detail
    assert peer.heads[1].startswith(f"{method} /new?a=1 ")
    assert ("Content-Length" in peer.heads[1]) is (method == "POST")


def test_a_redirect_that_is_not_allowed_is_the_answer() -> None:
    assert sent(Remembering(old=redirect("/new")), "/old", expect={"status": [302]}).success


def test_another_host_does_not_learn_who_we_are(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    elsewhere = Remembering()

    async def main() -> ProbeResult:
        async with peer(elsewhere) as other:
            here = Remembering(**{"": redirect(f"http://127.0.0.1:{other}/there")})
            async with peer(here) as port:
                url = f"http://127.0.0.1:{port}/"
                return await looked_at(made("http", "2s", url=url, redirects=2, bearer_file=tmp_path / "token"))

    assert uvloop.run(main()).success
    assert "Authorization" not in elsewhere.heads[0]


def through_proxy(proxy: Answer, url: str, **more: Any) -> ProbeResult:
    async def main() -> ProbeResult:
        async with peer(proxy) as port:
            return await looked_at(made("http", "2s", url=url, proxy=f"http://127.0.0.1:{port}", **more))

    return uvloop.run(main())


def test_a_proxy_is_told_the_whole_address() -> None:
    proxy = Remembering(**{"": page()})
    proxy.answers = {"http://renteseg.invalid:81/a": page("por el proxy")}

    result = through_proxy(proxy, "http://renteseg.invalid:81/a", expect={"body_contains": "proxy"})

    assert result.success, result.detail
    assert "\r\nHost: renteseg.invalid:81\r\n" in proxy.heads[0]


def test_https_goes_through_a_proxy_as_a_tunnel(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    asked: list[bytes] = []

    async def main() -> list[ProbeResult]:
        async with peer(saying(page()), ca.server(NOW + timedelta(days=4))) as server:

            async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                asked.append(await reader.readuntil(b"\r\n\r\n"))
                beyond = await asyncio.open_connection("127.0.0.1", server)
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(carry(reader, beyond[1]), carry(beyond[0], writer))

            async with peer(tunnel) as proxy:
                common = {"url": f"https://{NAME}/", "proxy": f"http://127.0.0.1:{proxy}", "ca_file": ca.file}
                good = await looked_at(made("http", "2s", **common))
                other = await looked_at(made("http", "2s", **common, server_name="other.example"))
                return [good, other]

    good, other = uvloop.run(main())
    assert good.success, good.detail
    assert asked[0].startswith(f"CONNECT {NAME}:443 HTTP/1.1\r\n".encode())
    assert other.reason is Reason.TLS_NAME
    assert other.certificate_expires_at == NOW + timedelta(days=4)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def test_a_proxy_that_makes_no_connection_says_so() -> None:
    result = through_proxy(saying(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "https://renteseg.invalid/")

    assert (result.reason, result.detail) == (Reason.STATUS, "the proxy answered 403 and made no connection")


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"proxy": "https://proxy/"}, "is not the http:// address of a proxy"),
        ({"proxy": "http://user:secret@proxy/"}, "carries a user or password"),
        ({"basic": {"user": "u", "password_file": "/f"}, "bearer_file": "/f"}, "not both"),
        ({"key_file": "/f"}, "without a cert_file"),
        ({"method": "BREW"}, "'GET', 'HEAD'"),
        ({"redirects": 21}, "less than or equal to 20"),
        ({"headers": {"Connection": "keep-alive"}}, "written by the probe itself"),
        ({"expect": {"headers": {"A": "("}}}, "is not a regular expression"),
        ({"expect": {"json": [{"query": "a", "equals": 1, "matches": "b"}]}}, "not both"),
        ({"expect": {"json": [{"query": "a["}]}}, "is not a JMESPath query"),
        ({"confirm": {"probes": 1, "of": 2}}, "cannot decide"),
        ({"confirm": {"probes": 3, "of": 2}}, "cannot decide"),
    ],
)
def test_what_cannot_work_is_refused(more: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        made("http", url="http://127.0.0.1/", **more)
