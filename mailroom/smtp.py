"""One connection to the server that takes our mail: what it says of each recipient, in named outcomes."""

import re
import smtplib
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from incident_store.mail_ways import Trouble
from incident_store.outbox import Outcome
from mailroom.contacts import Outgoing
from mailroom.ways import WayClosed, context, name, named_reasons, one_line, password

Outcomes = Mapping[str, tuple[Outcome, str]]

LOGIN_WANTED = {530, 534, 535, 538}
GREETING, CLOSING = 220, 421
MAY_HAVE_ARRIVED = "; the mail may have arrived"
MAILBOX_FULL = re.compile(rb"^[45]\.2\.2\b")
TOO_LARGE = re.compile(rb"^5\.3\.4\b|size", re.IGNORECASE)
PATIENCE = 6
"""So many timeouts may pass until a connection is open, or a mail handed over, however steadily the server answers."""


class Lost(Exception):
    """The connection ended in the middle of a mail; the text says whether it may have arrived."""


class Outlet:
    """A connection, opened with the first mail and used for the next ones."""

    def __init__(self, server: Outgoing, hello: str) -> None:
        self._server = server
        self._hello = hello
        self._smtp: smtplib.SMTP | None = None

    def send(self, sender: str, recipients: Sequence[str], mail: bytes) -> Outcomes:
        """Hand over one mail; returns what became of each recipient.

        Raises WayClosed when the server takes no mail from us at all, Lost when the connection ended on the way.
        """
        smtp = self._smtp or self._open()
        try:
            with self._patience(smtp):
                return self._hand_over(smtp, sender, recipients, mail)
        except OSError as error:
            self.close()
            raise Lost(f"{name(self._server)}: {one_line(str(error)) or 'connection lost'}") from error

    def close(self) -> None:
        """End the connection."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            try:
                with self._patience(smtp):
                    smtp.quit()
            except OSError:
                smtp.close()

    def _open(self) -> smtplib.SMTP:
        try:
            with named_reasons(self._server):
                self._smtp = smtp = self._client()
                with self._patience(smtp):
                    self._connect(smtp)
                    self._log_in(smtp)
        except WayClosed:
            self.close()
            raise
        return smtp

    @contextmanager
    def _patience(self, smtp: smtplib.SMTP) -> Iterator[None]:
        """Cut the connection when this takes too long: a timeout begins anew with each byte of an answer."""
        cut = threading.Event()
        timer = threading.Timer(PATIENCE * self._server.timeout, lambda: _cut(smtp, cut))
        timer.daemon = True
        timer.start()
        try:
            yield
        except OSError as error:
            if not cut.is_set():
                raise
            arrived = MAY_HAVE_ARRIVED if str(error).endswith(MAY_HAVE_ARRIVED) else ""
            raise TimeoutError(f"it answers too slowly{arrived}") from error
        finally:
            timer.cancel()

    def _client(self) -> smtplib.SMTP:
        """Not yet connected, so that it can be cut while it is greeted."""
        server, hello, timeout = self._server, self._hello, self._server.timeout
        if server.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(local_hostname=hello, timeout=timeout, context=context(server))
        else:
            smtp = smtplib.SMTP(local_hostname=hello, timeout=timeout)
        smtp._host = server.host  # type: ignore[attr-defined]  # what the certificate must say; nothing else sets it
        return smtp

    def _connect(self, smtp: smtplib.SMTP) -> None:
        server = self._server
        code, said = smtp.connect(server.host, server.port)
        if code != GREETING:
            raise WayClosed(Trouble.REFUSED, name(server), f"{code} {one_line(said)}")
        if server.security == "starttls":
            try:
                smtp.starttls(context=context(server))
            except smtplib.SMTPNotSupportedError as error:
                raise WayClosed(Trouble.TLS, name(server), "it does not offer STARTTLS") from error

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        login = self._server.login
        if login is None:
            return
        try:
            smtp.login(login.user, password(self._server))
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as error:
            said = f"it refuses the login of {login.user}: {_said(error)}"
            raise WayClosed(Trouble.LOGIN, name(self._server), said) from error

    def _hand_over(self, smtp: smtplib.SMTP, sender: str, recipients: Sequence[str], mail: bytes) -> Outcomes:
        size = [f"size={len(mail)}"] if smtp.has_extn("size") else []
        code, said = smtp.mail(sender, size)
        if code != 250:
            return self._refused(code, said, recipients)
        outcomes: dict[str, tuple[Outcome, str]] = {}
        for recipient in recipients:
            outcomes[recipient] = self._outcome(*smtp.rcpt(recipient))
        taken = [recipient for recipient, (outcome, _said) in outcomes.items() if outcome is Outcome.SENT]
        if not taken:
            smtp.rset()
            return outcomes
        try:
            final = self._outcome(*smtp.data(mail))
        except smtplib.SMTPDataError as error:
            final = self._outcome(error.smtp_code, _bytes(error.smtp_error))
        except OSError as error:
            raise OSError(f"{error}{MAY_HAVE_ARRIVED}") from error
        return {**outcomes, **dict.fromkeys(taken, final)}

    def _refused(self, code: int, said: bytes, recipients: Sequence[str]) -> Outcomes:
        """The sender was not taken: a mail that is too large is its own fault, everything else concerns all mails."""
        if code == CLOSING or 400 <= code < 500:
            self.close()
            return dict.fromkeys(recipients, (Outcome.PENDING, f"{code} {one_line(said)}"))
        if code == 552 or TOO_LARGE.search(said):
            return dict.fromkeys(recipients, (Outcome.FAILED, f"{code} {one_line(said)}"))
        trouble = Trouble.LOGIN if code in LOGIN_WANTED else Trouble.REFUSED
        self.close()
        raise WayClosed(trouble, name(self._server), f"{code} {one_line(said)}")

    def _outcome(self, code: int, said: bytes) -> tuple[Outcome, str]:
        if code == CLOSING:
            raise OSError(f"421 {one_line(said)}")
        words = f"{code} {one_line(said)}"
        if 200 <= code < 300:
            return Outcome.SENT, words
        waits = code < 500 or MAILBOX_FULL.search(said)  # a full mailbox is emptied sooner or later
        return (Outcome.PENDING if waits else Outcome.FAILED), words


def _cut(smtp: smtplib.SMTP, cut: threading.Event) -> None:
    cut.set()
    if smtp.sock is not None:
        with suppress(OSError):
            socket.socket.shutdown(smtp.sock, socket.SHUT_RDWR)  # of the connection itself, with TLS around it or not


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {one_line(_bytes(error.smtp_error))}"
    return one_line(str(error))


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()
