"""The development mail server: accepts everything, answers 250 once the mail is on the disk."""

import asyncio
from pathlib import Path

import structlog
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from simulator.mail import RECIPIENTS, keep

log = structlog.get_logger()

LARGEST_MAIL = 64 * 1024 * 1024


class MailKeeper:
    """Keeps every mail in a Maildir, under two headers that tell its envelope."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = asyncio.Lock()  # two mails at once could draw the same file name

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer 250 after the mail is durable, 451 when it could not be kept and should be sent again."""
        content = envelope.original_content or b""
        head = f"Return-Path: <{envelope.mail_from or ''}>\r\n{RECIPIENTS}: {', '.join(envelope.rcpt_tos)}\r\n"
        try:
            async with self._turn:
                await asyncio.to_thread(keep, self._folder, head.encode("utf-8", "replace") + content)
        except OSError as error:
            log.error("mail not kept", error=str(error))
            return "451 4.3.0 the mail could not be stored, try again"
        log.info("mail kept", recipients=len(envelope.rcpt_tos))
        return "250 2.0.0 kept"


async def serve_mail(host: str, port: int, folder: Path) -> asyncio.Server:
    """Start listening; raises OSError when the port is taken. Any user and password are welcome."""
    keeper = MailKeeper(folder)
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
