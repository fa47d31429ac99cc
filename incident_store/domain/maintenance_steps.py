"""May this person plan this window, or do this with it, now? A decision with a named reason (semantics 24)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from incident_store.domain.lifecycle import Role
from incident_store.domain.maintenance import Plan, Window, WindowEvent, WindowEventKind, WindowStep
from incident_store.domain.steps import Actor

LONGEST = timedelta(days=31)
"""A longer window is a slip of the pen: while it lasts its components alert nobody."""


FARTHEST = timedelta(days=2 * 366)
"""How far from now a window may begin, before or after; farther off a year was mistyped."""


class Reason(StrEnum):
    """Why something about a window is refused."""

    WRONG_ROLE = "wrong_role"
    OWN_PLAN = "own_plan"
    CANCELLED = "cancelled"
    OUT_OF_ORDER = "out_of_order"
    BAD_SPAN = "bad_span"
    NO_REASON = "no_reason"
    NO_COMPONENT = "no_component"


@dataclass(frozen=True)
class Refusal:
    """A named reason and a sentence that says what would be accepted."""

    reason: Reason
    text: str


def plan_window(plan: Plan, actor: Actor, now: datetime) -> WindowEvent | Refusal:
    """The event that plans a window, or why it is refused."""
    if actor.role not in {Role.ANALYST, Role.SUPERVISOR}:
        return _wrong_role(actor, "an analyst or a supervisor plans")
    if not plan.components or not all(component.strip() for component in plan.components):
        return Refusal(Reason.NO_COMPONENT, "name the components, or a service that has some")
    if refusal := _by_span(plan, now):
        return refusal
    if not plan.reason.strip():
        return Refusal(Reason.NO_REASON, "say what is done and why")
    if plan.span.start < now and not plan.late_reason.strip():
        text = "it begins in the past: say why it is recorded only now (late reason)"
        return Refusal(Reason.NO_REASON, text)
    details = {
        "components": sorted(set(plan.components)),
        "service": plan.service,
        "from": plan.span.start.astimezone(UTC).isoformat(),
        "to": plan.span.end.astimezone(UTC).isoformat(),
        "reason": plan.reason,
        "late_reason": plan.late_reason,
    }
    return WindowEvent(WindowEventKind.PLANNED, now, actor.name, details)


def _by_span(plan: Plan, now: datetime) -> Refusal | None:
    if plan.span.start == plan.span.end or plan.span.duration > LONGEST:
        return Refusal(Reason.BAD_SPAN, f"a window ends after it begins, within {LONGEST.days} days")
    if abs(plan.span.start - now) > FARTHEST:
        return Refusal(Reason.BAD_SPAN, f"a window begins within {FARTHEST.days} days from now: look at the year")
    return None


def decide_window(window: Window, step: WindowStep, actor: Actor, now: datetime) -> WindowEvent | Refusal:
    """The event that this step adds to a planned window, or why it is refused."""
    if actor.role is not Role.SUPERVISOR:
        return _wrong_role(actor, "a supervisor decides about maintenance")
    if window.cancelled_at is not None:
        return Refusal(Reason.CANCELLED, f"window {window.number} was cancelled: plan another one")
    refusal = _CHECKS[step.kind](window, step, actor, now)
    if refusal is not None:
        return refusal
    until = {} if step.until is None else {"to": step.until.astimezone(UTC).isoformat()}
    return WindowEvent(step.kind, now, actor.name, {"reason": step.reason, **until})


def _wrong_role(actor: Actor, rule: str) -> Refusal:
    return Refusal(Reason.WRONG_ROLE, f"{actor.name} is {actor.role.value}: {rule}")


def _check_plan(_window: Window, _step: WindowStep, _actor: Actor, _now: datetime) -> Refusal | None:
    return Refusal(Reason.OUT_OF_ORDER, "it is planned already")


def _check_approval(window: Window, step: WindowStep, actor: Actor, now: datetime) -> Refusal | None:
    if window.approval is not None:
        return Refusal(Reason.OUT_OF_ORDER, f"{window.approval.by} approved it already")
    if actor.name == window.planned_by:
        return Refusal(Reason.OWN_PLAN, f"{actor.name} planned it: another supervisor approves it")
    if now > window.span.start and not step.reason.strip():
        return Refusal(Reason.NO_REASON, "it has begun: an approval afterwards counts only with a reason")
    return None


def _check_announcement(window: Window, _step: WindowStep, _actor: Actor, _now: datetime) -> Refusal | None:
    if window.approval is None:
        return Refusal(Reason.OUT_OF_ORDER, "it is announced after its approval")
    if window.announced_at is not None:
        return Refusal(Reason.OUT_OF_ORDER, "it was announced already")
    return None


def _check_shortening(window: Window, step: WindowStep, _actor: Actor, _now: datetime) -> Refusal | None:
    if step.until is None or not window.span.start < step.until < window.span.end:
        between = f"{window.span.start.isoformat()} and {window.span.end.isoformat()}"
        return Refusal(Reason.BAD_SPAN, f"the new end lies between {between}; more time is another window")
    return None


def _check_cancellation(_window: Window, step: WindowStep, _actor: Actor, _now: datetime) -> Refusal | None:
    return None if step.reason.strip() else Refusal(Reason.NO_REASON, "say why it is cancelled")


_CHECKS = {
    WindowEventKind.PLANNED: _check_plan,
    WindowEventKind.APPROVED: _check_approval,
    WindowEventKind.ANNOUNCED: _check_announcement,
    WindowEventKind.SHORTENED: _check_shortening,
    WindowEventKind.CANCELLED: _check_cancellation,
}
