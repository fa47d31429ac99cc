"""How the ways in and out are doing, noted by whoever uses them: a wrong password is seen by people and rules alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from incident_store.mail_models import MailWayRow


class Way(StrEnum):
    """A way in or out."""

    SMTP = "smtp"
    IMAP = "imap"
    TICKETS = "tickets"


class Trouble(StrEnum):
    """Why a way does not work."""

    UNREACHABLE = "unreachable"
    TLS = "tls"
    LOGIN = "login"
    REFUSED = "refused"
    CONFIGURATION = "configuration"


@dataclass(frozen=True)
class Standing:
    """What is known of a way: its trouble, None while it works, the line that says what to do, and since when."""

    trouble: Trouble | None
    line: str
    since: datetime


def note_way(connection: Connection, way: Way, trouble: Trouble | None, line: str, now: datetime) -> None:
    """Note how a way is doing; `since` moves only when that changes."""
    known = standings(connection).get(way)
    if known is None:
        row = {"name": way.value, "reason": trouble or "", "line": line, "since": now}
        connection.execute(insert(MailWayRow).values(row))
    elif (known.trouble, known.line) != (trouble, line):
        since = known.since if known.trouble is trouble else now
        values = {"reason": trouble or "", "line": line, "since": since}
        connection.execute(update(MailWayRow).where(MailWayRow.name == way.value).values(values))


def standings(connection: Connection) -> Mapping[Way, Standing]:
    """Every way that has been used, and how it is doing."""
    rows = connection.execute(select(*MailWayRow.__table__.c))
    return {Way(row.name): Standing(Trouble(row.reason) if row.reason else None, row.line, row.since) for row in rows}
