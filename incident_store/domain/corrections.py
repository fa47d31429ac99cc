"""Corrected times: proposed by one person, confirmed by another (semantics 10, 11).

What was proposed counts for nothing until it is confirmed; the time that it replaces stays on record.
"""

from collections.abc import Sequence

from incident_store.domain.incidents import Event
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.refusals import Step


def open_corrections(history: Sequence[Event]) -> dict[int, Event]:
    """The corrections that wait for another person, by the number of the event that proposed each.

    A later proposal for the same event takes the place of the one before.
    """
    waiting: dict[str, int] = {}
    for place, event in enumerate(history, 1):
        if event.kind is EventKind.CORRECTION_PROPOSED:
            waiting[event.details["event"]] = place
        elif event.kind is EventKind.CORRECTED:
            waiting.pop(event.details["event"], None)
    return {place: history[place - 1] for place in sorted(waiting.values())}


def confirming(step: Step, history: Sequence[Event]) -> Step:
    """The step as the proposal that it confirms says it: which event, which time, and why."""
    proposal = next(
        (event for place, event in open_corrections(history).items() if step.details.get("proposal") == str(place)),
        None,
    )
    if step.kind is not EventKind.CORRECTED or proposal is None:
        return step
    return Step(step.kind, proposal.at, {**step.details, **proposal.details})
