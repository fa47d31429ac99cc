"""The development mail server: accepts everything, answers 250 once the mail is on the disk."""

import asyncio
from pathlib import Path

import structlog
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from simulator.imap import Inbox
from simulator.mail import RECIPIENTS, keep

log = structlog.get_logger()

LARGEST_MAIL = 64 * 1024 * 1024


class MailKeeper:
    """Keeps every mail in a Maildir, under two headers that tell its envelope; hands what is for `inbox` to it."""

    def __init__(self, folder: Path, inbox: Inbox) -> None:
        self._folder = folder
        self._inbox = inbox
        self._turn = asyncio.Lock()  # two mails at once could draw the same file name

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer 250 after the mail is durable, 451 when it could not be kept and should be sent again."""
        head = f"Return-Path: <{envelope.mail_from or ''}>\r\n{RECIPIENTS}: {', '.join(envelope.rcpt_tos)}\r\n"
        body = head.encode("utf-8", "replace") + (envelope.original_content or b"")
        try:
            async with self._turn:
                await asyncio.to_thread(keep, self._folder, body)
        except OSError as error:
            log.error("mail not kept", error=str(error))
            return "451 4.3.0 the mail could not be stored, try again"
        await self._inbox.take(envelope.rcpt_tos, body)
        log.info("mail kept", recipients=len(envelope.rcpt_tos))
        return "250 2.0.0 kept"


async def serve_mail(host: str, port: int, folder: Path, inbox: Inbox) -> asyncio.Server:
    """Start listening; raises OSError when the port is taken. Any user and password are welcome."""
    keeper = MailKeeper(folder, inbox)
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _protocol(keeper), host, port)


def _protocol(keeper: MailKeeper) -> SMTP:
    return SMTP(
        keeper,
        hostname="correo.renteseg.example",
        ident="renteseg development mail",
        data_size_limit=LARGEST_MAIL,
        enable_SMTPUTF8=True,
        authenticator=lambda *_: AuthResult(success=True),
        auth_require_tls=False,
    )
