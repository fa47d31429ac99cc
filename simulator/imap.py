"""RENTESEG's own mailbox for development: what was sent to its address, over IMAP with IDLE."""

import asyncio
import re
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import Config, Identity, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxData, MailboxSet
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import Passwords, UserMetadata

from simulator.mail import RECIPIENTS

USER = "renteseg"
LINE_END = re.compile(rb"\r?\n")


class _Config(Config):
    """Without asking the name service who we are."""

    @property
    def greeting(self) -> bytes:
        """What a client is told first."""
        return b"renteseg development mailbox"


class Inbox:
    """The mails to one address. They are held in memory, and read from the Maildir again when the process starts: then
    the mailbox has another UIDVALIDITY, as a real one that was restored."""

    def __init__(self, address: str, password: str) -> None:
        self._address = address.lower()
        self._password = password
        self._mails: MailboxData | None = None

    async def serve(self, host: str, port: int, folder: Path) -> asyncio.Server:
        """Take up what the Maildir holds and start listening; raises OSError when the port is taken."""
        config = _Config(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            host=host,
            port=port,
            tls_enabled=False,
            demo_data=False,
            demo_user=USER,
            demo_password=self._password,
        )
        config.apply_context()
        login, mailboxes = Login(config), MailboxSet()
        await self._admit(login, config)
        config.set_cache[USER] = (mailboxes, FilterSet())
        self._mails = await mailboxes.get_mailbox("INBOX")
        for body, at in await asyncio.to_thread(_kept, folder, self._address):
            await self._mails.append(AppendMessage(_network(body), at))
        serve = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(login, config))
        return await asyncio.start_server(serve, host, port)

    async def _admit(self, login: Login, config: Config) -> None:
        hashed = await Passwords(config).hash_password(self._password)
        await Identity(USER, login, None, frozenset()).set(UserMetadata(config, USER, password=hashed))

    async def take(self, recipients: list[str], body: bytes) -> None:
        """Add a mail that was kept, if it is to this address; whoever listens is told at once."""
        if self._mails is not None and self._address in {recipient.lower() for recipient in recipients}:
            await self._mails.append(AppendMessage(_network(body), datetime.now(UTC)))


def _kept(folder: Path, address: str) -> list[tuple[bytes, datetime]]:
    """The mails to the address that the Maildir holds, in the order in which they came."""
    paths = [path for part in ("new", "cur") for path in (folder / part).glob("*") if path.is_file()]
    paths.sort(key=lambda path: (path.stat().st_mtime_ns, path.name))
    bodies = ((path.read_bytes(), datetime.fromtimestamp(path.stat().st_mtime, UTC)) for path in paths)
    return [(body, at) for body, at in bodies if address in _recipients(body)]


def _recipients(body: bytes) -> set[str]:
    """The envelope's addresses, from the second of the two headers that the server put in front."""
    line = body.split(b"\n", 2)[1].decode("utf-8", "replace")
    return {one.strip().lower() for one in line.removeprefix(f"{RECIPIENTS}:").split(",")}


def _network(body: bytes) -> bytes:
    """With the line ends of mail on its way; a Maildir has those of its machine."""
    return LINE_END.sub(b"\r\n", body)
