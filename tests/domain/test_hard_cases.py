"""Semantics 10, 11, 16: exclusions by two people, corrections that would turn time around, late changes."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from incident_store.domain.clocks import ClockState
from incident_store.domain.episodes import Episode, take_in
from incident_store.domain.exclusions import ExclusionState, excluded, exclusions
from incident_store.domain.incident_clocks import EarlierDue, earlier_dues, read_clocks
from incident_store.domain.incidents import Event, Kind, fold, following_events
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import EventKind, Role, State
from incident_store.domain.policies import ClockName, Responsible, Severity
from incident_store.domain.steps import Actor, Reason, Step, allowed, decide
from tests.builders import at, firing
from tests.domain.test_steps import (
    ANA,
    ANALYSED,
    ANSWERED,
    CLOSED,
    DIAGNOSED,
    DIAGNOSIS,
    DISPATCHED,
    NEVER,
    OPENED,
    POLICY,
    RESTORED,
    SOFIA,
    TESTS,
    VALIDATED,
    WHOLE_ROAD,
    clocks,
    refused,
    walk,
)

LUIS = Actor("luis", Role.SUPERVISOR)
MINUTES = {"from": at(10).isoformat(), "until": at(30).isoformat(), "reason": "corte de energía del operador"}
EXCLUDED = (SOFIA, EventKind.EXCLUSION_PROPOSED, 80, MINUTES)
PLACE = str(len(OPENED) + len(WHOLE_ROAD) + 1)
"""Of the exclusion that follows the whole road."""


def place(history: Sequence[Event], kind: EventKind) -> str:
    """The number of the last event of this kind."""
    return str(max(number for number, event in enumerate(history, 1) if event.kind is kind))


def proposal(history: Sequence[Event], kind: EventKind, minute: float) -> Event | Reason:
    details = {"event": place(history, kind), "reason": "según el correo"}
    decision = decide(history, Kind.INCIDENT, Step(EventKind.CORRECTION_PROPOSED, at(minute), details), ANA, at(NEVER))
    return decision if isinstance(decision, Event) else decision.reason


def correction(history: Sequence[Event], kind: EventKind, minute: float) -> list[Event] | Reason:
    """The proposal by one person and the confirmation by another, or why it was refused."""
    proposed = proposal(history, kind, minute)
    if isinstance(proposed, Reason):
        return proposed
    number = {"proposal": str(len(history) + 1)}
    step = Step(EventKind.CORRECTED, at(NEVER), number)
    decision = decide([*history, proposed], Kind.INCIDENT, step, SOFIA, at(NEVER))
    assert isinstance(decision, Event), decision
    return [proposed, decision]


def test_an_exclusion_counts_when_somebody_else_has_validated_it() -> None:
    proposed = walk(*WHOLE_ROAD, EXCLUDED)
    assert excluded(proposed) == ()
    assert refused(proposed, SOFIA, EventKind.EXCLUSION_VALIDATED, 81, {"event": PLACE}) is Reason.OWN_CHANGE
    validated = walk(*WHOLE_ROAD, EXCLUDED, (LUIS, EventKind.EXCLUSION_VALIDATED, 81, {"event": PLACE}))
    assert excluded(validated) == (Interval(at(10), at(30)),)
    (one,) = exclusions(validated)
    assert (one.reason, one.proposed_by, one.decided_by) == (MINUTES["reason"], "sofia", "luis")


def test_an_exclusion_that_was_rejected_or_taken_back_does_not_count() -> None:
    no = {"event": PLACE, "reason": "no hubo corte"}
    rejected = walk(*WHOLE_ROAD, EXCLUDED, (SOFIA, EventKind.EXCLUSION_REJECTED, 81, no))
    yes = (LUIS, EventKind.EXCLUSION_VALIDATED, 81, {"event": PLACE})
    taken_back = walk(*WHOLE_ROAD, EXCLUDED, yes, (SOFIA, EventKind.EXCLUSION_REJECTED, 82, no))
    for history in (rejected, taken_back):
        assert excluded(history) == ()
        assert [one.state for one in exclusions(history)] == [ExclusionState.REJECTED]
        assert refused(history, LUIS, EventKind.EXCLUSION_VALIDATED, 90, yes[3]) is Reason.NOTHING_PROPOSED


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"until": ""}, Reason.MISSING_DETAIL),
        ({"from": "ayer"}, Reason.BAD_DETAIL),
        ({"from": "2026-10-05T12:00:00"}, Reason.BAD_DETAIL),
        ({"from": "0001-01-01T00:00:00+14:00"}, Reason.BAD_DETAIL),
        ({"until": at(NEVER + 1).isoformat()}, Reason.BAD_DETAIL),
        ({"until": at(10).isoformat()}, Reason.BAD_DETAIL),
        ({"until": at(5).isoformat()}, Reason.BAD_DETAIL),
    ],
)
def test_an_exclusion_of_no_time_is_refused(words: dict[str, str], reason: Reason) -> None:
    assert refused(walk(*WHOLE_ROAD), ANA, EventKind.EXCLUSION_PROPOSED, 80, {**MINUTES, **words}) is reason


@pytest.mark.parametrize("number", ["0", "3", "99", "x", "٣", "9" * 5000])
def test_a_decision_about_no_exclusion_and_a_correction_of_no_event_are_refused(number: str) -> None:
    history = walk(*WHOLE_ROAD, EXCLUDED)
    assert refused(history, LUIS, EventKind.EXCLUSION_VALIDATED, 90, {"event": number}) is Reason.BAD_DETAIL
    if number != "3":
        wrong = {"event": number, "reason": "x"}
        assert refused(history, ANA, EventKind.CORRECTION_PROPOSED, 50, wrong) is Reason.BAD_DETAIL


def test_what_is_discarded_or_a_question_has_no_minutes_to_exclude() -> None:
    discarded = walk((SOFIA, EventKind.DISCARDED, 5, {"reason": "prueba anunciada"}))
    assert refused(discarded, ANA, EventKind.EXCLUSION_PROPOSED, 80, MINUTES) is Reason.OUT_OF_ORDER
    assert refused(OPENED, ANA, EventKind.EXCLUSION_PROPOSED, 80, MINUTES, of=Kind.QUESTION) is Reason.QUESTION


def test_a_validation_from_a_time_that_is_none_is_refused() -> None:
    history = walk(ANALYSED, DIAGNOSED)
    for since in ("ayer", "2026-10-05T12:00:00", at(NEVER + 1).isoformat()):
        assert refused(history, SOFIA, EventKind.VALIDATED, 20, {"from": since}) is Reason.BAD_DETAIL


@pytest.mark.parametrize(
    ("kind", "minute"),
    [
        (EventKind.DETECTED, 6),  # after the analysis began
        (EventKind.DIAGNOSED, 13),  # after its validation
        (EventKind.VALIDATED, 9),  # before the diagnosis
        (EventKind.RESPONSIBLE_ANSWERED, 14),  # before the dispatch it answers
        (EventKind.RESTORED, 71),  # after the closing
        (EventKind.CLOSED, 59),  # before the restoration
    ],
)
def test_a_correction_that_would_turn_cause_and_effect_around_is_refused(kind: EventKind, minute: float) -> None:
    assert correction(walk(*WHOLE_ROAD), kind, minute) is Reason.WRONG_ORDER


def test_no_correction_puts_a_step_before_the_detection() -> None:
    for kind in (EventKind.ANALYSIS_BEGAN, EventKind.DISPATCHED, EventKind.RESTORED):
        assert correction(walk(*WHOLE_ROAD), kind, -1) is Reason.BEFORE_DETECTION


def test_a_restoration_may_turn_out_to_lie_before_the_dispatch_and_the_wait_and_stops_the_clocks_there() -> None:
    wait = (SOFIA, EventKind.WAITING_BEGAN, 30, {"reason": "espera del operador"})
    history = walk(ANALYSED, DIAGNOSED, VALIDATED, DISPATCHED, ANSWERED, wait, RESTORED)
    corrected = correction(history, EventKind.RESTORED, 12)
    assert isinstance(corrected, list)
    read = clocks([*history, *corrected], 500)
    for name in (ClockName.RESPONSE, ClockName.RESOLUTION):
        assert read[name].reading.elapsed == timedelta(minutes=12)
        assert read[name].reading.state is ClockState.MET


def test_of_two_corrections_of_one_time_the_last_counts_and_a_correction_is_not_corrected_itself() -> None:
    history = walk(*WHOLE_ROAD)
    for minute in (50, 55):
        events = correction(history, EventKind.RESTORED, minute)
        assert isinstance(events, list)
        history += events
    assert clocks(history, 500)[ClockName.RESOLUTION].reading.elapsed == timedelta(minutes=55)
    assert correction(history, EventKind.CORRECTED, 52) is Reason.BAD_DETAIL


def test_a_detection_that_a_person_corrected_is_not_brought_back_by_the_next_alert() -> None:
    began = Event(EventKind.FAULT_BEGAN, at(0), at(1))
    history = [began, *OPENED]
    corrected = correction(history, EventKind.DETECTED, 3)
    assert isinstance(corrected, list)
    history += corrected
    known = following_events(history, [episode(0)], POLICY, at(10))
    assert EventKind.DETECTED not in {event.kind for event in known}
    earlier = following_events(history, [episode(-2)], POLICY, at(10))
    (detected,) = [event for event in earlier if event.kind is EventKind.DETECTED]
    assert detected.at == at(-2)
    assert fold([*history, *earlier]).times[EventKind.DETECTED] == at(-2)
    assert correction([*history, *earlier], EventKind.DETECTED, 1)
    replaced = {"event": "2", "reason": "x"}
    assert refused([*history, *earlier], ANA, EventKind.CORRECTION_PROPOSED, 1, replaced) is Reason.BAD_DETAIL


def episode(start: float) -> Episode:
    (one,) = take_in((), firing(start)).episodes
    return one


def test_a_severity_may_change_after_the_closing_and_must_be_validated_before_the_month_takes_it() -> None:
    change = (ANA, EventKind.DIAGNOSED, 90, {**DIAGNOSIS, "severity": "baja"})
    proposed = walk(*WHOLE_ROAD, change)
    assert fold(proposed).state is State.CLOSED
    assert fold(proposed).severity is Severity.HIGH
    assert refused(proposed, SOFIA, EventKind.CONSOLIDATED, 95) is Reason.NO_DIAGNOSIS
    validated = walk(*WHOLE_ROAD, change, (SOFIA, EventKind.VALIDATED, 91, {}), (SOFIA, EventKind.CONSOLIDATED, 95, {}))
    assert fold(validated).severity is Severity.LOW
    assert clocks(validated, 500)[ClockName.RESOLUTION].target.target == timedelta(hours=24)


def test_what_was_restored_once_is_not_discarded_and_a_false_relapse_costs_nothing() -> None:
    relapse = Event(EventKind.REOPENED, at(100), at(101), details={"reason": "relapse"})
    reopened = [*walk(*WHOLE_ROAD), relapse]
    analysed = decide(reopened, Kind.INCIDENT, Step(EventKind.ANALYSIS_BEGAN, at(101), {}), ANA, at(NEVER))
    assert isinstance(analysed, Event)
    history = [*reopened, analysed]
    assert refused(history, SOFIA, EventKind.DISCARDED, 105, {"reason": "falsa"}) is Reason.WAS_RESTORED
    assert EventKind.DISCARDED not in allowed(history, Kind.INCIDENT, Role.SUPERVISOR)
    again = decide(history, Kind.INCIDENT, Step(EventKind.RESTORED, at(100), TESTS), ANA, at(NEVER))
    assert isinstance(again, Event)
    assert clocks([*history, again], 500)[ClockName.RESOLUTION].reading.elapsed == timedelta(minutes=60)


def test_a_relapse_written_down_after_the_closing_but_begun_before_it_runs_the_clock_again() -> None:
    relapse = Event(EventKind.REOPENED, at(65), at(71), details={"reason": "relapse"})
    read = clocks([*walk(*WHOLE_ROAD), relapse], 95)
    assert read[ClockName.RESOLUTION].reading.state is ClockState.RUNNING
    assert read[ClockName.RESOLUTION].reading.elapsed == timedelta(minutes=60 + 30)


def test_what_was_discarded_has_no_clocks() -> None:
    discarded = walk((SOFIA, EventKind.DISCARDED, 5, {"reason": "prueba anunciada"}))
    assert read_clocks(discarded, POLICY, at(500)) == ()


def test_a_consulta_walks_to_its_end_without_restoration_or_technical_report() -> None:
    road = (
        *(ANALYSED, DIAGNOSED, VALIDATED, DISPATCHED, ANSWERED),
        (SOFIA, EventKind.WAITING_BEGAN, 25, {"reason": "espera del operador"}),
        (SOFIA, EventKind.WAITING_ENDED, 35, {}),
        (SOFIA, EventKind.CLOSED, 40, {}),
    )
    history = walk(*road, kind=Kind.QUESTION)
    for kind in (EventKind.RCA_ASKED, EventKind.RCA_RECEIVED):
        assert refused(history, ANA, kind, 50, of=Kind.QUESTION) is Reason.QUESTION
    announced = (SOFIA, EventKind.ANNOUNCED, 41, {})
    done = walk(*road, announced, (SOFIA, EventKind.CONSOLIDATED, 42, {}), kind=Kind.QUESTION)
    assert fold(done).state is State.CONSOLIDATED
    read = clocks(done, 500)
    assert set(read) == {ClockName.RESPONSE, ClockName.RESOLUTION}
    assert read[ClockName.RESOLUTION].reading.elapsed == timedelta(minutes=30)
    early = walk(ANALYSED, DIAGNOSED, VALIDATED, CLOSED, kind=Kind.QUESTION)
    assert fold(early).state is State.CLOSED


def test_the_due_time_that_a_change_of_severity_replaced_stays_in_history() -> None:
    change = (ANA, EventKind.DIAGNOSED, 10, {**DIAGNOSIS, "severity": "media"})
    assert earlier_dues(walk(ANALYSED, DIAGNOSED, VALIDATED), POLICY) == ()
    history = walk(ANALYSED, change, VALIDATED)
    assert earlier_dues(history, POLICY) == tuple(
        EarlierDue(clock, at(minutes), Severity.HIGH, Responsible.PROVIDER, at(NEVER))
        for clock, minutes in ((ClockName.RESPONSE, 30), (ClockName.RESOLUTION, 240))
    )


def test_a_restoration_that_was_confirmed_is_proposed_no_longer() -> None:
    proposed = Event(EventKind.RESTORATION_PROPOSED, at(55), at(56), details={"ended_by": "resolved"})
    history = [*OPENED, proposed]
    assert fold(history).proposed_restoration == at(55)
    for kind, details in ((EventKind.ANALYSIS_BEGAN, {}), (EventKind.RESTORED, TESTS)):
        event = decide(history, Kind.INCIDENT, Step(kind, at(58), details), ANA, at(NEVER))
        assert isinstance(event, Event)
        history.append(event)
    assert fold(history).proposed_restoration is None
