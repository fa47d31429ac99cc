"""Who may log in, and as what."""

from datetime import UTC, datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import IntegrityError

from groundwork.problems import Refused
from incident_store.database import reading
from incident_store.domain.lifecycle import Role
from incident_store.domain.steps import Actor
from incident_store.models import UserRow

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
_hasher = PasswordHasher()
_NOBODY = _hasher.hash("the hash that an unknown name is compared with, so that both take the same time")


def any_person(engine: Engine) -> bool:
    """Whether anybody may log in."""
    with reading(engine).connect() as connection:
        return connection.execute(select(func.count()).select_from(UserRow)).scalar_one() > 0


def add_person(engine: Engine, name: str, role: Role, password: str) -> None:
    """Let a person log in; raises Refused for a name that is taken or no name and for an unfit password."""
    if not name.strip() or len(name) > 64:
        raise Refused("a name has 1 to 64 characters")
    if not name.isprintable():
        raise Refused(f"the name {name!r} holds a control character or is not UTF-8")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Refused(f"a password has {SHORTEST_PASSWORD} characters or more")
    if not password.isprintable():
        raise Refused("the password holds a control character or is not UTF-8")
    row = {
        "name": name.strip(),
        "role": role.value,
        "password_hash": _hasher.hash(password),
        "created_at": datetime.now(UTC),
    }
    try:
        with engine.begin() as connection:
            connection.execute(insert(UserRow).values(row))
    except IntegrityError as error:
        raise Refused(f"{name!r} is there already") from error


def list_people(connection: Connection) -> list[Actor]:
    """Everybody who may log in, by name."""
    rows = connection.execute(select(UserRow.name, UserRow.role).order_by(UserRow.name))
    return [Actor(row.name, Role(row.role)) for row in rows]


def role_of(engine: Engine, name: str) -> Role | None:
    """The role of this person, None when nobody has this name."""
    with reading(engine).connect() as connection:
        role = connection.execute(select(UserRow.role).where(UserRow.name == name)).scalar_one_or_none()
    return None if role is None else Role(role)


def password_fits(engine: Engine, name: str, password: str) -> bool:
    """Whether this is the person's password; takes as long for a name that nobody has."""
    with reading(engine).connect() as connection:
        known = connection.execute(select(UserRow.password_hash).where(UserRow.name == name)).scalar_one_or_none()
    try:
        return _hasher.verify(known or _NOBODY, password[:LONGEST_PASSWORD]) and known is not None
    except (VerificationError, InvalidHashError):
        return False
