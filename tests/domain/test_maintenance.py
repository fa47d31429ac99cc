"""Maintenance windows: who may plan and approve them, and what of them counts (semantics 24)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_store.domain.intervals import Interval, merge, total
from incident_store.domain.lifecycle import Role
from incident_store.domain.maintenance import (
    Plan,
    Stage,
    Window,
    WindowEvent,
    WindowEventKind,
    WindowStep,
    counted_windows,
    fold_window,
    overlapping,
    under_maintenance,
)
from incident_store.domain.maintenance_steps import LONGEST, Reason, Refusal, decide_window, plan_window
from incident_store.domain.steps import Actor
from tests.builders import at

ANA, SOFIA, LUIS = Actor("ana", Role.ANALYST), Actor("sofia", Role.SUPERVISOR), Actor("luis", Role.SUPERVISOR)
VISITOR = Actor("vera", Role.VIEWER)
HOUR = Interval(at(60), at(120))
APPROVE = WindowStep(WindowEventKind.APPROVED)
MONTH = Interval(at(-1000), at(1000))


def plan(span: Interval = HOUR, *components: str, **words: str) -> Plan:
    return Plan(components or ("portal-web",), "", span, words.get("reason", "parche"), words.get("late_reason", ""))


def planned(asked: Plan, number: int = 1, actor: Actor = ANA, now: float = 0) -> tuple[Window, list[WindowEvent]]:
    event = plan_window(asked, actor, at(now))
    assert isinstance(event, WindowEvent), event
    return fold_window(number, [event]), [event]


def approved(span: Interval = HOUR, number: int = 1, *, now: float = 0, by: Actor = SOFIA, reason: str = "") -> Window:
    late = "trabajo de urgencia" if at(now) > span.start else ""
    window, events = planned(plan(span, late_reason=late), number, now=now)
    event = decide_window(window, WindowStep(WindowEventKind.APPROVED, reason), by, at(now))
    assert isinstance(event, WindowEvent), event
    return fold_window(number, [*events, event])


def after(window: Window, step: WindowStep, now: float, by: Actor = SOFIA) -> Window:
    """The window after one more step, rebuilt from the events that would have made it."""
    event = decide_window(window, step, by, at(now))
    assert isinstance(event, WindowEvent), event
    first = plan_window(plan(window.span), ANA, at(-500))
    assert isinstance(first, WindowEvent)
    second = WindowEvent(WindowEventKind.APPROVED, at(0), "sofia", {"reason": ""})
    return fold_window(window.number, [first, second, event])


def refused(outcome: WindowEvent | Refusal) -> Reason:
    assert isinstance(outcome, Refusal)
    return outcome.reason


def test_a_window_approved_before_it_began_counts_and_names_its_approver_semantics_24() -> None:
    (one,) = counted_windows([approved()], "portal-web", MONTH)
    assert (one.span, one.approved_by, one.window) == (HOUR, "sofia", 1)
    assert counted_windows([approved()], "api-imei", MONTH) == ()


def test_a_window_nobody_approved_counts_for_nothing_semantics_24() -> None:
    window, _ = planned(plan())
    assert counted_windows([window], "portal-web", MONTH) == ()
    assert (window.stage(at(0)), window.stage(at(90)), window.stage(at(120))) == (
        Stage.PLANNED,
        Stage.PLANNED,
        Stage.LAPSED,
    )


def test_an_approval_after_the_beginning_counts_only_with_a_reason_semantics_24() -> None:
    window, _ = planned(plan())
    assert refused(decide_window(window, APPROVE, SOFIA, at(61))) is Reason.NO_REASON
    late = approved(now=300, reason="urgencia: la base no admitía espera")
    (one,) = counted_windows([late], "portal-web", MONTH)
    assert one.approval_reason == "urgencia: la base no admitía espera"


def test_an_approval_at_the_very_beginning_is_not_late() -> None:
    window, events = planned(plan())
    event = decide_window(window, APPROVE, SOFIA, at(60))
    assert isinstance(event, WindowEvent)
    assert fold_window(1, [*events, event]).counts


@pytest.mark.parametrize(
    ("asked", "actor", "reason"),
    [
        (plan(), VISITOR, Reason.WRONG_ROLE),
        (plan(Interval(at(60), at(60))), ANA, Reason.BAD_SPAN),
        (plan(Interval(at(60), at(61) + LONGEST)), ANA, Reason.BAD_SPAN),
        (plan(reason=" "), ANA, Reason.NO_REASON),
        (plan(Interval(at(-10), at(60))), ANA, Reason.NO_REASON),
        (plan(HOUR, " "), ANA, Reason.NO_COMPONENT),
        (Plan((), "consulta", HOUR, "parche"), ANA, Reason.NO_COMPONENT),
    ],
)
def test_a_plan_that_cannot_stand_is_refused_with_its_reason(asked: Plan, actor: Actor, reason: Reason) -> None:
    assert refused(plan_window(asked, actor, at(0))) is reason


def test_a_past_window_is_recorded_when_it_says_why_so_late() -> None:
    window, _ = planned(plan(Interval(at(-60), at(-10)), late_reason="trabajo de urgencia"))
    assert window.stage(at(0)) is Stage.LAPSED


def test_nobody_approves_their_own_plan_and_an_analyst_approves_none() -> None:
    window, _ = planned(plan(), actor=SOFIA)
    assert refused(decide_window(window, APPROVE, SOFIA, at(1))) is Reason.OWN_PLAN
    assert refused(decide_window(window, APPROVE, ANA, at(1))) is Reason.WRONG_ROLE
    assert isinstance(decide_window(window, APPROVE, LUIS, at(1)), WindowEvent)


def test_a_window_is_announced_after_its_approval_and_once() -> None:
    announce = WindowStep(WindowEventKind.ANNOUNCED)
    window, _ = planned(plan())
    assert refused(decide_window(window, announce, SOFIA, at(1))) is Reason.OUT_OF_ORDER
    told = after(approved(), announce, 5)
    assert told.stage(at(6)) is Stage.ANNOUNCED
    assert refused(decide_window(told, announce, SOFIA, at(7))) is Reason.OUT_OF_ORDER


def test_a_window_is_in_effect_from_its_start_until_its_end_excluded() -> None:
    window = approved()
    stages = [window.stage(moment) for moment in (at(59), HOUR.start, HOUR.end - timedelta(seconds=1), HOUR.end)]
    assert stages == [Stage.APPROVED, Stage.EFFECTIVE, Stage.EFFECTIVE, Stage.ENDED]
    assert [under_maintenance([window], moment) for moment in (at(59), at(60), at(120))] == [
        frozenset(),
        {"portal-web"},
        frozenset(),
    ]


def test_a_shortened_window_counts_until_its_new_end() -> None:
    shorter = after(approved(), WindowStep(WindowEventKind.SHORTENED, "terminó antes", at(90)), 91)
    assert [one.span for one in counted_windows([shorter], "portal-web", MONTH)] == [Interval(at(60), at(90))]
    for until in (at(60), at(120), at(200), None):
        step = WindowStep(WindowEventKind.SHORTENED, "", until)
        assert refused(decide_window(approved(), step, SOFIA, at(61))) is Reason.BAD_SPAN


def test_a_cancelled_window_counts_for_nothing_and_takes_no_more_steps() -> None:
    gone = after(approved(), WindowStep(WindowEventKind.CANCELLED, "no se hizo"), 10)
    assert counted_windows([gone], "portal-web", MONTH) == ()
    assert gone.stage(at(90)) is Stage.CANCELLED
    assert refused(decide_window(gone, APPROVE, LUIS, at(11))) is Reason.CANCELLED
    assert refused(decide_window(approved(), WindowStep(WindowEventKind.CANCELLED), SOFIA, at(1))) is Reason.NO_REASON


def test_overlapping_windows_are_each_listed_and_merge_in_the_arithmetic() -> None:
    windows = [approved(number=1), approved(Interval(at(90), at(150)), 2, by=LUIS)]
    counted = counted_windows(windows, "portal-web", Interval(at(80), at(140)))
    assert [(one.span, one.approved_by) for one in counted] == [
        (Interval(at(80), at(120)), "sofia"),
        (Interval(at(90), at(140)), "luis"),
    ]
    assert merge(one.span for one in counted) == (Interval(at(80), at(140)),)
    assert overlapping(windows, plan(Interval(at(110), at(115)))) == (1, 2)
    assert overlapping(windows, plan(Interval(at(150), at(160)))) == ()


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 60), st.booleans(), st.booleans()), max_size=8))
def test_the_time_that_counts_is_that_of_every_minute_in_some_window_that_counts(
    drawn: list[tuple[int, int, bool, bool]],
) -> None:
    windows = []
    for number, (start, length, agreed, cancelled) in enumerate(drawn, 1):
        span = Interval(at(start), at(start + length))
        window = approved(span, number, now=-5) if agreed else planned(plan(span), number, now=-5)[0]
        windows.append(replace(window, cancelled_at=at(-1)) if cancelled else window)
    within = Interval(at(20), at(100))
    counted = total(one.span for one in counted_windows(windows, "portal-web", within))
    minutes = [
        minute
        for minute in range(20, 100)
        if any(
            start <= minute < start + length and agreed and not cancelled for start, length, agreed, cancelled in drawn
        )
    ]
    assert counted == timedelta(minutes=len(minutes))
    assert all("portal-web" in under_maintenance(windows, at(minute)) for minute in minutes)


@pytest.mark.parametrize("years", [-3, 3, 1000])
def test_a_window_in_a_year_that_was_mistyped_is_refused(years: int) -> None:
    start = at(0).replace(year=at(0).year + years)
    answer = plan_window(plan(Interval(start, start + timedelta(hours=1)), late_reason="x"), ANA, at(0))
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.BAD_SPAN
