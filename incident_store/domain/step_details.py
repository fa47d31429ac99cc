"""What must be said with a step, and whether its times can be (semantics 11)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from incident_store.domain.corrections import open_corrections
from incident_store.domain.exclusions import DECISIONS, Exclusion, exclusions, interval
from incident_store.domain.incidents import Event, Kind, corrected
from incident_store.domain.lifecycle import CORRECTIONS, NOT_BEFORE, SUPERSEDING, EventKind
from incident_store.domain.outages import faults
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
    EventKind.CORRECTION_PROPOSED: ("event", "reason"),
    EventKind.CORRECTED: ("proposal",),
    EventKind.NOTED: ("text",),
    EventKind.EXCLUSION_PROPOSED: ("from", "until", "reason"),
    EventKind.EXCLUSION_VALIDATED: ("event",),
    EventKind.EXCLUSION_REJECTED: ("event", "reason"),
}
"""What must be said with a step, so that the record explains itself; a consulta is closed without a word."""


MAY_SAY: Mapping[EventKind, tuple[str, ...]] = {
    EventKind.VALIDATED: ("from",),
    EventKind.RESPONSIBLE_ANSWERED: ("message",),
    EventKind.RESTORED: ("reason",),
    EventKind.RCA_RECEIVED: ("sha256",),
    EventKind.CLOSED: ("reason",),
    EventKind.ANNOUNCED: ("notice",),
    EventKind.CORRECTED: ("event", "reason"),
    EventKind.NOTED: ("message",),
}
"""What may be said besides; `text`, a remark, with every step. `reason` with a restoration or a closing: why it is one
although the alerts say otherwise."""


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


def sayable(step: EventKind) -> frozenset[str]:
    """The names of the details that a step may have."""
    return frozenset({*REQUIRED.get(step, ()), *MAY_SAY.get(step, ()), "text"})


def by_details(step: Step, kind: Kind, history: Sequence[Event], now: datetime) -> Refusal | None:
    """What must be said with a step is said, in words that are known."""
    missing = [name for name in needed(step.kind, kind) if not step.details.get(name, "").strip()]
    if missing:
        return Refusal(Reason.MISSING_DETAIL, f"{step.kind.value} needs {', '.join(missing)}")
    if unknown := sorted(step.details.keys() - sayable(step.kind)):
        text = f"{step.kind.value} says {', '.join(sorted(sayable(step.kind)))}, not {', '.join(unknown)}"
        return Refusal(Reason.BAD_DETAIL, text)
    for name, known in WORDS.items():
        if name in step.details and step.details[name] not in known:
            return Refusal(Reason.BAD_DETAIL, f"{name} is one of {', '.join(sorted(known))}")
    if step.kind in CORRECTIONS:
        return _by_correction(step, history)
    if step.kind in DECISIONS and number(step) not in (open_ones := decidable(history, step.kind)):
        return Refusal(Reason.BAD_DETAIL, f"event is the number of an exclusion: {', '.join(map(str, open_ones))}")
    return _by_times_in_details(step, history, now)


def _by_times_in_details(step: Step, history: Sequence[Event], now: datetime) -> Refusal | None:
    """Times among the words of a step are read again whenever the incident is: they must be times."""
    for name in ("from", "until"):
        if name in step.details and (wrong := _time_wrong(step.details[name], now)):
            return Refusal(Reason.BAD_DETAIL, f"{name} {wrong}")
    return _by_span(step, history, now) if step.kind is EventKind.EXCLUSION_PROPOSED else None


def _by_span(step: Step, history: Sequence[Event], now: datetime) -> Refusal | None:
    """An exclusion is a stretch of the incident's own time."""
    stretches = faults(history)
    began, ended = stretches[0].start, stretches[-1].until(now).end
    try:
        asked = interval(step.details)
    except ValueError:
        asked = None
    if asked is None or asked.start == asked.end:
        return Refusal(Reason.BAD_DETAIL, "an exclusion ends after it begins")
    if asked.start < began or asked.end > ended:
        text = f"an exclusion lies within the incident, {began.isoformat()} to {ended.isoformat()}"
        return Refusal(Reason.BAD_DETAIL, text)
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
    if step.kind is EventKind.CORRECTED and (told := _by_proposal(step, history)):
        return told
    place = number(step)
    if not 1 <= place <= len(history):
        return Refusal(Reason.BAD_DETAIL, f"event is the number of an event, 1 to {len(history)}")
    target = history[place - 1].kind
    if target in CORRECTIONS:
        return Refusal(Reason.BAD_DETAIL, "correct the event itself, not its correction")
    if target in SUPERSEDING and any(event.kind is target for event in history[place:]):
        return Refusal(Reason.BAD_DETAIL, f"a later {target.value} replaced event {place}: correct that one")
    return None


def _by_proposal(step: Step, history: Sequence[Event]) -> Refusal | None:
    waiting = [str(place) for place in open_corrections(history)]
    if step.details["proposal"] in waiting:
        return None
    return Refusal(Reason.BAD_DETAIL, f"proposal is the number of a proposed correction: {', '.join(waiting)}")


def by_order(step: Step, history: Sequence[Event]) -> Refusal | None:
    """What happened after something else cannot have a time before it; a correction is held to the same."""
    place = number(step) - 1 if step.kind in CORRECTIONS else len(history)
    kind = history[place].kind if step.kind in CORRECTIONS else step.kind
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
