"""The SFTP probe against a real server: keys, passwords, host keys, listing, writing, and hanging in each of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import uvloop

from exporters.availability.probes.result import Phase, ProbeResult, Reason
from tests.exporters.availability.components import made
from tests.exporters.availability.looking import looked_at

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
USER_KEY = asyncssh.generate_private_key("ssh-ed25519")


class Doorman(asyncssh.SSHServer):
    """Lets `monitor` in with the password or with the key."""

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("monitor", "correcta")

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "monitor" and key.public_data == USER_KEY.convert_to_public().public_data


@asynccontextmanager
async def server(root: Path, hangs_at: frozenset[str] = frozenset()) -> AsyncIterator[int]:
    """A server of this folder; what it is asked to do of `hangs_at` it never ends."""

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    async def hang_in_listing(*_: object) -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    def files(channel: "asyncssh.SSHServerChannel[Any]") -> asyncssh.SFTPServer:
        hanging = {name: hang_in_listing if name == "scandir" else hang for name in hangs_at}
        serving = type("Serving", (asyncssh.SFTPServer,), hanging)
        return serving(channel, chroot=str(root).encode())

    listener = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=Doorman, server_host_keys=[HOST_KEY], sftp_factory=files
    )
    try:
        yield listener.get_port()
    finally:
        listener.close()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "password").write_text("correcta\n")
    (folder / "wrong").write_text("equivocada\n")
    (folder / "key").write_bytes(USER_KEY.export_private_key())
    (folder / "known").write_bytes(b"* " + HOST_KEY.export_public_key())
    (folder / "strangers").write_bytes(b"* " + USER_KEY.export_public_key())
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "altas").mkdir(parents=True)
    (root / "altas" / "CLARO.txt").write_text("H|")
    return root


def look(root: Path, timeout: str = "8s", hangs_at: frozenset[str] = frozenset(), **more: Any) -> ProbeResult:
    async def main() -> ProbeResult:
        async with server(root, hangs_at) as port:
            component = made("sftp", timeout, interval="10s", address=f"127.0.0.1:{port}", user="monitor", **more)
            return await looked_at(component)

    return uvloop.run(main())


def test_a_key_or_a_password_lets_in_and_the_folder_is_listed(root: Path, secrets: Path) -> None:
    for identity in ({"key_file": secrets / "key"}, {"password_file": secrets / "password"}):
        result = look(root, folder="/altas", known_hosts_file=secrets / "known", **identity)

        assert result.success, result.detail
        assert list(result.phases) == [
            Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE, Phase.LOGIN, Phase.LIST,
        ]  # fmt: skip
        assert any("1 entries" in words or "3 entries" in words for _, words in result.account)


def test_a_file_is_written_read_back_and_deleted(root: Path, secrets: Path) -> None:
    result = look(root, folder="/altas", password_file=secrets / "password", write=True)

    assert result.success, result.detail
    assert Phase.WRITE in result.phases
    assert [file.name for file in (root / "altas").iterdir()] == ["CLARO.txt"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"password_file": "wrong"}, Reason.LOGIN),
        ({"password_file": "absent"}, Reason.CONFIGURATION),
        ({"key_file": "password"}, Reason.CONFIGURATION),
        ({"password_file": "password", "known_hosts_file": "strangers"}, Reason.TLS_UNTRUSTED),
    ],
)
def test_a_failure_has_the_one_reason_that_fits(
    root: Path, secrets: Path, more: dict[str, str], reason: Reason
) -> None:
    result = look(root, **{key: secrets / name for key, name in more.items()})

    assert result.reason is reason
    assert "correcta" not in str(result)
    assert "equivocada" not in str(result)


def test_a_folder_that_is_not_there_is_what_was_asked_for_in_vain(root: Path, secrets: Path) -> None:
    assert look(root, folder="/absent", password_file=secrets / "password").reason is Reason.QUERY


@pytest.mark.parametrize("hangs_at", ["scandir", "open", "write", "read", "close", "remove"])
def test_a_server_that_hangs_in_the_middle_ends_at_the_deadline(root: Path, secrets: Path, hangs_at: str) -> None:
    result = look(
        root, "1500ms", frozenset({hangs_at}), folder="/altas", password_file=secrets / "password", write=True
    )

    assert result.reason is Reason.TIMEOUT_RESPONSE
    assert list(result.phases)[-1] is (Phase.LIST if hangs_at == "scandir" else Phase.WRITE)
