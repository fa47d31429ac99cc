"""Semantics 10, 11: who may do what, when; and the clocks that follow from it (13, 15, 16, 20)."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from incident_store.domain.clocks import ClockState
from incident_store.domain.incident_clocks import Clock, read_clocks
from incident_store.domain.incidents import Event, Kind, fold
from incident_store.domain.lifecycle import ROLES, TRANSITIONS, EventKind, Role, State
from incident_store.domain.policies import ClockName, Responsible, Severity
from incident_store.domain.steps import Actor, Reason, Refusal, Step, allowed, decide
from tests.builders import at, shipped_policy

POLICY = shipped_policy()
ANA, SOFIA = Actor("ana", Role.ANALYST), Actor("sofia", Role.SUPERVISOR)
NEVER = 10_000.0

OPENED = [
    Event(EventKind.DETECTED, at(0), at(1)),
    Event(EventKind.RECORDED, at(1), at(1)),
    Event(EventKind.SEVERITY_SET, at(1), at(1), details={"severity": "alta"}),
    Event(EventKind.SUSPECTED, at(1), at(1), details={"responsible": "B"}),
]
DIAGNOSIS = {"responsible": "B", "severity": "alta", "cause": "actualización fallida"}
TESTS = {"tests": "consulta de IMEI y reenvío correctos"}


def walk(*steps: tuple[Actor, EventKind, float, dict[str, str]], kind: Kind = Kind.INCIDENT) -> list[Event]:
    """The history after these steps, each of which must be accepted."""
    history = list(OPENED)
    for actor, step, minute, details in steps:
        decision = decide(history, kind, Step(step, at(minute), details), actor, at(NEVER))
        assert isinstance(decision, Event), decision
        history.append(decision)
    return history


def refused(
    history: Sequence[Event],
    actor: Actor,
    kind: EventKind,
    minute: float = 20,
    details: dict[str, str] | None = None,
    of: Kind = Kind.INCIDENT,
) -> Reason:
    decision = decide(history, of, Step(kind, at(minute), details or {}), actor, at(NEVER))
    assert isinstance(decision, Refusal), decision
    assert decision.text
    return decision.reason


ANALYSED = (ANA, EventKind.ANALYSIS_BEGAN, 5, {})
DIAGNOSED = (ANA, EventKind.DIAGNOSED, 10, DIAGNOSIS)
VALIDATED = (SOFIA, EventKind.VALIDATED, 12, {})
DISPATCHED = (SOFIA, EventKind.DISPATCHED, 15, {"to": "INETUM"})
ANSWERED = (ANA, EventKind.RESPONSIBLE_ANSWERED, 20, {})
RESTORED = (ANA, EventKind.RESTORED, 60, TESTS)
CLOSED = (SOFIA, EventKind.CLOSED, 70, {"unavailability": "none"})
WHOLE_ROAD = (ANALYSED, DIAGNOSED, VALIDATED, DISPATCHED, ANSWERED, RESTORED, CLOSED)


def clocks(history: Sequence[Event], minute: float) -> dict[ClockName, Clock]:
    return {clock.name: clock for clock in read_clocks(history, POLICY, at(minute))}


def test_the_whole_road_of_the_ten_activities() -> None:
    history = walk(*WHOLE_ROAD, (SOFIA, EventKind.ANNOUNCED, 71, {}), (SOFIA, EventKind.CONSOLIDATED, 72, {}))
    incident = fold(history)
    assert incident.state is State.CONSOLIDATED
    assert (incident.severity, incident.responsible) == (Severity.HIGH, Responsible.PROVIDER)
    assert allowed(history, Kind.INCIDENT, Role.SUPERVISOR) == (
        EventKind.RCA_RECEIVED,
        EventKind.CORRECTION_PROPOSED,
        EventKind.EXCLUSION_PROPOSED,
        EventKind.NOTED,
    )


@pytest.mark.parametrize(
    ("steps", "actor", "kind", "reason"),
    [
        ((), ANA, EventKind.DIAGNOSED, Reason.OUT_OF_ORDER),
        ((), ANA, EventKind.CLOSED, Reason.WRONG_ROLE),
        ((), Actor("eva", Role.VIEWER), EventKind.ANALYSIS_BEGAN, Reason.WRONG_ROLE),
        ((), Actor("root", Role.ADMIN), EventKind.ANALYSIS_BEGAN, Reason.WRONG_ROLE),
        ((), SOFIA, EventKind.DETECTED, Reason.WRONG_ROLE),
        ((ANALYSED,), ANA, EventKind.ANALYSIS_BEGAN, Reason.OUT_OF_ORDER),
        ((ANALYSED,), SOFIA, EventKind.VALIDATED, Reason.NO_DIAGNOSIS),
        ((ANALYSED,), ANA, EventKind.DIAGNOSED, Reason.MISSING_DETAIL),
        ((ANALYSED,), ANA, EventKind.RESTORED, Reason.MISSING_DETAIL),
        ((ANALYSED, DIAGNOSED), ANA, EventKind.VALIDATED, Reason.WRONG_ROLE),
        ((ANALYSED, DIAGNOSED, VALIDATED), SOFIA, EventKind.CLOSED, Reason.NOT_RESTORED),
        ((ANALYSED, RESTORED), SOFIA, EventKind.CLOSED, Reason.NO_DIAGNOSIS),
        (WHOLE_ROAD, SOFIA, EventKind.CLOSED, Reason.OUT_OF_ORDER),
        (WHOLE_ROAD, SOFIA, EventKind.DISPATCHED, Reason.OUT_OF_ORDER),
    ],
)
def test_a_step_out_of_order_by_the_wrong_role_or_without_its_words_is_refused_by_name(
    steps: tuple[tuple[Actor, EventKind, float, dict[str, str]], ...], actor: Actor, kind: EventKind, reason: Reason
) -> None:
    assert refused(walk(*steps), actor, kind) is reason


def test_a_time_in_the_future_or_before_the_detection_is_refused() -> None:
    assert refused(OPENED, ANA, EventKind.ANALYSIS_BEGAN, NEVER + 1) is Reason.FUTURE
    assert refused(OPENED, ANA, EventKind.ANALYSIS_BEGAN, -1) is Reason.BEFORE_DETECTION


def test_unknown_words_for_severity_and_responsible_are_refused() -> None:
    history = walk(ANALYSED)
    for wrong in ({"severity": "altísima"}, {"responsible": "D"}):
        assert refused(history, ANA, EventKind.DIAGNOSED, 20, {**DIAGNOSIS, **wrong}) is Reason.BAD_DETAIL


def test_nobody_validates_their_own_change_and_somebody_else_may() -> None:
    change = {**DIAGNOSIS, "severity": "baja", "responsible": "C"}
    own = walk(ANALYSED, (SOFIA, EventKind.DIAGNOSED, 10, change))
    assert refused(own, SOFIA, EventKind.VALIDATED) is Reason.OWN_CHANGE
    luis = Actor("luis", Role.SUPERVISOR)
    other = decide(own, Kind.INCIDENT, Step(EventKind.VALIDATED, at(12), {}), luis, at(NEVER))
    assert isinstance(other, Event)
    assert fold([*own, other]).responsible is Responsible.OTI
    same = walk(ANALYSED, (SOFIA, EventKind.DIAGNOSED, 10, DIAGNOSIS))
    assert isinstance(decide(same, Kind.INCIDENT, Step(EventKind.VALIDATED, at(12), {}), SOFIA, at(NEVER)), Event)


def test_a_consulta_is_closed_without_restoration() -> None:
    history = walk(*WHOLE_ROAD[:5], kind=Kind.QUESTION)
    assert refused(history, ANA, EventKind.RESTORED, details=TESTS, of=Kind.QUESTION) is Reason.QUESTION
    assert isinstance(decide(history, Kind.QUESTION, Step(EventKind.CLOSED, at(30), {}), SOFIA, at(NEVER)), Event)


def test_closing_an_incidencia_says_whether_unavailability_was_confirmed_semantics_33() -> None:
    history = walk(*WHOLE_ROAD[:6])
    assert refused(history, SOFIA, EventKind.CLOSED, 70) is Reason.MISSING_DETAIL
    assert refused(history, SOFIA, EventKind.CLOSED, 70, {"unavailability": "quizá"}) is Reason.BAD_DETAIL
    assert refused(history, ANA, EventKind.CLOSED, 70, {"unavailability": "confirmed"}) is Reason.WRONG_ROLE
    closing = Step(EventKind.CLOSED, at(70), {"unavailability": "confirmed"})
    assert isinstance(decide(history, Kind.INCIDENT, closing, SOFIA, at(NEVER)), Event)


def test_every_step_of_a_person_has_its_roles_and_every_state_can_be_left_but_the_final_ones() -> None:
    assert {kind for moves in TRANSITIONS.values() for kind in moves} <= set(ROLES)
    assert set(TRANSITIONS) == set(State)
    stuck = {state for state, moves in TRANSITIONS.items() if set(moves.values()) <= {state}}
    assert stuck == {State.CONSOLIDATED, State.DISCARDED}


def test_the_answer_stops_the_response_and_the_restoration_the_resolution() -> None:
    read = clocks(walk(*WHOLE_ROAD), 500)
    assert read[ClockName.RESPONSE].reading.elapsed == timedelta(minutes=20)
    assert read[ClockName.RESOLUTION].reading.elapsed == timedelta(minutes=60)
    assert {read[name].reading.state for name in (ClockName.RESPONSE, ClockName.RESOLUTION)} == {ClockState.MET}


def test_a_wait_does_not_count_for_the_resolution_and_shows_its_reason() -> None:
    wait = (SOFIA, EventKind.WAITING_BEGAN, 30, {"reason": "espera del operador"})
    history = walk(*WHOLE_ROAD[:5], wait)
    held = clocks(history, 50)[ClockName.RESOLUTION].reading
    assert (held.state, held.due, held.elapsed) == (ClockState.PAUSED, None, timedelta(minutes=30))
    assert held.explanation[-1].reason == "espera del operador"
    done = walk(*WHOLE_ROAD[:5], wait, (SOFIA, EventKind.WAITING_ENDED, 45, {}), RESTORED)
    assert clocks(done, 500)[ClockName.RESOLUTION].reading.elapsed == timedelta(minutes=45)


def test_restored_directly_from_a_wait_ends_the_wait() -> None:
    history = walk(*WHOLE_ROAD[:5], (SOFIA, EventKind.WAITING_BEGAN, 30, {"reason": "x"}), RESTORED)
    assert clocks(history, 500)[ClockName.RESOLUTION].reading.elapsed == timedelta(minutes=30)


def test_the_time_between_restoration_and_relapse_counts_for_nobody_and_is_no_pause() -> None:
    relapse = Event(EventKind.REOPENED, at(100), at(101), details={"reason": "relapse"})
    history = [*walk(*WHOLE_ROAD[:6]), relapse]
    assert fold(history).state is State.REOPENED
    read = clocks(history, 130)
    assert read[ClockName.RESOLUTION].reading.elapsed == timedelta(minutes=90)
    assert read[ClockName.RESOLUTION].reading.state is ClockState.RUNNING
    assert read[ClockName.RESPONSE].stopped
    assert ClockName.RCA not in read


def test_the_rca_is_owed_by_the_provider_alone_from_the_restoration_on() -> None:
    assert clocks(walk(*WHOLE_ROAD), 100)[ClockName.RCA].reading.state is ClockState.RUNNING
    other = (ANA, EventKind.DIAGNOSED, 10, {**DIAGNOSIS, "responsible": "C"})
    assert ClockName.RCA not in clocks(walk(ANALYSED, other, VALIDATED, DISPATCHED, ANSWERED, RESTORED), 100)


def test_changing_the_severity_judges_the_whole_time_anew() -> None:
    change = (ANA, EventKind.DIAGNOSED, 10, {**DIAGNOSIS, "severity": "media"})
    read = clocks(walk(ANALYSED, change, VALIDATED), 40)
    assert read[ClockName.RESPONSE].reading.due == at(120)
    assert clocks(walk(ANALYSED, DIAGNOSED), 40)[ClockName.RESPONSE].reading.state is ClockState.BREACHED


def test_a_corrected_time_counts_and_the_old_one_stays_on_record() -> None:
    place = str(len(OPENED) + 6)
    wrong = {"event": place, "reason": "hora del correo"}
    number = {"proposal": str(len(OPENED) + 7)}
    proposed = walk(*WHOLE_ROAD[:6], (ANA, EventKind.CORRECTION_PROPOSED, 50, wrong))
    assert clocks(proposed, 500)[ClockName.RESOLUTION].reading.elapsed == timedelta(minutes=60)
    history = walk(
        *WHOLE_ROAD[:6], (ANA, EventKind.CORRECTION_PROPOSED, 50, wrong), (SOFIA, EventKind.CORRECTED, 90, number)
    )
    assert clocks(history, 500)[ClockName.RESOLUTION].reading.elapsed == timedelta(minutes=50)
    assert history[int(place) - 1].at == at(60)
    unknown = {"event": "99", "reason": "x"}
    assert refused(history, ANA, EventKind.CORRECTION_PROPOSED, 50, unknown) is Reason.BAD_DETAIL


def test_time_by_responsible_sums_exactly_to_what_elapsed() -> None:
    since = {"from": at(30).isoformat()}
    history = walk(ANALYSED, DIAGNOSED, (SOFIA, EventKind.VALIDATED, 12, since), DISPATCHED, ANSWERED, RESTORED)
    clock = clocks(history, 500)[ClockName.RESOLUTION]
    assert clock.by_responsible == {
        Responsible.NOBODY: timedelta(minutes=30),
        Responsible.PROVIDER: timedelta(minutes=30),
    }
    assert sum(clock.by_responsible.values(), timedelta()) == clock.reading.elapsed
