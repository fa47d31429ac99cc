"""A real SMTP server on loopback that fails as it is told to."""

import asyncio
import email
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

Answer = Callable[[str], str | None]
"""Given an address, the server's refusal, None to go on."""


KEEP_AND_DROP = "keep and drop"
"""The answer of a server that takes a mail and is gone before it says so."""


@dataclass
class Letter:
    """One mail as it was received."""

    sender: str
    to: list[str]
    body: bytes

    @property
    def mail(self) -> EmailMessage:
        found = email.message_from_bytes(self.body, policy=default)
        assert isinstance(found, EmailMessage)
        return found


@dataclass
class PostOffice:
    """What came, and what is said: of a sender, of a recipient, of a text."""

    port: int = 0
    letters: list[Letter] = field(default_factory=list)
    connections: int = 0
    of_sender: Answer = lambda _address: None
    of_recipient: Answer = lambda _address: None
    of_text: Callable[[Letter], str | None] = lambda _letter: None
    says: str = "250 2.0.0 kept"

    async def handle_EHLO(self, _s: SMTP, session: Session, _e: Envelope, hostname: str, responses: Any) -> Any:  # noqa: N802
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, _s: SMTP, _session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        if refusal := self.of_sender(address):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 ok"

    async def handle_RCPT(self, _s: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any) -> str:  # noqa: N802
        if refusal := self.of_recipient(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        letter = Letter(envelope.mail_from or "", list(envelope.rcpt_tos), envelope.original_content or b"")
        refusal = self.of_text(letter)
        if refusal == KEEP_AND_DROP:
            self.letters.append(letter)
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
            return "421 gone"
        if refusal:
            return refusal
        self.letters.append(letter)
        return self.says


@contextmanager
def post_office(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, password: str | None = None
) -> Iterator[PostOffice]:
    """A server that runs meanwhile: with STARTTLS or TLS from the start, and with a login where a password is given."""
    office = PostOffice()
    options: dict[str, Any] = {"hostname": "correo.example", "enable_SMTPUTF8": True, "data_size_limit": 1 << 26}
    if tls is not None and not implicit:
        options |= {"tls_context": tls, "require_starttls": True}
    if password is not None:
        options |= {"authenticator": _only(password), "auth_required": True, "auth_require_tls": False}
    loop, ready = asyncio.new_event_loop(), threading.Event()

    async def listen() -> None:
        server = await loop.create_server(
            lambda: SMTP(office, **options, loop=loop), "127.0.0.1", 0, ssl=tls if implicit else None
        )
        office.port = server.sockets[0].getsockname()[1]
        ready.set()

    thread = threading.Thread(target=lambda: (loop.run_until_complete(listen()), loop.run_forever()), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield office
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@contextmanager
def slow_line(port: int, after: bytes = b"") -> Iterator[int]:
    """A port on which the server's answers come a byte each half second, from the client's sending of `after` on."""
    stop = threading.Event()

    def slowly(server: socket.socket, client: socket.socket, begun: threading.Event) -> None:
        while piece := server.recv(4096):
            for one in [bytes([byte]) for byte in piece] if begun.is_set() else [piece]:
                stop.wait(0.5 if begun.is_set() else 0)
                client.sendall(one)

    def at_once(client: socket.socket, server: socket.socket, begun: threading.Event) -> None:
        while piece := client.recv(65536):
            if after in piece:
                begun.set()
            server.sendall(piece)
        server.close()

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, begun = listener.accept()[0], threading.Event()
                if not after:
                    begun.set()
                server = socket.create_connection(("127.0.0.1", port))
                for work, one, other in ((slowly, server, client), (at_once, client, server)):
                    threading.Thread(target=_until_it_ends, args=(work, one, other, begun), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        stop.set()


def _until_it_ends(work: Callable[..., None], *given: object) -> None:
    with suppress(OSError):
        work(*given)


def _only(password: str) -> Callable[..., AuthResult]:
    def fits(_server: object, _session: object, _envelope: object, _mechanism: str, given: Any) -> AuthResult:
        right = given.password == password.encode()
        return AuthResult(success=right, handled=False)

    return fits
