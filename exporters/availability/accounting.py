"""How long a component was up, down or unknown: every second since the account began is exactly one of them.

A result vouches for the time after it until the next result, but for `vouch` at most: what nobody looked at is
unknown, never up (semantics 22 and 26). Spans are whole microseconds, so the sums are exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """What is known of a component."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Account:
    """The spans per state from the account's beginning until `until`; `state` is held since `since`.

    Without new results the state holds until `vouched_until` and is unknown from then on.
    """

    state: State
    since: datetime
    until: datetime
    vouched_until: datetime
    spans: Mapping[State, timedelta] = field(default_factory=lambda: dict.fromkeys(State, timedelta()))

    @property
    def total(self) -> timedelta:
        """All time accounted for."""
        return sum(self.spans.values(), timedelta())


def opened(at: datetime) -> Account:
    """A new account: nothing is known yet."""
    return Account(State.UNKNOWN, since=at, until=at, vouched_until=at)


def advanced(account: Account, now: datetime) -> Account:
    """The account at `now`. A clock that went back changes nothing until it has caught up."""
    if now <= account.until:
        return account
    known_until = min(max(account.vouched_until, account.until), now)
    credited = _credited(account, account.state, known_until)
    if known_until == now:
        return credited
    return _credited(_changed(credited, State.UNKNOWN), State.UNKNOWN, now)


def observed(account: Account, state: State, at: datetime, vouch: timedelta) -> Account:
    """The account after a probe found `state`; `vouch` is how long that stands for, at most."""
    current = _changed(advanced(account, at), state)
    return Account(state, current.since, current.until, current.until + vouch, current.spans)


def _credited(account: Account, state: State, until: datetime) -> Account:
    spans = {**account.spans, state: account.spans[state] + (until - account.until)}
    return Account(account.state, account.since, until, account.vouched_until, spans)


def _changed(account: Account, state: State) -> Account:
    if account.state is state:
        return account
    return Account(state, account.until, account.until, account.vouched_until, account.spans)
