"""Semantics 10, 11: whatever people try is answered, and what is accepted can always be reckoned."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from incident_store.domain.exclusions import excluded
from incident_store.domain.incident_clocks import earlier_dues, read_clocks
from incident_store.domain.incidents import Event, Kind, corrected, fold, reopening_event
from incident_store.domain.lifecycle import NOT_BEFORE, ROLES, TRANSITIONS, EventKind, Role, State
from incident_store.domain.step_details import sayable
from incident_store.domain.steps import Actor, Reason, Refusal, Step, allowed, decide
from tests.builders import at
from tests.domain.test_hard_cases import episode
from tests.domain.test_steps import DIAGNOSIS, OPENED, POLICY

PEOPLE = [Actor("ana", Role.ANALYST), Actor("sofia", Role.SUPERVISOR), Actor("luis", Role.SUPERVISOR)]
NOW = 1000
TIME = st.integers(-5, 300).map(lambda minute: at(minute).isoformat()) | st.sampled_from(
    ["", "ayer", "2026-10-05T09:00"]
)
WORDS = st.fixed_dictionaries(
    {},
    optional={
        "responsible": st.sampled_from(["A", "B", "C", "D"]),
        "severity": st.sampled_from(["alta", "media", "baja", "x"]),
        "cause": st.just(DIAGNOSIS["cause"]),
        "to": st.just("INETUM"),
        "reason": st.sampled_from(["repuesto", "", " "]),
        "tests": st.just("bien"),
        "proposal": st.integers(-1, 30).map(str),
        "event": st.integers(-1, 30).map(str) | st.sampled_from(["", "x", "²"]),
        "unavailability": st.sampled_from(["confirmed", "none"]),
        "text": st.just("nota"),
        "from": TIME,
        "until": TIME,
    },
)
SURE = {**DIAGNOSIS, "reason": "repuesto", "to": "x", "tests": "x", "text": "x", "unavailability": "none"}
KINDS = st.sampled_from(sorted(EventKind))
TRY = st.tuples(st.sampled_from(PEOPLE), KINDS, st.integers(-5, 30), WORDS, st.integers(0, 40))
"""Who, what, how long after the last step that was accepted, with which words; a number under 30 chooses a step that
is allowed, and says what it needs."""
FORBIDDING = {Reason.OUT_OF_ORDER, Reason.WRONG_ROLE, Reason.QUESTION, Reason.NO_DIAGNOSIS, Reason.NOT_RESTORED}
FORBIDDING |= {Reason.WAS_RESTORED, Reason.NOTHING_PROPOSED}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(Kind), st.lists(TRY, max_size=40), st.integers(0, NOW))
def test_any_walk_is_answered_and_what_is_accepted_can_be_reckoned(
    kind: Kind, tries: list[tuple[Actor, EventKind, int, dict[str, str], int]], minute: int
) -> None:
    history, now = list(OPENED), 0
    for actor, any_step, later, words, choice in tries:
        when, steps = now + later, allowed(history, kind, actor.role)
        sure = choice < 30
        step, details = (steps[choice % len(steps)], {**words, **SURE}) if sure else (any_step, words)
        if choice % 7:  # else a detail that the step does not know may be among them
            details = {name: details[name] for name in details.keys() & sayable(step)}
        answer = decide(history, kind, Step(step, at(when), details), actor, at(NOW))
        may = step in steps
        assert may == (not (isinstance(answer, Refusal) and answer.reason in FORBIDDING))
        if isinstance(answer, Refusal):
            assert answer.text
            continue
        history.append(answer)
        now = max(now, when)
        if fold(history).state is State.RESTORED and when % 3 == 0:
            history.append(reopening_event(history, episode(when), at(NOW)))
    _reckoned(history, minute)


def _reckoned(history: list[Event], minute: int) -> None:
    for now in (at(minute), at(NOW)):
        for clock in read_clocks(history, POLICY, now):
            assert clock.reading.elapsed >= timedelta()
            assert sum(clock.by_responsible.values(), timedelta()) == clock.reading.elapsed
            assert clock.reading.explanation or clock.reading.span.start == clock.reading.span.end
    assert all(one.start < one.end for one in excluded(history))
    earlier_dues(history, POLICY)
    effective = corrected(history)
    for place, event in enumerate(effective):
        assert (
            event.kind not in ROLES
            or event.author in {actor.name for actor in PEOPLE}
            or event.kind is EventKind.REOPENED
        )
        if event.kind is EventKind.REOPENED:
            continue
        before = [one for one in effective[:place] if one.kind in NOT_BEFORE.get(event.kind, ())]
        assert all(one.at <= event.at for one in before)


def test_every_step_is_either_in_the_table_or_refused_by_name_in_every_state_for_every_role() -> None:
    for role in Role:
        for kind in EventKind:
            answer = decide(OPENED, Kind.INCIDENT, Step(kind, at(5), {}), Actor("x", role), at(NOW))
            assert isinstance(answer, Event | Refusal)
            assert role in ROLES.get(kind, ()) or (isinstance(answer, Refusal) and answer.reason is Reason.WRONG_ROLE)
    assert all(set(TRANSITIONS) >= set(moves.values()) for moves in TRANSITIONS.values())


def test_a_verdict_follows_from_the_times_and_not_from_when_it_is_asked_for() -> None:
    history = [
        *OPENED,
        Event(EventKind.ANALYSIS_BEGAN, at(5), at(500), "ana"),
        Event(EventKind.RESTORED, at(60), at(500), "ana"),
    ]
    soon, late = (read_clocks(history, POLICY, at(moment)) for moment in (61, 600_000))
    for one, other in zip(soon[:2], late[:2], strict=True):
        assert (one.reading.due, one.reading.elapsed, one.reading.state) == (
            other.reading.due,
            other.reading.elapsed,
            other.reading.state,
        )
