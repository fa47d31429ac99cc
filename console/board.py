"""The state of everything that is watched, as one value that all browsers share. Pure: what was read is given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from incident_store.domain.availability import Account, MinuteState, Watched, component_account, service_account
from incident_store.domain.minute_sets import Span

STALE = timedelta(minutes=2)
"""An instant that is older says nothing of now."""


@dataclass(frozen=True)
class Instant:
    """What the metrics say of a component now. `up` is None while it is unknown; `why` are reasons of failure."""

    up: bool | None = None
    since: datetime | None = None
    seconds: float | None = None
    slow: bool = False
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class MonthSoFar:
    """A subject's month until now: shares in per cent, None when nothing is known, and the minutes still to lose."""

    gross: float | None
    contractual: float | None
    coverage: float | None
    target: float
    contractual_target: bool
    left: int


@dataclass(frozen=True)
class Month:
    """The month until `as_of`, by service and by component. `needed`: how many components each service needs."""

    as_of: datetime
    services: Mapping[str, MonthSoFar]
    components: Mapping[str, MonthSoFar]
    needed: Mapping[str, int]


@dataclass(frozen=True)
class Run:
    """Minutes in a row in one state: from the first on, so many."""

    first: int
    minutes: int
    state: MinuteState


@dataclass(frozen=True)
class Row:
    """A service or a component as the page shows it. `counts` are the strip's minutes by state."""

    name: str
    state: MinuteState
    strip: tuple[Run, ...]
    counts: Mapping[MinuteState, int]
    month: MonthSoFar | None
    instant: Instant = field(default_factory=Instant)
    owner: str = ""
    incident: int | None = None


@dataclass(frozen=True)
class Group:
    """A service with its components."""

    service: Row
    components: tuple[Row, ...]


@dataclass(frozen=True)
class Board:
    """Everything at `at`; `trouble` says, in words, why it may be old or empty. `version` tells boards apart."""

    at: datetime
    span: Span
    groups: tuple[Group, ...]
    month: Month | None
    trouble: str | None
    version: str = ""


@dataclass(frozen=True)
class Readings:
    """What a board is made of: `up` and `down` are the span's minutes by component, `maintenance` and
    `in_maintenance` those in counted windows and the components that are in one now."""

    at: datetime
    span: Span
    instants: Mapping[str, Instant]
    up: Mapping[str, int]
    down: Mapping[str, int]
    maintenance: Mapping[str, int]
    in_maintenance: frozenset[str]
    incidents: Mapping[str, int]
    month: Month | None
    trouble: str | None


def make_board(watched: Sequence[Mapping[str, str]], read: Readings) -> Board:
    """The board of the components that are watched, by service in their order."""
    by_service: dict[str, list[Mapping[str, str]]] = {}
    for component in watched:
        by_service.setdefault(component["service"], []).append(component)
    groups = tuple(_group(name, components, read) for name, components in by_service.items())
    return Board(read.at, read.span, groups, read.month, read.trouble)


def _group(name: str, components: Sequence[Mapping[str, str]], read: Readings) -> Group:
    month = read.month
    needed = min(month.needed.get(name, len(components)) if month else len(components), len(components))
    parts = [_watched(one["name"], read) for one in components]
    account = service_account(parts, needed, read.span.all)
    now = service_account([_now(one["name"], read) for one in components], needed, 1)
    service = Row(
        name=name,
        state=_state(now),
        strip=tuple(runs(account, read.span.minutes)),
        counts=_counts(account),
        month=month.services.get(name) if month else None,
    )
    return Group(service, tuple(_row(one, part, read) for one, part in zip(components, parts, strict=True)))


def _row(component: Mapping[str, str], part: Watched, read: Readings) -> Row:
    name, account = component["name"], component_account(part, read.span.all)
    return Row(
        name=name,
        state=_state(component_account(_now(name, read), 1)),
        strip=tuple(runs(account, read.span.minutes)),
        counts=_counts(account),
        month=read.month.components.get(name) if read.month else None,
        instant=read.instants.get(name, Instant()),
        owner=component["owner"],
        incident=read.incidents.get(name),
    )


def _watched(name: str, read: Readings) -> Watched:
    return Watched(read.up.get(name, 0), read.down.get(name, 0), read.maintenance.get(name, 0))


def _now(name: str, read: Readings) -> Watched:
    up = read.instants.get(name, Instant()).up
    return Watched(int(up is True), int(up is False), int(name in read.in_maintenance))


def _state(account: Account) -> MinuteState:
    if account.maintenance:
        return MinuteState.MAINTENANCE
    if account.up:
        return MinuteState.UP
    return MinuteState.DOWN if account.down else MinuteState.UNKNOWN


def _counts(account: Account) -> dict[MinuteState, int]:
    return {
        MinuteState.UP: account.up.bit_count(),
        MinuteState.DOWN: account.down.bit_count(),
        MinuteState.UNKNOWN: account.unknown.bit_count(),
        MinuteState.MAINTENANCE: account.maintenance.bit_count(),
    }


def runs(account: Account, minutes: int) -> Iterator[Run]:
    """The minutes of an account as runs of one state, in order and nothing left out."""
    sets = (
        (MinuteState.UP, account.up),
        (MinuteState.DOWN, account.down),
        (MinuteState.MAINTENANCE, account.maintenance),
    )
    first, state = 0, None
    for minute in range(minutes):
        here = next((one for one, found in sets if found >> minute & 1), MinuteState.UNKNOWN)
        if here is not state:
            if state is not None:
                yield Run(first, minute - first, state)
            first, state = minute, here
    if state is not None:
        yield Run(first, minutes - first, state)


def minutes_left(counted: int, lost: int, target: float) -> int:
    """How many more minutes of those that count may be lost before the target is missed; negative when it is.

    `counted` are all minutes of the month that count, `target` is in per cent; equal to the target is met.
    """
    allowed = counted * (100 - Fraction(str(target))) // 100
    return int(allowed) - lost
