"""May this person do this step now? A decision with a named reason; nothing is changed here (semantics 10, 11)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from incident_store.domain.incidents import Event, Incident, Kind, corrected, fold
from incident_store.domain.lifecycle import EVERYWHERE, ROLES, TRANSITIONS, EventKind, Role, State
from incident_store.domain.policies import Responsible, Severity


class Reason(StrEnum):
    """Why a step is refused."""

    OUT_OF_ORDER = "out_of_order"
    WRONG_ROLE = "wrong_role"
    FUTURE = "future"
    BEFORE_DETECTION = "before_detection"
    MISSING_DETAIL = "missing_detail"
    BAD_DETAIL = "bad_detail"
    NO_DIAGNOSIS = "no_diagnosis"
    OWN_CHANGE = "own_change"
    NOT_RESTORED = "not_restored"
    QUESTION = "question"


@dataclass(frozen=True)
class Actor:
    """Who acts."""

    name: str
    role: Role


@dataclass(frozen=True)
class Step:
    """What somebody wants to record: what happened, when (UTC), and what must be said with it."""

    kind: EventKind
    at: datetime
    details: Mapping[str, str]


@dataclass(frozen=True)
class Refusal:
    """A named reason and a sentence that says what would be accepted."""

    reason: Reason
    text: str


REQUIRED: Mapping[EventKind, tuple[str, ...]] = {
    EventKind.DIAGNOSED: ("responsible", "severity", "cause"),
    EventKind.DISPATCHED: ("to",),
    EventKind.WAITING_BEGAN: ("reason",),
    EventKind.RESTORED: ("tests",),
    EventKind.DISCARDED: ("reason",),
    EventKind.REOPENED: ("reason",),
    EventKind.CORRECTED: ("event", "reason"),
    EventKind.NOTED: ("text",),
}
"""What must be said with a step, so that the record explains itself."""


REGISTERING = frozenset({Role.ANALYST, Role.SUPERVISOR})
"""Who may register by hand what was reported."""


def decide(history: Sequence[Event], kind: Kind, step: Step, actor: Actor, now: datetime) -> Event | Refusal:
    """The event that this step adds to the history, or why it is refused."""
    incident = fold(history)
    refusal = (
        _by_role(step, actor)
        or _by_state(incident, kind, step)
        or _by_time(incident, step, now)
        or _by_details(step, history)
        or _by_four_eyes(incident, step, actor)
    )
    return refusal or Event(step.kind, step.at, now, actor.name, {**step.details, **_confirmed(incident, step)})


def decide_report(detected_at: datetime, actor: Actor, now: datetime) -> Refusal | None:
    """Why this person may not register by hand what was detected then; None when they may."""
    if actor.role not in REGISTERING:
        return Refusal(
            Reason.WRONG_ROLE, f"an analyst or a supervisor registers, and {actor.name} is {actor.role.value}"
        )
    if detected_at > now:
        return Refusal(Reason.FUTURE, f"{detected_at.isoformat()} is in the future")
    return None


def _confirmed(incident: Incident, step: Step) -> Mapping[str, str]:
    """What a validation sets is what the diagnosis proposed; who wants something else proposes it first."""
    if step.kind is not EventKind.VALIDATED or incident.diagnosis is None:
        return {}
    return {name: incident.diagnosis.details[name] for name in ("responsible", "severity")}


def allowed(history: Sequence[Event], kind: Kind, role: Role) -> tuple[EventKind, ...]:
    """The steps that this role may take now, in the table's order; what they need is in REQUIRED."""
    incident = fold(history)
    steps = [*TRANSITIONS[incident.state], *sorted(EVERYWHERE)]
    open_steps = (one for one in steps if one in ROLES and role in ROLES[one])
    now = max(event.recorded_at for event in history)
    return tuple(one for one in open_steps if _by_state(incident, kind, Step(one, now, {})) is None)


def _by_role(step: Step, actor: Actor) -> Refusal | None:
    roles = ROLES.get(step.kind, frozenset())
    if actor.role in roles:
        return None
    who = " o ".join(sorted(role.value for role in roles)) or "nobody: the monitoring records it"
    return Refusal(Reason.WRONG_ROLE, f"{step.kind.value} is for {who}, and {actor.name} is {actor.role.value}")


def _by_state(incident: Incident, kind: Kind, step: Step) -> Refusal | None:
    possible = TRANSITIONS[incident.state]
    if step.kind not in possible and step.kind not in EVERYWHERE:
        names = ", ".join(one.value for one in possible) or "nothing"
        return Refusal(Reason.OUT_OF_ORDER, f"in {incident.state.value} only {names} can follow, not {step.kind.value}")
    if kind is Kind.QUESTION and step.kind is EventKind.RESTORED:
        return Refusal(Reason.QUESTION, "a consulta has no restoration: close it with its answer")
    if step.kind is EventKind.VALIDATED and incident.diagnosis is None:
        return Refusal(Reason.NO_DIAGNOSIS, "there is no diagnosis to validate: record diagnosed first")
    if step.kind is EventKind.CLOSED and not incident.validated:
        return Refusal(Reason.NO_DIAGNOSIS, "an incident is closed with a validated diagnosis: validate it first")
    if step.kind is EventKind.CLOSED and kind is Kind.INCIDENT and incident.state is not State.RESTORED:
        return Refusal(Reason.NOT_RESTORED, "an incident is closed after its restoration is confirmed")
    return None


def _by_time(incident: Incident, step: Step, now: datetime) -> Refusal | None:
    if step.at > now:
        return Refusal(Reason.FUTURE, f"{step.at.isoformat()} is in the future")
    detected = incident.times[EventKind.DETECTED]
    if step.kind not in EVERYWHERE and step.at < detected:
        return Refusal(Reason.BEFORE_DETECTION, f"it was detected at {detected.isoformat()}, after the time given")
    return None


def _by_details(step: Step, history: Sequence[Event]) -> Refusal | None:
    missing = [name for name in REQUIRED.get(step.kind, ()) if not step.details.get(name, "").strip()]
    if missing:
        return Refusal(Reason.MISSING_DETAIL, f"{step.kind.value} needs {', '.join(missing)}")
    words = {"responsible": {one.value for one in Responsible}, "severity": {one.value for one in Severity}}
    for name, known in words.items():
        if name in step.details and step.details[name] not in known:
            return Refusal(Reason.BAD_DETAIL, f"{name} is one of {', '.join(sorted(known))}")
    if step.kind is EventKind.CORRECTED:
        return _by_correction(step, history)
    return None


def _by_correction(step: Step, history: Sequence[Event]) -> Refusal | None:
    place = step.details["event"]
    if not place.isdecimal() or not 1 <= int(place) <= len(history):
        return Refusal(Reason.BAD_DETAIL, f"event is the number of an event, 1 to {len(history)}")
    target = history[int(place) - 1]
    if target.kind is EventKind.CORRECTED:
        return Refusal(Reason.BAD_DETAIL, "correct the event itself, not its correction")
    if target.kind is not EventKind.DETECTED:
        times = [event.at for event in corrected(history) if event.kind is EventKind.DETECTED]
        if target.kind is not EventKind.FAULT_BEGAN and step.at < times[-1]:
            return Refusal(Reason.BEFORE_DETECTION, f"it was detected at {times[-1].isoformat()}, after the time given")
    return None


def _by_four_eyes(incident: Incident, step: Step, actor: Actor) -> Refusal | None:
    """Nobody validates their own change of severity or responsible."""
    diagnosis = incident.diagnosis
    if step.kind is not EventKind.VALIDATED or diagnosis is None or diagnosis.author != actor.name:
        return None
    proposed = diagnosis.details
    if (proposed["severity"], proposed["responsible"]) == (incident.severity.value, incident.responsible.value):
        return None
    text = f"{actor.name} proposed this change of severity or responsible: another person validates it"
    return Refusal(Reason.OWN_CHANGE, text)
