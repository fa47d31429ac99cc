"""Who came in, who was refused, and who changed what others may do: one row each, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine, insert, select

from incident_store.models import AccessEventRow
from incident_store.transactions import in_transaction

MOST_SHOWN = 100
TERMINAL = "terminal"
"""Who changed something from the command line: whoever may read the store's password."""


class AccessKind(StrEnum):
    """What happened."""

    LOGGED_IN = "logged_in"
    LOGIN_REFUSED = "login_refused"
    LOGGED_OUT = "logged_out"
    PERSON_ADDED = "person_added"
    ROLE_CHANGED = "role_changed"
    DISABLED = "disabled"
    ENABLED = "enabled"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 (the name of an event)
    TOKEN_ADDED = "token_added"  # noqa: S105
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    REPLAYED = "replayed"
    DISMISSED = "dismissed"


@dataclass(frozen=True)
class AccessEvent:
    """One of them: about whom, and by whom. Times are UTC."""

    number: int
    at: datetime
    kind: AccessKind
    person: str
    author: str
    details: Mapping[str, str]


def note_access(
    connection: Connection, kind: AccessKind, person: str, author: str, now: datetime, **details: str
) -> None:
    """Write down that it happened, in the transaction of what happened."""
    row = {"at": now, "kind": kind.value, "person": person, "author": author, "details": details}
    connection.execute(insert(AccessEventRow).values(row))


def note_alone(engine: Engine, kind: AccessKind, person: str, now: datetime, **details: str) -> None:
    """Write down what somebody did that changed nothing else, such as coming in; raises StoreUnavailable."""
    in_transaction(engine, lambda connection: note_access(connection, kind, person, person, now, **details))


def newest_access(connection: Connection, before: int | None = None, person: str = "") -> list[AccessEvent]:
    """The newest events, or those older than `before`; of one person if one is named."""
    rows = AccessEventRow.__table__.c
    query = select(rows.id, rows.at, rows.kind, rows.person, rows.author, rows.details).order_by(rows.id.desc())
    if before is not None:
        query = query.where(rows.id < before)
    if person:
        query = query.where(rows.person == person)
    found = connection.execute(query.limit(MOST_SHOWN))
    return [AccessEvent(row.id, row.at, AccessKind(row.kind), row.person, row.author, row.details) for row in found]
