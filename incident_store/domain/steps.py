"""May this person do this step now? A decision with a named reason; nothing is changed here (semantics 10, 11)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from incident_store.domain.exclusions import DECISIONS
from incident_store.domain.incidents import Event, Incident, Kind, fold
from incident_store.domain.lifecycle import EVERYWHERE, EXCLUSIONS, ROLES, TRANSITIONS, EventKind, Role, State
from incident_store.domain.refusals import Actor, Reason, Refusal, Step
from incident_store.domain.step_details import REQUIRED, by_details, by_order, by_time, decidable, number

__all__ = ["REQUIRED", "Actor", "Reason", "Refusal", "Step", "allowed", "decide"]


OF_INCIDENTS = frozenset({EventKind.RESTORED, EventKind.RCA_ASKED, EventKind.RCA_RECEIVED, *EXCLUSIONS})
"""What a question has not: it interrupts nothing."""

NEEDS_VALIDATION = frozenset({EventKind.CLOSED, EventKind.CONSOLIDATED})
"""Steps that rest on a severity and a responsible that two people agree on."""


REGISTERING = frozenset({Role.ANALYST, Role.SUPERVISOR})
"""Who may register by hand what was reported."""


def decide(history: Sequence[Event], kind: Kind, step: Step, actor: Actor, now: datetime) -> Event | Refusal:
    """The event that this step adds to the history, or why it is refused."""
    incident = fold(history)
    refusal = (
        _by_role(step, actor)
        or _by_state(history, incident, kind, step)
        or by_time(step, now)
        or by_details(step, kind, history, now)
        or by_order(step, history)
        or _by_four_eyes(history, incident, step, actor)
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
    return tuple(one for one in open_steps if _by_state(history, incident, kind, Step(one, now, {})) is None)


def _by_role(step: Step, actor: Actor) -> Refusal | None:
    roles = ROLES.get(step.kind, frozenset())
    if actor.role in roles:
        return None
    who = " or ".join(sorted(role.value for role in roles)) or "nobody: the monitoring records it"
    return Refusal(Reason.WRONG_ROLE, f"{step.kind.value} is for {who}, and {actor.name} is {actor.role.value}")


def _by_state(history: Sequence[Event], incident: Incident, kind: Kind, step: Step) -> Refusal | None:
    possible = TRANSITIONS[incident.state]
    beside = EVERYWHERE if incident.state is not State.DISCARDED else EVERYWHERE - EXCLUSIONS
    if step.kind not in possible and step.kind not in beside:
        names = ", ".join(one.value for one in possible) or "nothing"
        return Refusal(Reason.OUT_OF_ORDER, f"in {incident.state.value} only {names} can follow, not {step.kind.value}")
    if kind is Kind.QUESTION and step.kind in OF_INCIDENTS:
        return Refusal(Reason.QUESTION, "a consulta has no restoration: close it with its answer")
    if step.kind in DECISIONS and not decidable(history, step.kind):
        return Refusal(Reason.NOTHING_PROPOSED, f"there is no exclusion for {step.kind.value}: propose one first")
    return _by_diagnosis(incident, step) or _by_restoration(incident, kind, step)


def _by_diagnosis(incident: Incident, step: Step) -> Refusal | None:
    if step.kind is EventKind.VALIDATED and incident.diagnosis is None:
        return Refusal(Reason.NO_DIAGNOSIS, "there is no diagnosis to validate: record diagnosed first")
    if step.kind in NEEDS_VALIDATION and not incident.validated:
        return Refusal(Reason.NO_DIAGNOSIS, f"{step.kind.value} needs a validated diagnosis: validate it first")
    return None


def _by_restoration(incident: Incident, kind: Kind, step: Step) -> Refusal | None:
    if step.kind is EventKind.CLOSED and kind is Kind.INCIDENT and incident.state is not State.RESTORED:
        return Refusal(Reason.NOT_RESTORED, "an incident is closed after its restoration is confirmed")
    if step.kind is EventKind.DISCARDED and EventKind.RESTORED in incident.times:
        text = "it was real and restored once: end a false relapse with restored, at the time it was reopened"
        return Refusal(Reason.WAS_RESTORED, text)
    return None


def _by_four_eyes(history: Sequence[Event], incident: Incident, step: Step, actor: Actor) -> Refusal | None:
    """Nobody validates their own change of severity or responsible, or their own exclusion."""
    if step.kind is EventKind.EXCLUSION_VALIDATED:
        proposed_by = history[number(step) - 1].author
        return _own("exclusion", actor) if proposed_by == actor.name else None
    diagnosis = incident.diagnosis
    if step.kind is not EventKind.VALIDATED or diagnosis is None or diagnosis.author != actor.name:
        return None
    proposed = diagnosis.details
    if (proposed["severity"], proposed["responsible"]) == (incident.severity.value, incident.responsible.value):
        return None
    return _own("change of severity or responsible", actor)


def _own(what: str, actor: Actor) -> Refusal:
    return Refusal(Reason.OWN_CHANGE, f"{actor.name} proposed this {what}: another person validates it")
