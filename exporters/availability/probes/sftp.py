"""SFTP: log in with a key or a password, list a folder, and if asked write a file, read it back and delete it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import model_validator

from exporters.availability.probes.connection import connected_socket, secret
from exporters.availability.probes.result import ANSWERING, REACHING, Attempt, Phase, ProbeFailed, Reason
from exporters.availability.watched import Address, Watched, split_address

if TYPE_CHECKING:
    import asyncssh

FIRST_PHASE = Phase.RESOLVE
REASONS = REACHING | ANSWERING | {Reason.TLS_HANDSHAKE, Reason.TLS_UNTRUSTED, Reason.LOGIN, Reason.QUERY, Reason.VALUE}
CONTENT = b"renteseg-monitor\n"
TIDYING = 0.02
"""Seconds after the deadline that a peer has to close and delete what the probe opened."""


class SftpComponent(Watched):
    """A file server. `known_hosts_file` says which host keys it may show; without it any is accepted."""

    kind: Literal["sftp"]
    address: Address
    user: str
    password_file: Path | None = None
    key_file: Path | None = None
    known_hosts_file: Path | None = None
    folder: str = "."
    write: bool = False

    @model_validator(mode="after")
    def _has_one_identity(self) -> Self:
        if (self.password_file is None) == (self.key_file is None):
            raise ValueError("needs either a password_file or a key_file")
        return self

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port that are connected to."""
        return split_address(self.address)


async def probe(component: SftpComponent, attempt: Attempt) -> None:
    """Log in, list, write if asked; raises ProbeFailed."""
    ssh = library()
    options = await asyncio.to_thread(_identity, component, ssh)
    async with _logged_in(component, options, ssh, attempt) as session:
        with _translated(ssh):
            await _use(component, session, attempt)


def library() -> Any:
    """The library, imported only where there is such a component: it takes a while the first time."""
    import asyncssh

    asyncssh.set_log_level("ERROR")
    return asyncssh


def _identity(component: SftpComponent, ssh: Any) -> dict[str, Any]:
    try:
        known = ssh.read_known_hosts(str(component.known_hosts_file)) if component.known_hosts_file else None
        if component.key_file:
            return {"client_keys": [ssh.read_private_key(str(component.key_file))], "known_hosts": known}
    except (OSError, ValueError, ssh.KeyImportError) as error:
        what = getattr(error, "strerror", None) or error
        raise ProbeFailed(Reason.CONFIGURATION, f"a key file cannot be used: {what}") from error
    assert component.password_file
    return {"password": secret(component.password_file), "client_keys": None, "known_hosts": known}


@asynccontextmanager
async def _logged_in(
    component: SftpComponent, options: dict[str, Any], ssh: Any, attempt: Attempt
) -> "AsyncIterator[asyncssh.SFTPClient]":
    host, port = component.endpoint
    opened = await connected_socket(host, port, attempt)
    attempt.enter(Phase.HANDSHAKE)
    connection = cut = None
    try:
        with _translated(ssh):
            connection = await ssh.connect(
                host, port, sock=opened, username=component.user, config=None, agent_path=None,
                client_factory=_watcher(ssh, attempt), compression_algs=None, **options,
            )  # fmt: skip
            # The library tidies up what the deadline interrupts, and waits for the peer to agree.
            cut = asyncio.get_running_loop().call_later(attempt.remaining + TIDYING, connection.abort)
            session = await connection.start_sftp_client()
        yield session
    finally:
        if cut:
            cut.cancel()
        if connection:
            connection.abort()
        opened.close()


@contextmanager
def _translated(ssh: Any) -> Iterator[None]:
    """Turns what the library raises into reasons."""
    try:
        yield
    except ssh.HostKeyNotVerifiable as error:
        raise ProbeFailed(Reason.TLS_UNTRUSTED, "the host key is not one of the known hosts") from error
    except ssh.PermissionDenied as error:
        raise ProbeFailed(Reason.LOGIN, "the login was refused") from error
    except ssh.SFTPError as error:
        raise ProbeFailed(Reason.QUERY, f"the server refuses the operation: {error.reason}") from error
    except ssh.ProtocolError as error:
        raise ProbeFailed(Reason.PROTOCOL, "the peer does not speak SSH") from error
    except ssh.ConnectionLost as error:
        raise ProbeFailed(Reason.RESET, "the connection ended") from error
    except ssh.Error as error:
        raise ProbeFailed(Reason.TLS_HANDSHAKE, f"no SSH: {error.reason}") from error
    except TimeoutError:
        raise  # the runner names the phase
    except OSError as error:
        raise ProbeFailed(Reason.RESET, f"the connection ended: {error.strerror or error}") from error


def _watcher(ssh: Any, attempt: Attempt) -> Any:
    """A client that notes when the encrypted channel stands and the login begins."""

    class Watcher(ssh.SSHClient):  # type: ignore[misc]
        def begin_auth(self, _user: str) -> None:
            attempt.enter(Phase.LOGIN)

    return Watcher


async def _use(component: SftpComponent, session: "asyncssh.SFTPClient", attempt: Attempt) -> None:
    attempt.enter(Phase.LIST)
    names = await session.listdir(component.folder)
    attempt.tell("%s entries in %s", len(names), component.folder)
    if component.write:
        attempt.enter(Phase.WRITE)
        await _write_read_delete(component.folder, session)


async def _write_read_delete(folder: str, session: "asyncssh.SFTPClient") -> None:
    path = str(PurePosixPath(folder) / f".renteseg-monitor-{secrets.token_hex(8)}")
    async with session.open(path, "wb") as file:
        await file.write(CONTENT)
    try:
        async with session.open(path, "rb") as file:
            read: str | bytes = await file.read()
            if read != CONTENT:
                raise ProbeFailed(Reason.VALUE, "the file that was written reads back differently")
    finally:
        await session.remove(path)
