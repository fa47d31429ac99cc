"""The mailbox, on a real Dovecot: everything once, nothing deleted, whatever happens meanwhile."""

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from incident_store.database import reading
from incident_store.inbox import Message, Nature, list_messages
from incident_store.mail_models import MailboxRow, MessageRow
from incident_store.mail_ways import Trouble, Way, standings
from mailroom import mailbox, receiving
from mailroom.mailbox import Mailbox
from mailroom.parsing import read_mail
from mailroom.ways import WayClosed
from tests.exporters.certificates import authority
from tests.mailroom.conftest import Office, now
from tests.mailroom.dovecot import PASSWORD, Dovecot, dovecot
from tests.mailroom.letters import AWKWARD, letter, multipart
from tests.processes import wait_for


@pytest.fixture(scope="module")
def running() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@pytest.fixture
def server(running: Dovecot) -> Dovecot:
    """A mailbox of its own on the server that runs for all."""
    return replace(running, user=uuid.uuid4().hex)


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round listens for a moment instead of a minute."""
    monkeypatch.setattr(mailbox, "ROUND_SECONDS", 0.3)


def read_from(office: Office, server: Dovecot, secrets: Path, password: str = PASSWORD, **also: Any) -> Mailbox:
    """A reader of this server's mailbox."""
    (secrets / "imap-password").write_text(password + "\n")
    login = {"user": server.user, "password_file": str(secrets / "imap-password")}
    office.configure(imap={"host": "127.0.0.1", "port": server.port, "security": "none", "login": login, **also})
    return Mailbox(office.engine, office.desk)


def messages(office: Office) -> list[Message]:
    """What was taken, in the order in which it was."""
    with reading(office.engine).connect() as connection:
        return list_messages(connection, waiting_only=False, limit=20_000)[::-1]


def numbered(count: int, first: int = 0) -> list[bytes]:
    return [
        letter(f"n{n}", message_id=f"<m{n}@claro.example>", subject=f"Reporte {n}") for n in range(first, count + first)
    ]


def in_mailbox(server: Dovecot, folder: str = "INBOX") -> int:
    with server.client() as client:
        return int(client.select_folder(folder, readonly=True)[b"EXISTS"])


def test_what_is_new_is_read_in_order_and_nothing_is_changed(office: Office, server: Dovecot, tmp_path: Path) -> None:
    server.deliver(*numbered(5))

    reader = read_from(office, server, tmp_path)
    reader.work()
    reader.work()

    assert [one.subject for one in messages(office)] == [f"Reporte {n}" for n in range(5)]
    assert in_mailbox(server) == 5
    with server.client() as client:
        client.select_folder("INBOX", readonly=True)
        assert client.search("UNSEEN") == [1, 2, 3, 4, 5]


def test_a_restart_reads_on_where_it_was(office: Office, server: Dovecot, tmp_path: Path) -> None:
    server.deliver(*numbered(3))
    read_from(office, server, tmp_path).work()
    server.deliver(*numbered(2, first=3))

    read_from(office, server, tmp_path).work()

    assert len(messages(office)) == 5


def test_every_awkward_mail_comes_through(office: Office, server: Dovecot, tmp_path: Path) -> None:
    bodies = [body for name, body in AWKWARD.items() if body and len(body) < 2_000_000 and "NUL" not in name]
    server.deliver(*bodies)

    read_from(office, server, tmp_path).work()

    assert in_mailbox(server) == len(bodies)
    assert len(messages(office)) == len({read_mail(BytesIO(body)).identity for body in bodies})


def test_a_large_mail_is_fetched_in_pieces_and_kept_whole(office: Office, server: Dovecot, tmp_path: Path) -> None:
    content = b"x" * 76 + b"\r\n"
    attached = b"Content-Type: text/x-log\r\nContent-Disposition: attachment; filename=a.log\r\n\r\n" + content * 40_000
    server.deliver(multipart("mixed", b"Content-Type: text/plain\r\n\r\nver adjunto\r\n", attached))

    read_from(office, server, tmp_path).work()

    [found] = messages(office)
    assert [(one.name, one.size) for one in found.attachments] == [("a.log", len(content) * 40_000)]


def test_a_mail_over_the_limit_is_told_and_stays_in_the_mailbox(
    office: Office, server: Dovecot, tmp_path: Path
) -> None:
    server.deliver(letter("y" * 70 + "\n" + ("x" * 70 + "\n") * 30_000, subject="Enorme"), *numbered(1))

    read_from(office, server, tmp_path, largest_mb=1).work()

    large, small = messages(office)
    assert large.subject == "Enorme"
    assert large.remarks[0] == "mayor de 1 MB: solo se guardaron los encabezados, sigue en el buzón"
    assert small.subject == "Reporte 0"


def test_a_mailbox_that_was_restored_is_read_again_and_gives_nothing_twice(
    office: Office, server: Dovecot, tmp_path: Path
) -> None:
    server.deliver(*numbered(4))
    read_from(office, server, tmp_path).work()
    with office.engine.connect() as connection:
        before = connection.scalar(select(MailboxRow.uidvalidity))
    server.forget()
    time.sleep(1.1)  # a UIDVALIDITY is a second
    server.deliver(*numbered(1, first=4))

    read_from(office, server, tmp_path).work()

    with office.engine.connect() as connection:
        assert connection.scalar(select(MailboxRow.uidvalidity)) != before
    assert [one.subject for one in messages(office)] == [f"Reporte {n}" for n in range(5)]


def test_what_is_stored_is_moved_where_it_is_wanted_and_never_before(
    office: Office, server: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.client() as client:
        client.create_folder("Procesados")
    server.deliver(*numbered(3))
    reader = read_from(office, server, tmp_path, move_to="Procesados")
    with monkeypatch.context() as killed:
        killed.setattr(Mailbox, "_move", lambda *_: (_ for _ in ()).throw(OSError("killed after the commit")))
        with pytest.raises(WayClosed):
            reader.work()
    assert in_mailbox(server) == 3

    read_from(office, server, tmp_path, move_to="Procesados").work()

    assert (in_mailbox(server), in_mailbox(server, "Procesados"), len(messages(office))) == (0, 3, 3)


def test_a_server_without_move_says_so_in_one_line(office: Office, tmp_path: Path) -> None:
    with dovecot(move=False) as server:
        reader = read_from(office, server, tmp_path, move_to="Procesados")
        with pytest.raises(WayClosed, match="it has no MOVE: remove move_to"):
            reader.work()


def test_a_wrong_password_is_one_line_that_rules_see_too(office: Office, server: Dovecot, tmp_path: Path) -> None:
    reader = read_from(office, server, tmp_path, password="otra")

    with pytest.raises(WayClosed, match="it refuses the login of ") as closed:
        reader.work()

    assert "otra" not in str(closed.value)
    with office.engine.connect() as connection:
        assert standings(connection)[Way.IMAP].trouble is Trouble.LOGIN


def test_an_expired_certificate_is_one_line(office: Office, tmp_path: Path) -> None:
    certificates = authority(tmp_path / "tls")
    (tmp_path / "tls").chmod(0o755)
    expired = certificates.signed(now() - timedelta(days=1), "localhost")
    with dovecot(certificate=expired) as server:
        reader = read_from(office, server, tmp_path, security="tls", ca_file=str(certificates.file), host="localhost")
        with pytest.raises(WayClosed, match="certificate has expired; renew its certificate"):
            reader.work()


def test_a_mailbox_is_read_over_tls(office: Office, tmp_path: Path) -> None:
    certificates = authority(tmp_path / "tls")
    valid = certificates.signed(now() + timedelta(days=1), "localhost")
    with dovecot(certificate=valid) as server:
        reader = read_from(office, server, tmp_path, security="tls", ca_file=str(certificates.file), host="localhost")
        reader.work()

    with office.engine.connect() as connection:
        assert standings(connection)[Way.IMAP].trouble is None


def test_a_folder_that_is_not_there_is_one_line(office: Office, server: Dovecot, tmp_path: Path) -> None:
    with pytest.raises(WayClosed, match="Nada"):
        read_from(office, server, tmp_path, folder="Nada").work()


def test_a_server_that_was_away_is_read_again(office: Office, tmp_path: Path) -> None:
    with dovecot() as server:
        server.deliver(*numbered(1))
        reader = read_from(office, server, tmp_path)
        reader.work()
        port = server.port
    with pytest.raises(WayClosed):
        reader.work()
    with dovecot(port=port) as server:
        server.deliver(*numbered(1, first=1))
        reader.work()

    assert [one.subject for one in messages(office)] == ["Reporte 0", "Reporte 1"]


@pytest.mark.parametrize("idle", [True, False])
def test_a_new_mail_is_seen_while_listening(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idle: bool
) -> None:
    monkeypatch.setattr(mailbox, "ROUND_SECONDS", 30.0)
    with dovecot(idle=idle) as server:
        reader = read_from(office, server, tmp_path, poll="1s")
        listening = threading.Thread(target=reader.work, daemon=True)
        listening.start()
        time.sleep(2)
        server.deliver(*numbered(1))
        began = time.monotonic()
        wait_for(lambda: messages(office), 20, "the mail is in the Bandeja")

        assert time.monotonic() - began < 5


def test_a_mail_that_cannot_be_stored_as_it_was_read_is_kept_and_holds_no_other_back(
    office: Office, server: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = receiving.nature

    def fails(mail: Any, ours: frozenset[str]) -> Nature:
        if mail.subject == "Reporte 1":
            raise LookupError("a bug")
        return whole(mail, ours)

    monkeypatch.setattr(receiving, "nature", fails)
    server.deliver(*numbered(3))

    read_from(office, server, tmp_path).work()

    assert [one.subject for one in messages(office)] == ["Reporte 0", "(correo que no se pudo leer)", "Reporte 2"]


def test_two_readers_of_one_mailbox_take_each_mail_once(office: Office, server: Dovecot, tmp_path: Path) -> None:
    server.deliver(*numbered(60))
    readers = [read_from(office, server, tmp_path) for _ in range(2)]
    threads = [threading.Thread(target=reader.work) for reader in readers]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with office.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(MessageRow)) == 60
