"""The kinds of values that requests are made of, each with what is refused of it and how the schema says so."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
)

from groundwork.direction_marks import MARKS
from incident_store.given import LARGEST_NUMBER

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""RENTESEG is younger; a clock that began long before it would have to be reckoned through every calendar since."""

_SHOWN = rf"[^\x00-\x1f\x7f-\x9f{MARKS}]"
_WRITTEN = r"[^\x00-\x08\x0b-\x1f\x7f-\x9f]"
_BLACK = rf"[^\s\x00-\x1f\x7f-\x9f{MARKS}]"

LINE = f"^{_SHOWN}*$"
NAMED = f"^{_SHOWN}*{_BLACK}{_SHOWN}*$"
TEXT = f"^{_WRITTEN}*$"
WORD = "^[a-z_]{1,32}$"

EXPECTED = {
    LINE: "must be one line without control characters or marks of direction",
    NAMED: "must be one line that says something, without control characters or marks of direction",
    TEXT: "must be text without control characters other than tabs and line feeds",
    WORD: "must be a name such as severity or reason",
}
"""What each pattern means, for whoever did not meet it."""

Line = Annotated[str, StringConstraints(max_length=200, pattern=LINE)]
Named = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NAMED)]
Text = Annotated[str, StringConstraints(max_length=10_000, pattern=TEXT)]
Word = Annotated[str, StringConstraints(pattern=WORD)]
Count = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]


def _moment(value: datetime) -> datetime:
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years that can be reckoned with") from None
    if moment < EARLIEST:
        raise ValueError(f"is before {EARLIEST.date()}: nothing was watched then")
    return moment


def _written(pattern: str, expected: str) -> BeforeValidator:
    """Text of this form and no other: pydantic alone would take a number for the seconds since 1970."""

    def check(value: object) -> object:
        if not isinstance(value, str) or re.match(pattern, value) is None:
            raise ValueError(f"must be {expected}")
        return value

    return BeforeValidator(check)


Moment = Annotated[
    AwareDatetime,
    Strict(False),
    AfterValidator(_moment),
    _written(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d", "a time with its offset, such as 2026-10-05T09:00:00-05:00"),
]
"""A time with its offset, such as 2026-10-05T09:00:00-05:00; handed on in UTC."""

Day = Annotated[date, Strict(False), _written(r"\d{4}-\d\d-\d\d$", "a day such as 2026-10-05")]


def _flag(value: object) -> object:
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value == "true"


Flag = Annotated[bool, BeforeValidator(_flag)]
"""Yes or no in a query, written true or false."""


T = TypeVar("T")
Many = Annotated[list[T], BeforeValidator(lambda value: value if isinstance(value, list) else [value])]
"""A parameter of a query that may be repeated."""


class Asked(BaseModel):
    """What a client sends: nothing that is not known, and nothing turned into what it is not."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """What a client asks for in the address; every value arrives as text."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """What is answered; what it does not name is left out."""

    model_config = ConfigDict(serialize_by_alias=True)
