"""Minutes taken out of the contractual figure: proposed by one person, validated by another (semantics 10, 25)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from incident_store.domain.incidents import Event
from incident_store.domain.intervals import Interval, merge
from incident_store.domain.lifecycle import EventKind


class ExclusionState(StrEnum):
    """Only a validated exclusion counts."""

    PROPOSED = "proposed"
    VALIDATED = "validated"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Exclusion:
    """A part of an incident's time that is not to count, and why; `place` is the event that proposed it, from 1."""

    place: int
    interval: Interval
    reason: str
    proposed_by: str
    state: ExclusionState = ExclusionState.PROPOSED
    decided_by: str | None = None


DECISIONS: Mapping[EventKind, tuple[ExclusionState, frozenset[ExclusionState]]] = {
    EventKind.EXCLUSION_VALIDATED: (ExclusionState.VALIDATED, frozenset({ExclusionState.PROPOSED})),
    EventKind.EXCLUSION_REJECTED: (
        ExclusionState.REJECTED,
        frozenset({ExclusionState.PROPOSED, ExclusionState.VALIDATED}),
    ),
}
"""What each decision makes of an exclusion, and of which ones it may be said; a rejection also takes one back."""


def exclusions(events: Iterable[Event]) -> tuple[Exclusion, ...]:
    """Every exclusion that was ever proposed for an incident, in order, with what was decided."""
    found: dict[int, Exclusion] = {}
    for place, event in enumerate(events, 1):
        if event.kind is EventKind.EXCLUSION_PROPOSED:
            found[place] = Exclusion(place, interval(event.details), event.details["reason"], event.author)
        elif event.kind in DECISIONS:
            proposed = int(event.details["event"])
            state, _ = DECISIONS[event.kind]
            found[proposed] = replace(found[proposed], state=state, decided_by=event.author)
    return tuple(found.values())


def excluded(events: Iterable[Event]) -> tuple[Interval, ...]:
    """The time that validated exclusions take out of the contractual figure, merged."""
    return merge(one.interval for one in exclusions(events) if one.state is ExclusionState.VALIDATED)


def interval(details: Mapping[str, str]) -> Interval:
    """The interval of a proposal; raises ValueError for words that are no times with a zone or in the wrong order."""
    return Interval(datetime.fromisoformat(details["from"]), datetime.fromisoformat(details["until"]))
