"""Reads the mailbox over IMAP: what is new, once, in order, without deleting anything.

The place reached is kept in the transaction that stores the mails, so a mail is neither lost nor taken twice when the
process is killed. When the server gives the mailbox a new UIDVALIDITY it is read from its start again, and what is
known already is recognised.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, cast

import structlog
from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError, LoginError
from sqlalchemy import Connection, Engine, insert, select, update

from groundwork.problems import Refused
from incident_store import blobs
from incident_store.mail_models import MailboxRow, MessageRow
from incident_store.mail_ways import Trouble, Way, note_way
from incident_store.transactions import in_transaction
from mailroom.contacts import MEBIBYTE, Contacts, Incoming
from mailroom.desk import Desk
from mailroom.receiving import Arrival, Receiver, limits_of
from mailroom.ways import WayClosed, context, name, named_reasons, one_line, password

log = structlog.get_logger()

BATCH = 100
"""Mails stored in one transaction."""
SMALL = 256 * 1024
"""Larger mails are fetched in pieces of `PIECE` bytes."""
PIECE = 1024 * 1024
UNREADABLE = (Refused, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading or storing one mail may raise, whatever is in it; it must hold no other mail back."""
ROUND_SECONDS = 30.0
"""How long a round reads and listens; then the job is seen to be alive."""


@dataclass(frozen=True)
class Envelope:
    """What the server says of a mail before it is fetched."""

    uid: int
    size: int
    at: datetime


class Mailbox:
    """The worker's job of reading; the connection is kept from one round to the next."""

    def __init__(self, engine: Engine, desk: Desk) -> None:
        self._engine = engine
        self._desk = desk
        self._client: IMAPClient | None = None
        self._incoming: Incoming | None = None
        self._validity = 0
        self._noted: tuple[Trouble | None, str] | None = None

    def work(self) -> None:
        """Read what is new and listen for more, for `ROUND_SECONDS`; raises WayClosed when the mailbox is away."""
        contacts = self._desk.contacts
        if contacts.imap is None:
            return
        until = time.monotonic() + ROUND_SECONDS
        try:
            with named_reasons(contacts.imap), _named(contacts.imap):
                client = self._session(contacts.imap)
                while time.monotonic() < until:
                    if not self._read_new(client, contacts, contacts.imap, until):
                        break
                    self._note(None, "")
                    _listen(client, contacts.imap, until - time.monotonic())
        except WayClosed as closed:
            self._hang_up()
            self._note(closed.trouble, str(closed))
            raise
        except BaseException:
            self._hang_up()
            raise

    def _session(self, incoming: Incoming) -> IMAPClient:
        """The open connection, a new one where there is none or the configuration changed."""
        if self._client is not None and self._incoming == incoming:
            return self._client
        self._hang_up()
        client = _connect(incoming)
        self._client, self._incoming = client, incoming
        chosen = client.select_folder(incoming.folder, readonly=incoming.move_to is None)
        self._validity = int(chosen[b"UIDVALIDITY"])
        if incoming.move_to is not None and not client.has_capability("MOVE"):
            raise WayClosed(Trouble.CONFIGURATION, name(incoming), "it has no MOVE: remove move_to")
        return client

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(IMAPClientError, OSError):
                client.shutdown()

    def _note(self, trouble: Trouble | None, line: str) -> None:
        if self._noted != (trouble, line):
            in_transaction(
                self._engine, lambda connection: note_way(connection, Way.IMAP, trouble, line, datetime.now(UTC))
            )
            self._noted = trouble, line

    def _read_new(self, client: IMAPClient, contacts: Contacts, incoming: Incoming, until: float) -> bool:
        """Take what is new, and move what is taken; False when the time was over before all of it was."""
        reached = self._reached(incoming)
        uids = sorted(uid for uid in client.search(["UID", f"{reached + 1}:*"]) if uid > reached)
        for start in range(0, len(uids), BATCH):
            batch = uids[start : start + BATCH]
            envelopes = _envelopes(client, batch)
            with ExitStack() as files:
                arrivals = list(self._fetch(client, envelopes, incoming, files))
                taken = self._store(arrivals, contacts, incoming, batch[-1])
            log.info("mails read", taken=taken, known=len(arrivals) - taken)
            if time.monotonic() > until and batch[-1] != uids[-1]:
                break
        self._move(client, incoming)
        return not uids or batch[-1] == uids[-1]

    def _fetch(
        self, client: IMAPClient, envelopes: Sequence[Envelope], incoming: Incoming, files: ExitStack
    ) -> Iterator[Arrival]:
        small = [one for one in envelopes if one.size <= SMALL]
        bodies: dict[int, Any] = {}
        for group in _groups(small):
            bodies |= client.fetch([one.uid for one in group], ["BODY.PEEK[]"])
        for one in envelopes:
            place = f"{self._validity}/{one.uid}" if incoming.move_to is not None else None
            if one.size > incoming.largest_mb * MEBIBYTE:
                remark = f"mayor de {incoming.largest_mb} MB: solo se guardaron los encabezados, sigue en el buzón"
                yield _arrival(files, _pieces(client, one.uid, "HEADER"), one.at, None, remark)
            elif one.size > SMALL:
                yield _arrival(files, _pieces(client, one.uid, ""), one.at, place)
            elif one.uid in bodies:
                yield _arrival(files, iter([bodies[one.uid][b"BODY[]"]]), one.at, place)

    def _store(self, arrivals: Sequence[Arrival], contacts: Contacts, incoming: Incoming, reached: int) -> int:
        """Store the mails and the place reached in one transaction; returns how many were new."""

        def work(connection: Connection) -> int:
            receiver = Receiver(connection, contacts, limits_of(incoming), datetime.now(UTC))
            taken = sum(receiver.take(one) is not None for one in arrivals)
            self._reach(connection, incoming, reached)
            return taken

        try:
            return in_transaction(self._engine, work)
        except UNREADABLE as error:
            log.warning("mails taken one by one", reason=str(error).splitlines()[:1])
            taken = sum(self._store_one(one, contacts, incoming) for one in arrivals)
            in_transaction(self._engine, lambda connection: self._reach(connection, incoming, reached))
            return taken

    def _store_one(self, arrival: Arrival, contacts: Contacts, incoming: Incoming) -> bool:
        """Store one mail, unread where it cannot be stored as it was read."""

        def receiver(connection: Connection) -> Receiver:
            return Receiver(connection, contacts, limits_of(incoming), datetime.now(UTC))

        try:
            return in_transaction(self._engine, lambda connection: receiver(connection).take(arrival)) is not None
        except UNREADABLE as error:
            log.error("a mail is kept unread", reason=type(error).__name__)
            return (
                in_transaction(self._engine, lambda connection: receiver(connection).take_unread(arrival)) is not None
            )

    def _reached(self, incoming: Incoming) -> int:
        with self._engine.connect() as connection:
            row = connection.execute(select(*MailboxRow.__table__.c).where(MailboxRow.name == _key(incoming))).first()
        return row.uid if row is not None and row.uidvalidity == self._validity else 0

    def _reach(self, connection: Connection, incoming: Incoming, uid: int) -> None:
        values = {"uidvalidity": self._validity, "uid": uid}
        known = update(MailboxRow).where(MailboxRow.name == _key(incoming)).values(values)
        if connection.execute(known).rowcount == 0:
            connection.execute(insert(MailboxRow).values(name=_key(incoming), **values))

    def _move(self, client: IMAPClient, incoming: Incoming) -> None:
        """Move what is stored; what an earlier round could not move, too."""
        if incoming.move_to is None:
            return
        prefix = f"{self._validity}/"
        with self._engine.connect() as connection:
            places = connection.scalars(select(MessageRow.place).where(MessageRow.place.startswith(prefix)))
            uids = sorted(int(str(place).removeprefix(prefix)) for place in places)
        for start in range(0, len(uids), BATCH):
            batch = uids[start : start + BATCH]
            client.move(batch, incoming.move_to)
            moved = MessageRow.place.in_([f"{prefix}{uid}" for uid in batch])
            with self._engine.begin() as connection:
                connection.execute(update(MessageRow).where(moved).values(place=None))


def _connect(incoming: Incoming) -> IMAPClient:
    client = IMAPClient(
        incoming.host,
        incoming.port,
        ssl=incoming.security == "tls",
        ssl_context=context(incoming) if incoming.security == "tls" else None,
        timeout=cast("float", SocketTimeout(connect=incoming.timeout, read=incoming.timeout)),
    )
    client.normalise_times = False
    if incoming.security == "starttls":
        client.starttls(context(incoming))
    try:
        client.login(incoming.login.user, password(incoming))
    except LoginError as error:
        said = f"it refuses the login of {incoming.login.user}: {one_line(str(error))}"
        raise WayClosed(Trouble.LOGIN, name(incoming), said) from error
    return client


@contextmanager
def _named(incoming: Incoming) -> Iterator[None]:
    """Translate what the IMAP library raises."""
    try:
        yield
    except (IMAPClientAbortError, CapabilityError) as error:
        raise WayClosed(Trouble.UNREACHABLE, name(incoming), str(error)) from error
    except IMAPClientError as error:
        raise WayClosed(Trouble.REFUSED, name(incoming), str(error)) from error


def _listen(client: IMAPClient, incoming: Incoming, seconds: float) -> None:
    """Return when the server tells of something new, or after these seconds."""
    if not client.has_capability("IDLE"):
        time.sleep(min(incoming.poll, max(seconds, 1.0)))
        client.noop()
        return
    client.idle()
    try:
        client.idle_check(timeout=max(seconds, 1.0))
    finally:
        client.idle_done()


def _envelopes(client: IMAPClient, uids: Sequence[int]) -> list[Envelope]:
    found = client.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"])
    return [
        Envelope(uid, int(said[b"RFC822.SIZE"]), (said.get(b"INTERNALDATE") or datetime.now(UTC)).astimezone(UTC))
        for uid, said in sorted(found.items())
        if b"RFC822.SIZE" in said
    ]


def _groups(envelopes: Sequence[Envelope]) -> Iterator[list[Envelope]]:
    """Small mails together, as many as fit into a piece."""
    group: list[Envelope] = []
    for one in envelopes:
        if group and sum(each.size for each in group) + one.size > PIECE:
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _pieces(client: IMAPClient, uid: int, section: str) -> Iterator[bytes]:
    """A mail in pieces; the server ends it with a shorter one."""
    start = 0
    while True:
        said = client.fetch([uid], [f"BODY.PEEK[{section}]<{start}.{PIECE}>"]).get(uid, {})
        piece = said.get(f"BODY[{section}]<{start}>".encode(), b"")
        if piece:
            yield piece
        if len(piece) < PIECE:
            return
        start += len(piece)


def _arrival(
    files: ExitStack, pieces: Iterator[bytes], at: datetime, place: str | None, remark: str | None = None
) -> Arrival:
    blob, held = files.enter_context(blobs.spooled(_Joined(pieces), limit=1 << 40))
    return Arrival(held, blob, at, place, remark)


class _Joined(BytesIO):
    """Pieces read as a file, once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces

    def read(self, _size: int | None = -1, /) -> bytes:
        return next(self._pieces, b"")


def _key(incoming: Incoming) -> str:
    return f"{incoming.login.user}@{incoming.host}/{incoming.folder}"[:255]
