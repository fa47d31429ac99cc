"""HTTP and HTTPS: one GET on a connection of its own, no redirects, an answer of bounded size."""

import re
import ssl
from email.message import Message

import h11
import httpx

from exporters.availability.probes.connection import TLS_REASONS, Streams, connected, secured, trust
from exporters.availability.probes.result import REACHING, Attempt, Phase, ProbeFailed, Reason
from exporters.availability.targets import HttpComponent, HttpExpectation

FIRST_PHASE = Phase.RESOLVE
REASONS = REACHING | TLS_REASONS | {Reason.RESET, Reason.TIMEOUT_RESPONSE, Reason.PROTOCOL, Reason.STATUS, Reason.BODY}
BODY_LIMIT = 256 * 1024
"""Bytes of body that are read; expectations are about these."""
READ_SIZE = 64 * 1024


async def probe(component: HttpComponent, attempt: Attempt) -> None:
    """GET the URL and compare the answer with what is expected; raises ProbeFailed."""
    url = httpx.URL(component.url)
    context = trust(component.ca_file) if url.scheme == "https" else None
    async with connected(*component.endpoint, attempt) as streams:
        if context:
            await secured(streams, context, component.server_name or url.host, attempt)
        attempt.enter(Phase.REQUEST)
        response, body = await _answer(streams, url, attempt)
    _judge(response, body, component.expect)


async def _answer(streams: Streams, url: httpx.URL, attempt: Attempt) -> tuple[h11.Response, bytes]:
    """The response and the first part of its body; raises ProbeFailed."""
    try:
        return await _exchange(streams, url, attempt)
    except h11.ProtocolError as error:
        raise ProbeFailed(Reason.PROTOCOL, f"the answer is not HTTP: {error}") from error
    except TimeoutError:
        raise  # the runner names the phase
    except ssl.SSLError as error:
        raise ProbeFailed(Reason.TLS_HANDSHAKE, f"TLS ended: {error.reason or error}") from error
    except OSError as error:
        raise ProbeFailed(Reason.RESET, "the connection ended before the answer was complete") from error


async def _exchange(streams: Streams, url: httpx.URL, attempt: Attempt) -> tuple[h11.Response, bytes]:
    reader, writer = streams
    peer = h11.Connection(h11.CLIENT)
    writer.write(_request(peer, url))
    await writer.drain()
    response: h11.Response | None = None
    body = bytearray()
    while len(body) < BODY_LIMIT:
        event = peer.next_event()
        if event is h11.NEED_DATA:
            received = await reader.read(READ_SIZE)
            if not received and (response is None or not _ends_with_the_connection(response)):
                raise ConnectionResetError
            if attempt.phase is Phase.REQUEST and not b"HTTP/".startswith(received[:5]):
                raise ProbeFailed(Reason.PROTOCOL, "the answer does not begin as HTTP does")
            if received:
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


def _request(peer: h11.Connection, url: httpx.URL) -> bytes:
    headers = [
        ("Host", url.netloc.decode("ascii")),
        ("User-Agent", "renteseg-monitor"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]
    request = peer.send(h11.Request(method="GET", target=url.raw_path, headers=headers))
    return (request or b"") + (peer.send(h11.EndOfMessage()) or b"")


def _ends_with_the_connection(response: h11.Response) -> bool:
    """Whether the body has neither length nor chunks, so that only closing ends it (RFC 9112, 6.3)."""
    names = {name for name, _ in response.headers}
    return b"content-length" not in names and b"transfer-encoding" not in names


def _judge(response: h11.Response, body: bytes, expect: HttpExpectation) -> None:
    if response.status_code not in expect.status:
        wanted = ", ".join(str(status) for status in expect.status)
        raise ProbeFailed(Reason.STATUS, f"status {response.status_code}, expected {wanted}")
    if expect.body_contains is None and expect.body_regex is None:
        return
    text = _text(response, body)
    if expect.body_contains is not None and expect.body_contains not in text:
        raise ProbeFailed(Reason.BODY, f"the body does not contain {expect.body_contains!r}")
    if expect.body_regex is not None and not re.search(expect.body_regex, text):
        raise ProbeFailed(Reason.BODY, f"the body does not match {expect.body_regex!r}")


def _text(response: h11.Response, body: bytes) -> str:
    """The body in the charset that the answer declares, if we know it; in UTF-8 otherwise."""
    header = Message()
    header["Content-Type"] = dict(response.headers).get(b"content-type", b"").decode("latin-1")
    try:
        return body.decode(header.get_content_charset("utf-8"), errors="replace")
    except LookupError:
        return body.decode("utf-8", errors="replace")
