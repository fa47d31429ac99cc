"""Maintenance windows: planned by one person, approved by another; what of them counts for the figures (semantics 24).

A window is its events. Whether it is in effect or over follows from them and the time, and is never recorded.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from incident_store.domain.intervals import Interval


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
