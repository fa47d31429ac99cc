"""What must be said with a step, and whether its times can be (semantics 11)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from incident_store.domain.exclusions import DECISIONS, Exclusion, exclusions, interval
from incident_store.domain.incidents import Event, Kind, corrected
from incident_store.domain.lifecycle import NOT_BEFORE, SUPERSEDING, EventKind
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.refusals import Reason, Refusal, Step

REQUIRED: Mapping[EventKind, tuple[str, ...]] = {
    EventKind.DIAGNOSED: ("responsible", "severity", "cause"),
    EventKind.DISPATCHED: ("to",),
    EventKind.WAITING_BEGAN: ("reason",),
    EventKind.RESTORED: ("tests",),
    EventKind.CLOSED: ("unavailability",),
    EventKind.DISCARDED: ("reason",),
    EventKind.REOPENED: ("reason",),
    EventKind.CORRECTED: ("event", "reason"),
    EventKind.NOTED: ("text",),
    EventKind.EXCLUSION_PROPOSED: ("from", "until", "reason"),
    EventKind.EXCLUSION_VALIDATED: ("event",),
    EventKind.EXCLUSION_REJECTED: ("event", "reason"),
}
"""What must be said with a step, so that the record explains itself; a consulta is closed without a word."""


class Unavailability(StrEnum):
    """What the closing supervisor says of an incidencia: whether loads are owed because of it (semantics 33)."""

    CONFIRMED = "confirmed"
    NONE = "none"


WORDS: Mapping[str, frozenset[str]] = {
    "responsible": frozenset(Responsible),
    "severity": frozenset(Severity),
    "unavailability": frozenset(Unavailability),
}
"""The closed lists among the details."""


def decidable(history: Sequence[Event], kind: EventKind) -> dict[int, Exclusion]:
    """The exclusions that this decision may be said of, by the number of the event that proposed each."""
    _, states = DECISIONS[kind]
    return {one.place: one for one in exclusions(history) if one.state in states}


def by_time(step: Step, now: datetime) -> Refusal | None:
    """Nothing is recorded before it happened."""
    if step.at > now:
        return Refusal(Reason.FUTURE, f"{step.at.isoformat()} is in the future")
    return None


def needed(step: EventKind, kind: Kind) -> tuple[str, ...]:
    """What must be said with this step of a record of this kind."""
    return () if kind is Kind.QUESTION and step is EventKind.CLOSED else REQUIRED.get(step, ())


def by_details(step: Step, kind: Kind, history: Sequence[Event], now: datetime) -> Refusal | None:
    """What must be said with a step is said, in words that are known."""
    missing = [name for name in needed(step.kind, kind) if not step.details.get(name, "").strip()]
    if missing:
        return Refusal(Reason.MISSING_DETAIL, f"{step.kind.value} needs {', '.join(missing)}")
    for name, known in WORDS.items():
        if name in step.details and step.details[name] not in known:
            return Refusal(Reason.BAD_DETAIL, f"{name} is one of {', '.join(sorted(known))}")
    if step.kind is EventKind.CORRECTED:
        return _by_correction(step, history)
    if step.kind in DECISIONS and number(step) not in (open_ones := decidable(history, step.kind)):
        return Refusal(Reason.BAD_DETAIL, f"event is the number of an exclusion: {', '.join(map(str, open_ones))}")
    return _by_times_in_details(step, now)


def _by_times_in_details(step: Step, now: datetime) -> Refusal | None:
    """Times among the words of a step are read again whenever the incident is: they must be times."""
    for name in ("from", "until"):
        if name in step.details and (wrong := _time_wrong(step.details[name], now)):
            return Refusal(Reason.BAD_DETAIL, f"{name} {wrong}")
    if step.kind is EventKind.EXCLUSION_PROPOSED:
        try:
            empty = interval(step.details).duration.total_seconds() <= 0
        except ValueError:
            empty = True
        if empty:
            return Refusal(Reason.BAD_DETAIL, "an exclusion ends after it begins")
    return None


def _time_wrong(text: str, now: datetime) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return "is a time with its offset, such as 2026-10-05T09:00:00-05:00"
        return "is in the future" if moment.astimezone(UTC) > now else None
    except (ValueError, OverflowError):
        return "is a time such as 2026-10-05T09:00:00-05:00"


def number(step: Step) -> int:
    """The event that a step speaks of, by its place; 0 for words that are no number."""
    place = step.details["event"]
    return int(place) if place.isascii() and place.isdecimal() and len(place) < 10 else 0


def _by_correction(step: Step, history: Sequence[Event]) -> Refusal | None:
    place = number(step)
    if not 1 <= place <= len(history):
        return Refusal(Reason.BAD_DETAIL, f"event is the number of an event, 1 to {len(history)}")
    target = history[place - 1].kind
    if target is EventKind.CORRECTED:
        return Refusal(Reason.BAD_DETAIL, "correct the event itself, not its correction")
    if target in SUPERSEDING and any(event.kind is target for event in history[place:]):
        return Refusal(Reason.BAD_DETAIL, f"a later {target.value} replaced event {place}: correct that one")
    return None


def by_order(step: Step, history: Sequence[Event]) -> Refusal | None:
    """What happened after something else cannot have a time before it; a correction is held to the same."""
    place = number(step) - 1 if step.kind is EventKind.CORRECTED else len(history)
    kind = history[place].kind if step.kind is EventKind.CORRECTED else step.kind
    in_force = _in_force(history)
    earlier = [event for index, event in in_force if index < place and event.kind in NOT_BEFORE.get(kind, ())]
    later = [event for index, event in in_force if index > place and kind in NOT_BEFORE.get(event.kind, ())]
    if broken := next((event for event in earlier if step.at < event.at), None):
        reason = Reason.BEFORE_DETECTION if broken.kind is EventKind.DETECTED else Reason.WRONG_ORDER
        return Refusal(reason, f"{kind.value} cannot be before {broken.kind.value}, {broken.at.isoformat()}")
    if broken := next((event for event in later if step.at > event.at), None):
        text = f"{broken.kind.value}, {broken.at.isoformat()}, cannot be before {kind.value}: correct that one first"
        return Refusal(Reason.WRONG_ORDER, text)
    return None


def _in_force(history: Sequence[Event]) -> list[tuple[int, Event]]:
    """The events with their places and corrected times, without those that a later one replaced."""
    last = {event.kind: index for index, event in enumerate(history)}
    return [
        (index, event)
        for index, event in enumerate(corrected(history))
        if event.kind not in SUPERSEDING or index == last[event.kind]
    ]
