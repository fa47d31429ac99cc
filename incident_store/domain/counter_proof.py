"""What the exporter's own seconds by state prove of minutes that nobody scraped (semantics 26)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from incident_store.domain.availability import MinuteState

TOLERANCE = 5.0
"""Seconds by which the time between two scrapes and the time counted may differ: a scrape takes a while."""
SAME = 0.001
"""Seconds that are no growth but the rounding of what was written as text."""

COUNTED = (MinuteState.UP, MinuteState.DOWN, MinuteState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Reading:
    """The seconds in each state as one scrape found them."""

    at: datetime
    seconds: Mapping[MinuteState, float]

    @property
    def complete(self) -> bool:
        """Whether every state was there; without one of them nothing is proved."""
        return all(state in self.seconds for state in COUNTED)


def proved_state(before: Reading, after: Reading) -> MinuteState | None:
    """The one state in which all time between two scrapes was spent; None when they do not prove it.

    A counter that went back was reset. Counters that grew by less or more than the time that passed are not of one
    account: they were reset and grew again, or belong to somebody else.
    """
    if not (before.complete and after.complete):
        return None
    growth = {state: after.seconds[state] - before.seconds[state] for state in COUNTED}
    grown = [state for state in COUNTED if growth[state] > SAME]
    passed = (after.at - before.at).total_seconds()
    if min(growth.values()) < -SAME or len(grown) != 1 or abs(growth[grown[0]] - passed) > TOLERANCE:
        return None
    return grown[0] if grown[0] is not MinuteState.UNKNOWN else None


def agreed_state(proofs: list[MinuteState | None]) -> MinuteState | None:
    """What several exporters prove of one component: the state, unless they contradict each other."""
    states = {proof for proof in proofs if proof is not None}
    return states.pop() if len(states) == 1 else None
