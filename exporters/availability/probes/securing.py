"""TLS on a connection, verified, with the dates of the certificate also when it is refused."""

import asyncio
import functools
import ssl
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from cryptography import x509

from exporters.availability.probes.connection import Streams
from exporters.availability.probes.result import Attempt, Phase, ProbeFailed, Reason
from exporters.availability.watched import Secured

VERDICTS = {  # OpenSSL's X509_V_ERR_* codes
    9: Reason.TLS_EXPIRED,
    10: Reason.TLS_EXPIRED,
    62: Reason.TLS_NAME,
    64: Reason.TLS_NAME,
}
REFUSALS = (  # what OpenSSL calls the alerts by which a peer refuses our own certificate, or misses it
    "CERTIFICATE_REQUIRED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_CERTIFICATE",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_ACCESS_DENIED",
    "ALERT_DECRYPT_ERROR",  # signed by nobody it knows
)

READ_SIZE = 64 * 1024

Reopening = Callable[[], Awaitable[Streams]]
"""Another connection to the same peer, as far as the handshake: a refused certificate is looked at a second time."""


def trust(ca_file: Path | None, cert_file: Path | None = None, key_file: Path | None = None) -> ssl.SSLContext:
    """A context that trusts `ca_file`, or the system's authorities, and shows `cert_file`; raises ProbeFailed."""
    try:
        written_at = tuple(file.stat().st_mtime_ns if file else 0 for file in (ca_file, cert_file, key_file))
        return _context(ca_file, cert_file, key_file, written_at)
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(str(file) for file in (ca_file, cert_file, key_file) if file)
        raise ProbeFailed(Reason.CONFIGURATION, f"{files} cannot be used: {error.strerror or error}") from error


@functools.lru_cache(maxsize=256)
def _context(
    ca_file: Path | None, cert_file: Path | None, key_file: Path | None, _written_at: tuple[int, ...]
) -> ssl.SSLContext:
    """Read once for each state of the files: reading the system's authorities takes tens of milliseconds."""
    context = ssl.create_default_context(cafile=ca_file)
    if cert_file:
        context.load_cert_chain(cert_file, key_file, password="")
    return context


@functools.lru_cache(maxsize=1)
def _blind_context() -> ssl.SSLContext:
    """Accepts whatever is shown; used only to read the dates of what was refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def context_of(component: Secured) -> ssl.SSLContext:
    """The context that a component's files ask for; raises ProbeFailed."""
    return trust(component.ca_file, component.cert_file, component.key_file)


async def secured(
    streams: Streams, context: ssl.SSLContext, name: str, attempt: Attempt, reopened: Reopening | None = None
) -> None:
    """TLS on the connection, verified; `attempt` learns the dates of the certificate. Raises ProbeFailed."""
    attempt.enter(Phase.TLS)
    _, writer = streams
    host, port = writer.get_extra_info("peername")[:2]
    try:
        await writer.start_tls(context, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        await _look_again(reopened or (lambda: asyncio.open_connection(host, port)), name, attempt)
        reason = VERDICTS.get(error.verify_code, Reason.TLS_UNTRUSTED)
        raise ProbeFailed(reason, f"the certificate is not accepted: {error.verify_message}") from error
    except TimeoutError:
        raise  # the runner names the phase
    except (ssl.SSLError, ConnectionError, EOFError) as error:
        if "ALERT" in str(getattr(error, "reason", "")):
            await _look_again(reopened or (lambda: asyncio.open_connection(host, port)), name, attempt)
        raise tls_failure(error) from error
    _note_dates(writer, attempt)


def tls_failure(error: Exception) -> ProbeFailed:
    """What an error of OpenSSL or a lost connection means in the handshake or after it."""
    what = str(getattr(error, "reason", None) or error or "connection lost")
    if any(refusal in what for refusal in REFUSALS):
        return ProbeFailed(Reason.LOGIN, f"the peer does not accept our client certificate: {what}")
    return ProbeFailed(Reason.TLS_HANDSHAKE, f"no TLS: {what}")


async def _look_again(reopened: Reopening, name: str, attempt: Attempt) -> None:
    """A second look at the certificate of a failed handshake, only to read its dates; half of the time left at most."""
    try:
        async with asyncio.timeout(attempt.remaining / 2):
            streams = await reopened()
            try:
                attempt.saw_certificate(*_dates(await _shown_certificate(streams, name)))
            finally:
                streams[1].transport.abort()
    except (OSError, EOFError, ValueError, ProbeFailed):  # TimeoutError and ssl.SSLError are OSErrors
        attempt.tell("the certificate of the failed handshake could not be read")


async def _shown_certificate(streams: Streams, name: str) -> bytes:
    """The first certificate that the peer shows, wherever its handshake ends; raises EOFError when it shows none."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = _blind_context().wrap_bio(incoming, outgoing, server_hostname=name)
    over = False
    while not over:
        try:
            tls.do_handshake()
            over = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            over = True
        shown = tls._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # public from Python 3.13 on
        if shown:
            encoded: bytes = ssl.PEM_cert_to_DER_cert(shown[0].public_bytes())
            return encoded
        if streams[1].transport.is_closing():
            raise EOFError
        streams[1].write(outgoing.read())
        received = await streams[0].read(READ_SIZE)
        incoming.write(received)
        over = over or not received
    raise EOFError


def _note_dates(writer: asyncio.StreamWriter, attempt: Attempt) -> None:
    """The dates of the peer's certificate, as it says itself; nothing when it cannot be read."""
    tls = writer.get_extra_info("ssl_object")
    try:
        begins_at, expires_at = _dates(tls.getpeercert(binary_form=True))
    except ValueError:
        return
    attempt.saw_certificate(begins_at, expires_at)
    attempt.tell("%s %s, certificate from %s until %s", tls.version(), tls.cipher()[0], begins_at, expires_at)


@functools.lru_cache(maxsize=1024)
def _dates(encoded: bytes) -> tuple[datetime, datetime]:
    certificate = x509.load_der_x509_certificate(encoded)
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc
