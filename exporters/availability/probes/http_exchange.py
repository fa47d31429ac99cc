"""One HTTP request on a connection of its own, through a proxy if need be, and an answer of bounded size."""

import asyncio
import re
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache

import h11
import httpx

from exporters.availability.probes.connection import Streams, connected
from exporters.availability.probes.lines import conversation, send
from exporters.availability.probes.result import Attempt, Phase, ProbeFailed, Reason
from exporters.availability.probes.securing import secured
from exporters.availability.watched import web_endpoint

BODY_LIMIT = 256 * 1024
"""Bytes of body that are read, and that are unpacked of a compressed one; expectations are about these."""
READ_SIZE = 64 * 1024
USUAL = {"User-Agent": "renteseg-monitor", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
PROXY_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")

parsed = lru_cache(maxsize=65536)(httpx.URL)
"""URLs are read once: a probe a minute of the same one need not pay for it again."""


@dataclass(frozen=True)
class Ask:
    """What is sent: `headers` beside or instead of the usual ones."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Way:
    """How a server is reached: `context` for https, the `server_name` to expect if not the URL's, a proxy's URL."""

    context: ssl.SSLContext | None
    server_name: str | None = None
    proxy: str | None = None


@dataclass(frozen=True)
class Answer:
    """What came back; the names of headers are lower case, `body` is its first part, unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body in the charset that the answer declares, if we know it; in UTF-8 otherwise."""
        if "charset" not in self.headers.get("content-type", "").lower():
            return self.body.decode("utf-8", errors="replace")
        header = Message()
        header["Content-Type"] = self.headers.get("content-type", "")
        try:
            return self.body.decode(header.get_content_charset("utf-8"), errors="replace")
        except LookupError:
            return self.body.decode("utf-8", errors="replace")


async def asked(ask: Ask, way: Way, attempt: Attempt) -> Answer:
    """Connect, send, read; raises ProbeFailed."""
    url = parsed(ask.url)
    secure = url.scheme == "https"
    async with connected(*web_endpoint(way.proxy or ask.url), attempt) as streams:
        if secure:
            await _secure(streams, url, way, attempt)
        attempt.enter(Phase.REQUEST)
        attempt.tell("%s %s", ask.method, url)
        target = url.raw_path if secure or not way.proxy else ask.url.encode("ascii")
        answer = await _answer(streams, ask, target, attempt)
    attempt.tell("status %s, %s bytes of body, %s", answer.status, len(answer.body), _shown(answer.headers))
    return answer


async def _secure(streams: Streams, url: httpx.URL, way: Way, attempt: Attempt) -> None:
    assert way.context
    if not way.proxy:
        await secured(streams, way.context, way.server_name or url.host, attempt)
        return
    await _through_proxy(streams, url)

    async def reopened() -> Streams:
        host, port = streams[1].get_extra_info("peername")[:2]
        again = await asyncio.open_connection(host, port)
        await _through_proxy(again, url)
        return again

    await secured(streams, way.context, way.server_name or url.host, attempt, reopened)


async def _through_proxy(streams: Streams, url: httpx.URL) -> None:
    """Ask the proxy for a connection to the server (RFC 9110, 9.3.6)."""
    host, port = web_endpoint(str(url))
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with conversation():
        await send(streams, f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode("ascii"))
        try:
            head = await streams[0].readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise ProbeFailed(Reason.PROTOCOL, "the proxy's answer has no end") from error
    status = PROXY_STATUS.match(head)
    if not status:
        raise ProbeFailed(Reason.PROTOCOL, "the proxy's answer is not HTTP")
    if not 200 <= int(status[1]) < 300:
        raise ProbeFailed(Reason.STATUS, f"the proxy answered {int(status[1])} and made no connection")


async def _answer(streams: Streams, ask: Ask, target: bytes, attempt: Attempt) -> Answer:
    try:
        with conversation():
            response, body = await _exchange(streams, ask, target, attempt)
    except h11.LocalProtocolError as error:
        raise ProbeFailed(Reason.CONFIGURATION, f"the request cannot be sent: {error}") from error
    except h11.RemoteProtocolError as error:
        raise ProbeFailed(Reason.PROTOCOL, f"the answer is not HTTP: {error}") from error
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
    return Answer(response.status_code, headers, _unpacked(body, headers.get("content-encoding", "")))


async def _exchange(streams: Streams, ask: Ask, target: bytes, attempt: Attempt) -> tuple[h11.Response, bytes]:
    peer = h11.Connection(h11.CLIENT)
    await send(streams, _request(peer, ask, target))
    response: h11.Response | None = None
    body = bytearray()
    while len(body) < BODY_LIMIT:
        event = peer.next_event()
        if event is h11.NEED_DATA:
            received = await streams[0].read(READ_SIZE)
            if not received and (response is None or not _ends_with_the_connection(response)):
                raise ConnectionResetError
            if attempt.phase is Phase.REQUEST and not b"HTTP/".startswith(received[:5]):
                raise ProbeFailed(Reason.PROTOCOL, "the answer does not begin as HTTP does")
            if received and attempt.phase is Phase.REQUEST:
                attempt.enter(Phase.RESPONSE)
            peer.receive_data(received)
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            break
    assert response is not None  # h11 gives no body and no end before the response
    return response, bytes(body)


def _request(peer: h11.Connection, ask: Ask, target: bytes) -> bytes:
    length = len(ask.body) if ask.body or ask.method in ("POST", "PUT", "PATCH") else None
    head = peer.send(_head(ask.method, ask.url, target, tuple(ask.headers.items()), length))
    body = peer.send(h11.Data(data=ask.body)) if ask.body else b""
    return (head or b"") + (body or b"") + (peer.send(h11.EndOfMessage()) or b"")


@lru_cache(maxsize=16384)
def _head(method: str, url: str, target: bytes, given: tuple[tuple[str, str], ...], length: int | None) -> h11.Request:
    """The head of a request, checked once: the same one is sent at every probe."""
    names = {name.lower() for name, _ in given}
    headers = {} if "host" in names else {"Host": parsed(url).netloc.decode("ascii")}
    headers |= {name: value for name, value in USUAL.items() if name.lower() not in names}
    headers |= dict(given)
    if length is not None:
        headers["Content-Length"] = str(length)
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    return h11.Request(method=method, target=target, headers=encoded)


def _ends_with_the_connection(response: h11.Response) -> bool:
    """Whether the body has neither length nor chunks, so that only closing ends it (RFC 9112, 6.3)."""
    names = {name for name, _ in response.headers}
    return b"content-length" not in names and b"transfer-encoding" not in names


def _unpacked(body: bytes, coding: str) -> bytes:
    """The body without the compression that some servers use unasked; never more than the limit of it."""
    if coding.lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, BODY_LIMIT)
    except zlib.error as error:
        raise ProbeFailed(Reason.PROTOCOL, f"the body is not the {coding} it claims to be") from error


def _shown(headers: Mapping[str, str]) -> str:
    """The headers that help to understand an answer; cookies and the like stay out of an account."""
    telling = ("content-type", "content-encoding", "location", "server", "retry-after", "www-authenticate", "via")
    return ", ".join(f"{name}: {headers[name]}" for name in telling if name in headers) or "no telling headers"
