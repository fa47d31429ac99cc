"""Personal tokens of the JSON API: made once, shown once, kept as a digest."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, insert, select, update

from groundwork.problems import Refused
from incident_store.access import TERMINAL, AccessKind, note_access
from incident_store.database import reading
from incident_store.domain.lifecycle import Role
from incident_store.domain.steps import Actor
from incident_store.models import TokenRow, UserRow
from incident_store.transactions import in_transaction

PREFIX = "renteseg_"
"""How every token begins, so that programs that look for leaked secrets know one when they see it."""

LONGEST_DAYS = 366
USE_NOTED_EVERY = timedelta(minutes=1)
"""A use within this time of the last one noted is not written down: a reader must not cost a write each time."""


@dataclass(frozen=True)
class Token:
    """A token as it may be shown: everything but the secret itself. Times are UTC."""

    name: str
    person: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """Whether it opens anything: valid, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if now < self.expires_at else "expired"


class TokenNameTaken(Refused):
    """The person has, or had, a token of this name."""


def add_token(engine: Engine, person: str, name: str, days: int, now: datetime, by: str = TERMINAL) -> str:
    """A new token of this person, 256 random bits, good for so many days; the text is kept nowhere.

    Raises Refused for a person who is not there, a name that is none or taken, and a life that is too long.
    """
    if not name.strip() or len(name) > 64 or not name.isprintable():
        raise Refused("the name of a token has 1 to 64 characters on one line, such as 'informe diario'")
    if not 1 <= days <= LONGEST_DAYS:
        raise Refused(f"a token lives 1 to {LONGEST_DAYS} days")
    text = PREFIX + secrets.token_urlsafe(32)

    def write(connection: Connection) -> None:
        user = connection.execute(select(UserRow.id).where(UserRow.name == person)).scalar_one_or_none()
        if user is None:
            raise Refused(f"nobody is called {person!r}; `renteseg user add {person} --role …` adds a person")
        taken = select(TokenRow.id).where(TokenRow.user_id == user, TokenRow.name == name.strip())
        if connection.execute(taken).first() is not None:
            raise TokenNameTaken(f"{person} has had a token {name!r}: choose another name")
        row = {
            "user_id": user,
            "name": name.strip(),
            "sha256": _digest(text),
            "created_at": now,
            "expires_at": now + timedelta(days=days),
        }
        connection.execute(insert(TokenRow).values(row))
        note_access(connection, AccessKind.TOKEN_ADDED, person, by, now, token=name.strip(), days=str(days))

    in_transaction(engine, write)
    return text


def list_tokens(connection: Connection, person: str = "") -> list[Token]:
    """All tokens, or one person's, by person and name."""
    columns = (TokenRow.created_at, TokenRow.expires_at, TokenRow.last_used_at, TokenRow.revoked_at)
    query = select(TokenRow.name, UserRow.name.label("person"), *columns).join(UserRow)
    query = query.where(UserRow.name == person) if person else query
    return [Token(*row) for row in connection.execute(query.order_by(UserRow.name, TokenRow.name))]


def revoke_token(engine: Engine, person: str, name: str, now: datetime, by: str = TERMINAL) -> None:
    """End a token at once; raises Refused when the person has no such token."""
    users = select(UserRow.id).where(UserRow.name == person).scalar_subquery()
    theirs = update(TokenRow).where(TokenRow.user_id == users, TokenRow.name == name, TokenRow.revoked_at.is_(None))

    def write(connection: Connection) -> None:
        if connection.execute(theirs.values(revoked_at=now)).rowcount == 0:
            raise Refused(f"{person} has no token {name!r} to revoke; `renteseg token list` shows those there are")
        note_access(connection, AccessKind.TOKEN_REVOKED, person, by, now, token=name)

    in_transaction(engine, write)


def person_of_token(engine: Engine, text: str, now: datetime) -> Actor | None:
    """Whose token this is, with the role they have now; None for one that opens nothing: unknown,
    expired, revoked, or of somebody who is disabled."""
    digest = _digest(text)
    columns = (TokenRow.id, TokenRow.sha256, TokenRow.last_used_at, UserRow.name, UserRow.role)
    alive = (TokenRow.revoked_at.is_(None), TokenRow.expires_at > now, UserRow.disabled_at.is_(None))
    good = (TokenRow.sha256 == digest, *alive)
    with reading(engine).connect() as connection:
        row = connection.execute(select(*columns).join(UserRow).where(*good)).first()
    if row is None or not hmac.compare_digest(row.sha256, digest):
        return None
    if row.last_used_at is None or row.last_used_at <= now - USE_NOTED_EVERY:
        used = update(TokenRow).where(TokenRow.id == row.id).values(last_used_at=now)
        in_transaction(engine, lambda connection: connection.execute(used))
    return Actor(row.name, Role(row.role))


def _digest(text: str) -> str:
    """The SHA-256 of a token: 256 random bits need no salt and no slow hash, for nobody can try them all."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
