"""Reaching a peer: name, connection and TLS, each a phase of its own."""

import asyncio
import functools
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from cryptography import x509

from exporters.availability.probes.result import Attempt, Phase, ProbeFailed, Reason

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

VERDICTS = {  # OpenSSL's X509_V_ERR_* codes
    10: Reason.TLS_EXPIRED,
    62: Reason.TLS_NAME,
    64: Reason.TLS_NAME,
}
TLS_REASONS = frozenset(
    {
        Reason.TIMEOUT_TLS,
        Reason.TLS_HANDSHAKE,
        Reason.TLS_EXPIRED,
        Reason.TLS_UNTRUSTED,
        Reason.TLS_NAME,
    }
)


@asynccontextmanager
async def connected(host: str, port: int, attempt: Attempt) -> AsyncIterator[Streams]:
    """A connection to the first address of `host` that accepts; dropped, not waited for, at the end."""
    addresses = await _resolve(host, port)
    attempt.enter(Phase.CONNECT)
    reader, writer = await _connect(addresses, port, attempt)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _resolve(host: str, port: int) -> list[str]:
    """The addresses of `host` in the order the system prefers; a literal address needs no asking."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ProbeFailed(Reason.RESOLVE, f"{host} does not resolve: {error.strerror or error}") from error
    except UnicodeError as error:
        raise ProbeFailed(Reason.RESOLVE, f"{host} is not a host name") from error
    return list(dict.fromkeys(str(address[4][0]) for address in found))


async def _connect(addresses: list[str], port: int, attempt: Attempt) -> Streams:
    """The first address that accepts; each may take its share of the time left."""
    failure = ProbeFailed(Reason.RESOLVE, "the name has no address")
    for position, address in enumerate(addresses):
        share = attempt.remaining / (len(addresses) - position)
        try:
            async with asyncio.timeout(share):
                return await asyncio.open_connection(address, port)
        except ConnectionRefusedError:
            failure = ProbeFailed(Reason.REFUSED, f"{address} port {port} refused the connection")
        except TimeoutError:
            failure = ProbeFailed(Reason.TIMEOUT_CONNECT, f"{address} port {port} did not accept in time")
        except OSError as error:
            what = error.strerror or str(error)
            failure = ProbeFailed(Reason.UNREACHABLE, f"{address} port {port} cannot be reached: {what}")
    raise failure


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """A context that trusts `ca_file`, or the system's authorities; raises ProbeFailed if it is unusable."""
    try:
        return _context(ca_file, ca_file.stat().st_mtime_ns if ca_file else 0)
    except OSError as error:  # ssl.SSLError is one
        raise ProbeFailed(Reason.CONFIGURATION, f"{ca_file} cannot be used: {error.strerror or error}") from error


@functools.lru_cache(maxsize=256)
def _context(ca_file: Path | None, _written_at: int) -> ssl.SSLContext:
    """Read once for each state of the file: reading the system's authorities takes tens of milliseconds."""
    return ssl.create_default_context(cafile=ca_file)


async def secured(streams: Streams, context: ssl.SSLContext, name: str, attempt: Attempt) -> None:
    """TLS on the connection, verified; `attempt` learns when the certificate expires."""
    attempt.enter(Phase.TLS)
    _, writer = streams
    host, port = writer.get_extra_info("peername")[:2]
    try:
        await writer.start_tls(context, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        attempt.certificate_expires_at = await _expiry_unverified(host, port, name, attempt)
        reason = VERDICTS.get(error.verify_code, Reason.TLS_UNTRUSTED)
        raise ProbeFailed(reason, f"the certificate is not accepted: {error.verify_message}") from error
    except (ssl.SSLError, ConnectionError, EOFError) as error:
        what = getattr(error, "reason", None) or error
        raise ProbeFailed(Reason.TLS_HANDSHAKE, f"no TLS handshake: {what or 'connection lost'}") from error
    attempt.certificate_expires_at = _expiry(writer)


async def _expiry_unverified(host: str, port: int, name: str, attempt: Attempt) -> datetime | None:
    """A second look at a certificate that was refused, only to read its date; half of the time left at most."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(attempt.remaining / 2):
            _, writer = await asyncio.open_connection(host, port)
            try:
                await writer.start_tls(context, server_hostname=name)
                return _expiry(writer)
            finally:
                writer.transport.abort()
    except (OSError, EOFError, ValueError):  # TimeoutError and ssl.SSLError are OSErrors
        return None


def _expiry(writer: asyncio.StreamWriter) -> datetime | None:
    """When the peer's certificate expires, as it says itself; None when it cannot be read."""
    encoded = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    try:
        return x509.load_der_x509_certificate(encoded).not_valid_after_utc
    except ValueError:
        return None
