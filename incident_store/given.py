"""What people give on a command line, made into values or refused in one line."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import Engine

from groundwork.problems import Refused
from incident_store.domain.steps import Actor
from incident_store.people import role_of
from incident_store.terminal import LIMA

LARGEST_NUMBER = 2**63 - 1
Word = TypeVar("Word", bound=StrEnum)


def known_word(words: type[Word], given: str) -> Word:
    """The member of a closed list; raises Refused naming the list."""
    try:
        return words(given)
    except ValueError:
        raise Refused(f"{given!r} is none of {', '.join(words)}") from None


def one_line(given: str) -> str:
    """The text, when it is one line that every terminal and store can take."""
    if not given.isprintable():
        raise Refused(f"{given!r} holds a control character, a mark of direction, or is not UTF-8")
    return given


def acting_person(engine: Engine, name: str) -> Actor:
    """The person of this name; raises Refused when there is none."""
    role = role_of(engine, one_line(name))
    if role is None:
        raise Refused(f"nobody is called {name!r}; `renteseg user add {name} --role …` adds a person")
    return Actor(name, role)


def moment(at: datetime | None, now: datetime) -> datetime:
    """A time given by hand; without an offset it is Lima's."""
    if at is None:
        return now
    try:
        return (at if at.tzinfo else at.replace(tzinfo=LIMA)).astimezone(UTC)
    except OverflowError:
        raise Refused(f"{at} is outside the years that can be reckoned with") from None


def details_of(words: Sequence[str]) -> dict[str, str]:
    """`name=value` words as a mapping; raises Refused."""
    wrong = [word for word in words if "=" not in word]
    if wrong:
        raise Refused(f"{wrong[0]!r} is not name=value, such as responsible=B or reason='espera del operador'")
    return dict(one_line(word).split("=", 1) for word in words)


def moment_of(text: str, what: str) -> datetime:
    """A time written as `2026-11-24 22:00`; without an offset it is Lima's. `what` names it in the refusal."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{what}: {text!r} is not a time such as '2026-11-24 22:00'") from None
    return moment(at, at)
