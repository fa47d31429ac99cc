"""Who may log in, and as what."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from groundwork.problems import Refused
from incident_store.access import TERMINAL, AccessKind, note_access
from incident_store.database import reading
from incident_store.domain.lifecycle import Role
from incident_store.models import UserRow
from incident_store.transactions import in_transaction

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
_hasher = PasswordHasher()
_NOBODY = _hasher.hash("the hash that an unknown name is compared with, so that both take the same time")


class NameTaken(Refused):
    """Somebody is called so already."""


class LastAdministrator(Refused):
    """Without this one nobody could let people in any more."""


@dataclass(frozen=True)
class Person:
    """Somebody who may log in, or might before they were disabled; without a password only the identity provider lets
    them in. `stamp` changes with the password: a session that bears another one is over."""

    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None
    has_password: bool
    stamp: str


def any_person(engine: Engine) -> bool:
    """Whether anybody was ever let in."""
    with reading(engine).connect() as connection:
        return connection.execute(select(func.count()).select_from(UserRow)).scalar_one() > 0


def add_person(engine: Engine, name: str, role: Role, password: str | None, by: str = TERMINAL) -> None:
    """Let a person log in; without a password, by the identity provider alone.

    Raises Refused for no name and for an unfit password, NameTaken for a name that somebody has.
    """
    if not name.strip() or len(name) > 64:
        raise Refused("a name has 1 to 64 characters")
    if not name.isprintable():
        raise Refused(f"the name {name!r} holds a control character or is not UTF-8")
    name, now = name.strip(), datetime.now(UTC)
    row = {"name": name, "role": role.value, "password_hash": _hash(password), "created_at": now}

    def write(connection: Connection) -> None:
        connection.execute(insert(UserRow).values(row))
        note_access(connection, AccessKind.PERSON_ADDED, name, by, now, role=role.value)

    try:
        with engine.begin() as connection:
            write(connection)
    except IntegrityError as error:
        raise NameTaken(f"{name!r} is there already") from error


def set_role(engine: Engine, name: str, role: Role, by: str, now: datetime) -> None:
    """From now on the person may what this role may; raises Refused, LastAdministrator."""

    def write(connection: Connection) -> None:
        person = _held(connection, name)
        if person.role is not role:
            _keep_an_administrator(connection, person)
            _change(connection, name, role=role.value)
            note_access(connection, AccessKind.ROLE_CHANGED, name, by, now, before=person.role.value, role=role.value)

    in_transaction(engine, write)


def disable(engine: Engine, name: str, by: str, now: datetime) -> None:
    """End the person's sessions and tokens; what they did stays theirs. Raises Refused, LastAdministrator."""

    def write(connection: Connection) -> None:
        person = _held(connection, name)
        if person.disabled_at is None:
            _keep_an_administrator(connection, person)
            _change(connection, name, disabled_at=now)
            note_access(connection, AccessKind.DISABLED, name, by, now)

    in_transaction(engine, write)


def enable(engine: Engine, name: str, by: str, now: datetime) -> None:
    """Let the person in again; raises Refused when nobody has this name."""

    def write(connection: Connection) -> None:
        if _held(connection, name).disabled_at is not None:
            _change(connection, name, disabled_at=None)
            note_access(connection, AccessKind.ENABLED, name, by, now)

    in_transaction(engine, write)


def set_password(engine: Engine, name: str, password: str, by: str, now: datetime) -> None:
    """A new password, which ends the person's sessions; raises Refused for one that is unfit."""
    digest = _hash(password)

    def write(connection: Connection) -> None:
        _held(connection, name)
        _change(connection, name, password_hash=digest)
        note_access(connection, AccessKind.PASSWORD_CHANGED, name, by, now)

    in_transaction(engine, write)


def list_people(connection: Connection) -> list[Person]:
    """Everybody who may log in or might, by name."""
    return [_person(row) for row in connection.execute(select(*UserRow.__table__.c).order_by(UserRow.name))]


def find_person(engine: Engine, name: str) -> Person | None:
    """Who may log in under this name; None when nobody may."""
    with reading(engine).connect() as connection:
        row = connection.execute(select(*UserRow.__table__.c).where(UserRow.name == name)).first()
    return None if row is None or row.disabled_at is not None else _person(row)


def role_of(engine: Engine, name: str) -> Role | None:
    """The role of this person, None when nobody who may log in has this name."""
    person = find_person(engine, name)
    return None if person is None else person.role


def password_fits(engine: Engine, name: str, password: str) -> bool:
    """Whether this is the person's password; takes as long for a name that nobody has."""
    with reading(engine).connect() as connection:
        query = select(UserRow.password_hash).where(UserRow.name == name, UserRow.disabled_at.is_(None))
        known = connection.execute(query).scalar_one_or_none()
    try:
        return _hasher.verify(known or _NOBODY, password[:LONGEST_PASSWORD]) and bool(known)
    except (VerificationError, InvalidHashError):
        return False


def _hash(password: str | None) -> str:
    """The argon2id hash; nothing for no password. Raises Refused for one that is unfit."""
    if password is None:
        return ""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Refused(f"a password has {SHORTEST_PASSWORD} characters or more")
    if not password.isprintable():
        raise Refused("the password holds a control character or is not UTF-8")
    return _hasher.hash(password)


def _held(connection: Connection, name: str) -> Person:
    """The person, held until the transaction ends; raises Refused when nobody has this name."""
    row = connection.execute(select(*UserRow.__table__.c).where(UserRow.name == name).with_for_update()).first()
    if row is None:
        raise Refused(f"nobody is called {name!r}; `renteseg user list` shows who there is")
    return _person(row)


def _keep_an_administrator(connection: Connection, person: Person) -> None:
    """Of two who end each other at once, one is refused: both hold every administrator's row."""
    admins = select(UserRow.name).where(UserRow.role == Role.ADMIN.value, UserRow.disabled_at.is_(None))
    if set(connection.execute(admins.with_for_update()).scalars()) == {person.name}:
        raise LastAdministrator(f"{person.name} is the last administrator: make somebody else one first")


def _change(connection: Connection, name: str, **values: str | datetime | None) -> None:
    connection.execute(update(UserRow).where(UserRow.name == name).values(**values))


def _person(row: Row[tuple[object, ...]]) -> Person:
    stamp = hashlib.sha256(row.password_hash.encode()).hexdigest()[:16]
    return Person(row.name, Role(row.role), row.created_at, row.disabled_at, bool(row.password_hash), stamp)
