"""A real IMAP server on loopback: Debian's Dovecot, unpacked without being installed.

Dovecot knows its libraries by absolute paths. A copy is made in which these are a link in /tmp of the same length.
"""

import os
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from imapclient import IMAPClient

from chain.programs import unpacked
from tests.processes import free_ports, wait_for

INSTALLED = b"/usr/lib/dovecot"
PASSWORD = "una-clave"
BINARIES = ("bin/doveconf", "sbin/dovecot")


@dataclass
class Dovecot:
    """A running server and one of its mailboxes: anybody who knows the password has one."""

    port: int
    folder: Path
    user: str = "renteseg"

    @property
    def maildir(self) -> Path:
        return self.folder / "mail" / self.user

    @contextmanager
    def client(self) -> Iterator[IMAPClient]:
        """A session of its own, logged in."""
        with IMAPClient("127.0.0.1", self.port, ssl=False) as client:
            client.login(self.user, PASSWORD)
            yield client

    def deliver(self, *mails: bytes, folder: str = "INBOX") -> None:
        """Put mails into the mailbox, as its owner's programs do."""
        with self.client() as client:
            for mail in mails:
                client.append(folder, mail)

    def forget(self) -> None:
        """Give the mailbox a new UIDVALIDITY, as a restored server does."""
        for name in (
            "dovecot-uidlist",
            "dovecot-uidvalidity",
            "dovecot.index",
            "dovecot.index.log",
            "dovecot.index.cache",
        ):
            (self.maildir / name).unlink(missing_ok=True)
        for left in self.maildir.glob("dovecot-uidvalidity.*"):
            left.unlink()


@contextmanager
def dovecot(
    *, idle: bool = True, move: bool = True, port: int | None = None, certificate: Path | None = None
) -> Iterator[Dovecot]:
    """A server that runs meanwhile; without IDLE or MOVE where it is told so."""
    folder = Path(tempfile.mkdtemp(prefix="rd-", dir="/tmp"))
    folder.chmod(0o755)
    link = Path(tempfile.mktemp(prefix="rd-", dir="/tmp"))
    try:
        _copy(folder, link)
        yield from _running(folder, link, port or free_ports(1)[0], idle=idle, move=move, certificate=certificate)
    finally:
        link.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _copy(folder: Path, link: Path) -> None:
    """The program's files with their paths changed."""
    here = str(link).encode()
    assert len(here) == len(INSTALLED), "a path of the same length"
    for package in ("dovecot-core", "dovecot-imapd"):
        shutil.copytree(
            unpacked(package) / "usr" / "lib" / "dovecot", folder / "lib", symlinks=True, dirs_exist_ok=True
        )
    for name in BINARIES:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy2(unpacked("dovecot-core") / "usr" / name, folder / name)
    for file in [*(folder / "lib").rglob("*"), *(folder / name for name in BINARIES)]:
        if file.is_file() and not file.is_symlink() and INSTALLED in (body := file.read_bytes()):
            file.write_bytes(body.replace(INSTALLED, here))
    link.symlink_to(folder / "lib")


def _running(
    folder: Path, link: Path, port: int, *, idle: bool, move: bool, certificate: Path | None
) -> Iterator[Dovecot]:
    capabilities = "IMAP4rev1 LITERAL+ UIDPLUS" + (" IDLE" if idle else "") + (" MOVE" if move else "")
    configuration = folder / "dovecot.conf"
    configuration.write_text(_configuration(folder, link, port, capabilities, certificate))
    libraries = {"LD_LIBRARY_PATH": f"{link}:{link}/modules/old-stats"}
    process = subprocess.Popen(
        [folder / "bin" / "doveconf", "-f", "service=master", "-c", configuration, "-m", "master",
         "-e", folder / "sbin" / "dovecot", "-F", "-c", configuration],
        env={**os.environ, **libraries},
    )  # fmt: skip
    server = Dovecot(port, folder)
    try:
        wait_for(lambda: _answers(server, encrypted=certificate is not None), 30, "dovecot answers")
        yield server
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        time.sleep(0.2)  # its children end with it


def _answers(server: Dovecot, *, encrypted: bool) -> bool:
    try:
        if encrypted:
            socket.create_connection(("127.0.0.1", server.port), 2).close()
            return True
        with server.client():
            return True
    except Exception:  # noqa: BLE001 - whatever it is, it does not answer yet
        return False


def _configuration(folder: Path, link: Path, port: int, capabilities: str, certificate: Path | None) -> str:
    root = os.geteuid() == 0
    me = pwd.getpwuid(os.geteuid())
    owner = pwd.getpwnam("nobody") if root else me
    for name in ("mail", "home"):
        (folder / name).mkdir()
        if root:
            os.chown(folder / name, owner.pw_uid, owner.pw_gid)
    secure = f"ssl = required\nssl_cert = <{certificate}\nssl_key = <{certificate}\n" if certificate else "ssl = no\n"
    if certificate:
        certificate.chmod(certificate.stat().st_mode | stat.S_IRGRP | stat.S_IROTH)
    return f"""
base_dir = {folder}/base
state_dir = {folder}/state
log_path = {folder}/dovecot.log
libexec_dir = {link}
mail_plugin_dir = {link}/modules
import_environment = LD_LIBRARY_PATH PATH
listen = 127.0.0.1
protocols = imap
{secure}
disable_plaintext_auth = no
imap_capability = {capabilities}
mail_max_userip_connections = 50
default_internal_user = {"daemon" if root else me.pw_name}
default_internal_group = {"daemon" if root else os.getgid()}
default_login_user = {"nobody" if root else me.pw_name}
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {0 if certificate else port}
  }}
  inet_listener imaps {{
    port = {port if certificate else 0}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
