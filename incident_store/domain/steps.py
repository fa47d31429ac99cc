"""May this person do this step now? A decision with a named reason; nothing is changed here (semantics 10, 11)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from incident_store.domain.corrections import confirming, open_corrections
from incident_store.domain.exclusions import DECISIONS, ExclusionState
from incident_store.domain.incidents import Event, Incident, Kind, fold
from incident_store.domain.lifecycle import EVERYWHERE, EXCLUSIONS, ROLES, TRANSITIONS, EventKind, Role, State
from incident_store.domain.refusals import Actor, Reason, Refusal, Step
from incident_store.domain.step_details import REQUIRED, by_details, by_order, by_time, decidable, number

__all__ = ["REQUIRED", "Actor", "Reason", "Refusal", "Step", "allowed", "decide"]


OF_INCIDENTS = frozenset({EventKind.RESTORED, EventKind.RCA_ASKED, EventKind.RCA_RECEIVED, *EXCLUSIONS})
"""What a question has not: it interrupts nothing."""

NEEDS_VALIDATION = frozenset({EventKind.CLOSED, EventKind.CONSOLIDATED})
"""Steps that rest on a severity and a responsible that two people agree on."""


ENDING = frozenset({EventKind.RESTORED, EventKind.CLOSED})
"""Steps that say that the service is back."""

ALERTS_LAG = timedelta(minutes=1)
"""A restoration may lie so much before the end of the last alert without a word: alerts end with the next look."""

REGISTERING = frozenset({Role.ANALYST, Role.SUPERVISOR})
"""Who may register by hand what was reported."""


def decide(
    history: Sequence[Event], kind: Kind, step: Step, actor: Actor, now: datetime, firing: Sequence[str] = ()
) -> Event | Refusal:
    """The event that this step adds to the history, or why it is refused.

    `firing` names the incident's alerts that are active. A correction takes its time from the proposal it confirms.
    """
    incident, step = fold(history), confirming(step, history)
    refusal = (
        _by_role(step, actor)
        or _by_state(history, incident, kind, step)
        or by_time(step, now)
        or by_details(step, kind, history, now)
        or by_order(step, history)
        or _by_alerts(incident, step, firing)
        or _by_four_eyes(history, step, actor)
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
    if step.kind is EventKind.CORRECTED and not open_corrections(history):
        return Refusal(Reason.NOTHING_PROPOSED, "no correction is proposed: record correction_proposed first")
    return _by_diagnosis(incident, step) or _by_restoration(incident, kind, step) or _by_rca(history, step)


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


def _by_rca(history: Sequence[Event], step: Step) -> Refusal | None:
    """The report is asked for once, and again only when it came or the fault did."""
    marks = {EventKind.RCA_ASKED, EventKind.RCA_RECEIVED, EventKind.REOPENED}
    last = next((event for event in reversed(history) if event.kind in marks), None)
    if step.kind is not EventKind.RCA_ASKED or last is None or last.kind is not EventKind.RCA_ASKED:
        return None
    return Refusal(Reason.OUT_OF_ORDER, f"{last.author} asked for it at {last.at.isoformat()}: a reminder is a note")


def _by_alerts(incident: Incident, step: Step, firing: Sequence[str]) -> Refusal | None:
    """Alerts do not decide when a service is back; who says otherwise than they do says why (semantics 9)."""
    if step.kind not in ENDING or step.details.get("reason", "").strip():
        return None
    if firing:
        text = f"active: {', '.join(sorted(set(firing)))}; wait for the end, or say with reason why {step.kind.value}"
        return Refusal(Reason.STILL_FIRING, text)
    ended = incident.proposed_restoration
    if step.kind is EventKind.RESTORED and ended is not None and step.at < ended - ALERTS_LAG:
        text = f"the alerts went on until {ended.isoformat()}: say with reason why it was restored before"
        return Refusal(Reason.STILL_FIRING, text)
    return None


def _by_four_eyes(history: Sequence[Event], step: Step, actor: Actor) -> Refusal | None:
    """Nobody validates what they themselves changed, proposed or validated before."""
    if step.kind is EventKind.EXCLUSION_VALIDATED:
        return _own("proposed this exclusion", actor, history[number(step) - 1].author)
    if step.kind is EventKind.EXCLUSION_REJECTED:
        exclusion = decidable(history, step.kind)[number(step)]
        by = exclusion.decided_by if exclusion.state is ExclusionState.VALIDATED else None
        return _own("validated this exclusion", actor, by)
    if step.kind is EventKind.CORRECTED:
        return _own("proposed this correction", actor, history[int(step.details["proposal"]) - 1].author)
    if step.kind is EventKind.VALIDATED and changed_by(history, actor.name):
        return _own("proposed this change of severity, responsible or cause", actor, actor.name)
    return None


def changed_by(history: Sequence[Event], person: str) -> bool:
    """Whether the diagnosis that waits is this person's, and says other than the incident or somebody else's did."""
    incident = fold(history)
    if incident.diagnosis is None or incident.diagnosis.author != person:
        return False
    said = incident.diagnosis.details
    if (said["severity"], said["responsible"]) != (incident.severity.value, incident.responsible.value):
        return True
    others = [event for event in history if event.kind is EventKind.DIAGNOSED and event.author != person]
    return bool(others) and others[-1].details["cause"] != said["cause"]


def _own(what: str, actor: Actor, author: str | None) -> Refusal | None:
    if author != actor.name:
        return None
    return Refusal(Reason.OWN_CHANGE, f"{actor.name} {what}: another person decides")
