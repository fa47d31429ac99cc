"""One piece of the mailroom's work in a process of its own: `send`, or `read` until so many messages are stored."""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, func, select

from groundwork.logs import configure_logs
from groundwork.settings import read_settings
from incident_store.database import open_store
from incident_store.domain.notices import NoticeState
from incident_store.mail_models import MessageRow, NoticeRow
from incident_store.policy_file import read_policy
from mailroom import mailbox
from mailroom.desk import Desk
from mailroom.sending import Sending
from mailroom.writing import write_notices


def send(engine: Engine, desk: Desk) -> None:
    """Write and deliver everything that is due."""
    unsent = NoticeRow.state != NoticeState.SENT.value
    due = select(func.count()).select_from(NoticeRow).where(unsent)
    sending = Sending(engine, desk)
    while _count(engine, due):
        write_notices(engine, desk, datetime.now(UTC))
        sending.work()


def read(engine: Engine, desk: Desk, messages: int) -> None:
    """Read the mailbox until it has given so many messages."""
    reader, stored = mailbox.Mailbox(engine, desk), select(func.count()).select_from(MessageRow)
    mailbox.ROUND_SECONDS = 2.0
    while _count(engine, stored) < messages:
        reader.work()


def _count(engine: Engine, query: object) -> int:
    with engine.connect() as connection:
        found: int = connection.execute(query).scalar_one()  # type: ignore[call-overload]
        return found


def main() -> None:
    """Do it, and print what it took."""
    configure_logs("bench")
    settings = read_settings()
    engine = open_store(settings.database_url)
    desk = Desk(settings, read_policy(settings.config))
    began = time.monotonic()
    if sys.argv[1] == "send":
        send(engine, desk)
    else:
        read(engine, desk, int(sys.argv[2]))
    took = {"seconds": time.monotonic() - began, "cpu": time.process_time(), "peak": _peak()}
    print(json.dumps(took))


def _peak() -> int:
    """The largest memory of this process in bytes; getrusage would tell the larger one of who started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
