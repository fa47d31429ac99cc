"""Maintenance windows: planned by one person, approved by another; what of them counts for the figures (semantics 24).

A window is its events. Whether it is in effect or over follows from them and the time, and is never recorded.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import Role
from incident_store.domain.steps import Actor

LONGEST = timedelta(days=31)
"""A longer window is a slip of the pen: while it lasts its components alert nobody."""


class WindowEventKind(StrEnum):
    """What can happen to a window."""

    PLANNED = "planned"
    APPROVED = "approved"
    ANNOUNCED = "announced"
    SHORTENED = "shortened"
    CANCELLED = "cancelled"


class Stage(StrEnum):
    """Where a window stands at a moment."""

    PLANNED = "planned"
    APPROVED = "approved"
    ANNOUNCED = "announced"
    EFFECTIVE = "effective"
    ENDED = "ended"
    LAPSED = "lapsed"  # its time passed without an approval
    CANCELLED = "cancelled"


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


@dataclass(frozen=True)
class WindowEvent:
    """One thing that happened to a window, written down at `recorded_at` (UTC) by `author`."""

    kind: WindowEventKind
    recorded_at: datetime
    author: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Approval:
    """Who approved a window, when, and why so late if it had begun."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class Plan:
    """What is asked for: `service` names the service whose components these are, or is empty.

    `late_reason` says why a window that has begun already is recorded only now.
    """

    components: tuple[str, ...]
    service: str
    span: Interval
    reason: str
    late_reason: str = ""


@dataclass(frozen=True)
class WindowStep:
    """What somebody does with a planned window; `until` (UTC) is the earlier end of one that is shortened."""

    kind: WindowEventKind
    reason: str = ""
    until: datetime | None = None


@dataclass(frozen=True)
class Window:
    """What the events of one window amount to."""

    number: int
    components: tuple[str, ...]
    service: str
    span: Interval
    reason: str
    planned_by: str
    planned_at: datetime
    approval: Approval | None = None
    announced_at: datetime | None = None
    cancelled_at: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether its minutes are maintenance in the figures: approved before it began, or later with a reason."""
        if self.approval is None or self.cancelled_at is not None:
            return False
        return self.approval.at <= self.span.start or bool(self.approval.reason)

    def stage(self, now: datetime) -> Stage:
        """Where it stands at `now`."""
        if self.cancelled_at is not None:
            return Stage.CANCELLED
        if self.approval is None:
            return Stage.PLANNED if now < self.span.end else Stage.LAPSED
        if now >= self.span.end:
            return Stage.ENDED
        if now >= self.span.start:
            return Stage.EFFECTIVE
        return Stage.APPROVED if self.announced_at is None else Stage.ANNOUNCED


@dataclass(frozen=True)
class CountedWindow:
    """A piece of maintenance that counts for a component, and who answers for it."""

    span: Interval
    window: int
    reason: str
    approved_by: str
    approval_reason: str


def counted_windows(windows: Iterable[Window], component: str, interval: Interval) -> tuple[CountedWindow, ...]:
    """The maintenance of a component that counts within the interval, clipped to it, by start (semantics 24).

    Windows may overlap and each is listed with its approver: the time they cover is `merge` of their spans.
    """
    counted = [
        CountedWindow(
            Interval(max(window.span.start, interval.start), min(window.span.end, interval.end)),
            window.number,
            window.reason,
            window.approval.by,
            window.approval.reason,
        )
        for window in windows
        if window.counts and window.approval is not None and component in window.components
        if window.span.start < interval.end and interval.start < window.span.end
    ]
    return tuple(sorted(counted, key=lambda one: (one.span, one.window)))


def under_maintenance(windows: Iterable[Window], now: datetime) -> frozenset[str]:
    """The components that are in a window that counts, now."""
    return frozenset(
        component
        for window in windows
        if window.counts and window.span.contains(now)
        for component in window.components
    )


def overlapping(windows: Iterable[Window], plan: Plan) -> tuple[int, ...]:
    """The windows that share time and a component with this plan; they merge in the figures, but people should know."""
    return tuple(
        window.number
        for window in windows
        if window.cancelled_at is None
        if window.span.start < plan.span.end and plan.span.start < window.span.end
        if set(window.components) & set(plan.components)
    )


def seal(previous: str, number: int, sequence: int, event: WindowEvent) -> str:
    """The hash (hex SHA-256) that chains a window's event to the one before it, as an incident's are (semantics 12)."""
    moment = event.recorded_at.astimezone(UTC).isoformat()
    body = ["maintenance", previous, number, sequence, event.kind.value, moment, event.author, dict(event.details)]
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def fold_window(number: int, events: Sequence[WindowEvent]) -> Window:
    """The window that these events, in order, amount to; the first one planned it."""
    planned, *later = events
    details = planned.details
    window = Window(
        number=number,
        components=tuple(details["components"]),
        service=details["service"],
        span=Interval(datetime.fromisoformat(details["from"]), datetime.fromisoformat(details["to"])),
        reason=details["reason"],
        planned_by=planned.author,
        planned_at=planned.recorded_at,
    )
    for event in later:
        window = _after(window, event)
    return window


def _after(window: Window, event: WindowEvent) -> Window:
    match event.kind:
        case WindowEventKind.APPROVED:
            approval = Approval(event.author, event.recorded_at, event.details["reason"])
            return replace(window, approval=approval)
        case WindowEventKind.ANNOUNCED:
            return replace(window, announced_at=event.recorded_at)
        case WindowEventKind.SHORTENED:
            return replace(window, span=Interval(window.span.start, datetime.fromisoformat(event.details["to"])))
        case _:
            return replace(window, cancelled_at=event.recorded_at)


def plan_window(plan: Plan, actor: Actor, now: datetime) -> WindowEvent | Refusal:
    """The event that plans a window, or why it is refused."""
    if actor.role not in {Role.ANALYST, Role.SUPERVISOR}:
        return _wrong_role(actor, "an analyst or a supervisor plans")
    if not plan.components or not all(component.strip() for component in plan.components):
        return Refusal(Reason.NO_COMPONENT, "name the components, or a service that has some")
    if plan.span.start == plan.span.end or plan.span.duration > LONGEST:
        return Refusal(Reason.BAD_SPAN, f"a window ends after it begins, within {LONGEST.days} days")
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
