"""Maintenance windows over the API: planned by one person, approved by another."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from console.api.operations import PREFIX, Call, Nothing, Operation, Reply, invalid
from console.api.problems import Trouble
from console.api.values import Asked, Line, Moment, Named, Query, Text, Told
from console.desk import desk
from groundwork.problems import Refused
from incident_store.documents import window_event_json, window_json
from incident_store.domain.intervals import Interval
from incident_store.domain.maintenance import Plan, Stage, WindowEventKind, WindowStep
from incident_store.domain.maintenance_steps import Reason
from incident_store.maintenance import NoSuchWindow, add_window, find_window, read_windows, step_window
from incident_store.maintenance_commands import meant_components

SHOWN = timedelta(days=62)
LONGEST_LOOK = timedelta(days=366)
PlannedKind = Annotated[WindowEventKind, Field(description="approved, announced, shortened or cancelled")]


class WindowTold(Told):
    """A maintenance window; `counts` says whether its minutes are maintenance in the figures."""

    window: int
    components: list[str]
    service: str
    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    reason: str
    stage: Stage
    counts: bool
    planned_by: str
    planned_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    approval_reason: str | None
    announced_at: datetime | None
    cancelled_at: datetime | None


class WindowEventTold(Told):
    """One thing that happened to a window."""

    kind: WindowEventKind
    recorded_at: datetime
    author: str
    details: dict[str, str | list[str]]


class WholeWindow(WindowTold):
    """A maintenance window with its events."""

    events: list[WindowEventTold]


class WindowList(Told):
    """The windows that share time with what was asked for, the oldest start first."""

    windows: list[WindowTold]


class WindowQuery(Query):
    """Between when: 62 days back and 62 days ahead, unless it is said; at most a year."""

    from_: Moment | None = Field(default=None, alias="from", description="windows that end after this")
    to: Moment | None = Field(default=None, description="windows that begin before this")


class NewWindow(Asked):
    """A window to be planned: for the components named, or for all of a service, or both."""

    components: list[Named] = Field(default=[], max_length=1000, examples=[["portal-web"]])
    service: Line = ""
    from_: Moment = Field(alias="from")
    to: Moment
    reason: Text
    late_reason: Text = Field(default="", description="why it is recorded only now, when it has begun")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.to <= self.from_:
            raise ValueError("a window ends after it begins")
        return self


class NewWindowEvent(Asked):
    """What a supervisor does with a planned window; `until` is the earlier end of one that is shortened."""

    kind: PlannedKind
    reason: Text = ""
    until: Moment | None = None


def list_windows(call: Call[WindowQuery, Nothing]) -> Reply:
    """The windows of a time."""
    start, end = call.query.from_ or call.now - SHOWN, call.query.to or call.now + SHOWN
    if not start < end <= start + LONGEST_LOOK:
        raise invalid("to", f"must lie after from, within {LONGEST_LOOK.days} days")
    windows = read_windows(call.connection, Interval(start, end))
    return Reply({"windows": [window_json(window, call.now) for window in windows]})


def show_window(call: Call[Nothing, Nothing]) -> Reply:
    """One window and its events."""
    return Reply(_told(call, call.place["window"]))


def plan_maintenance(call: Call[Nothing, NewWindow]) -> Reply:
    """Plan a window; it counts once another person, a supervisor, approves it."""
    given = call.body
    known = {component["name"]: component["service"] for component in desk().watched()}
    try:
        components = meant_components(known, given.components, given.service)
    except Refused as error:
        raise invalid("components", str(error)) from error
    plan = Plan(components, given.service, Interval(given.from_, given.to), given.reason, given.late_reason)
    window = add_window(call.connection, plan, call.actor, call.now)
    return Reply(_told(call, window.number), {"Location": f"{PREFIX}/maintenance/{window.number}"})


def step_maintenance(call: Call[Nothing, NewWindowEvent]) -> Reply:
    """Approve, announce, shorten or cancel a window."""
    step = WindowStep(call.body.kind, call.body.reason, call.body.until)
    window = step_window(call.connection, call.place["window"], step, call.actor, call.now)
    return Reply(_told(call, window.number), {"Location": f"{PREFIX}/maintenance/{window.number}"})


def _told(call: Call[Any, Any], number: int) -> dict[str, Any]:
    found = find_window(call.connection, number)
    if found is None:
        raise NoSuchWindow(number)
    window, events = found
    return {**window_json(window, call.now), "events": [window_event_json(event) for event in events]}


OPERATIONS = (
    Operation("GET", "/maintenance", "Maintenance windows", WindowList, list_windows, query=WindowQuery),
    Operation(
        "POST",
        "/maintenance",
        "Plan a maintenance window",
        WholeWindow,
        plan_maintenance,
        body=NewWindow,
        refusals=(Reason.WRONG_ROLE, Reason.BAD_SPAN, Reason.NO_REASON, Reason.NO_COMPONENT),
        headers={"Location": "its address"},
    ),
    Operation("GET", "/maintenance/<int:window>", "One window and its events", WholeWindow, show_window),
    Operation(
        "POST",
        "/maintenance/<int:window>/events",
        "Approve, announce, shorten or cancel a window",
        WholeWindow,
        step_maintenance,
        body=NewWindowEvent,
        refusals=(*Reason, Trouble.NOT_FOUND),
        headers={"Location": "the window's address"},
    ),
)
