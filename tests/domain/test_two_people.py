"""Semantics 9 to 11, 25: what one person alone cannot write into an incident's times, and what its alerts say of it."""

import pytest

from incident_store.domain.incidents import Event, Kind
from incident_store.domain.lifecycle import EventKind, Role
from incident_store.domain.steps import Actor, Reason, Refusal, Step, allowed, decide
from tests.builders import at
from tests.domain.test_hard_cases import EXCLUDED, LUIS, MINUTES, PLACE, proposal
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
    RESTORED,
    SOFIA,
    TESTS,
    VALIDATED,
    WHOLE_ROAD,
    refused,
    walk,
)

WAIT = {"reason": "espera del operador"}
WAITED = ((SOFIA, EventKind.WAITING_BEGAN, 30, WAIT), (SOFIA, EventKind.WAITING_ENDED, 40, {}))
CONSOLIDATED = (*WHOLE_ROAD, (SOFIA, EventKind.CONSOLIDATED, 80, {}))


@pytest.mark.parametrize(
    ("steps", "kind", "minute", "details"),
    [
        ((ANALYSED, DIAGNOSED, VALIDATED, DISPATCHED), EventKind.WAITING_BEGAN, 14, WAIT),  # nobody had been called
        ((ANALYSED, DIAGNOSED, VALIDATED, DISPATCHED, ANSWERED), EventKind.WAITING_BEGAN, 19, WAIT),
        (
            (ANALYSED, DIAGNOSED, VALIDATED, DISPATCHED, ANSWERED, *WAITED),
            EventKind.WAITING_BEGAN,
            39,
            WAIT,
        ),
        ((ANALYSED, DIAGNOSED, VALIDATED), EventKind.DISPATCHED, 11, {"to": "INETUM"}),
        ((*WHOLE_ROAD[:4], RESTORED), EventKind.CLOSED, 59, CLOSED[3]),
        (
            (ANALYSED, DIAGNOSED, VALIDATED, DISPATCHED, ANSWERED, (ANA, EventKind.RESTORED, 13, TESTS)),
            EventKind.CLOSED,
            19,
            CLOSED[3],
        ),
    ],
)
def test_no_step_is_put_back_before_those_that_led_to_it(
    steps: tuple[tuple[Actor, EventKind, float, dict[str, str]], ...],
    kind: EventKind,
    minute: float,
    details: dict[str, str],
) -> None:
    assert refused(walk(*steps), SOFIA, kind, minute, details) is Reason.WRONG_ORDER


def test_a_consulta_is_not_closed_before_it_was_handed_over() -> None:
    history = walk(*WHOLE_ROAD[:5], kind=Kind.QUESTION)
    assert refused(history, SOFIA, EventKind.CLOSED, 1, of=Kind.QUESTION) is Reason.WRONG_ORDER


@pytest.mark.parametrize("road", [WHOLE_ROAD, CONSOLIDATED])
def test_nobody_corrects_a_time_alone_neither_before_the_consolidation_nor_after(
    road: tuple[tuple[Actor, EventKind, float, dict[str, str]], ...],
) -> None:
    history = walk(*road)
    assert refused(history, SOFIA, EventKind.CORRECTED, 50, {"proposal": "1"}) is Reason.NOTHING_PROPOSED
    own = {"event": str(len(OPENED) + 6), "reason": "correo"}
    proposed = walk(*road, (SOFIA, EventKind.CORRECTION_PROPOSED, 50, own))
    number = {"proposal": str(len(proposed))}
    assert refused(proposed, SOFIA, EventKind.CORRECTED, 90, number) is Reason.OWN_CHANGE
    assert refused(proposed, ANA, EventKind.CORRECTED, 90, number) is Reason.WRONG_ROLE
    confirmed = decide(proposed, Kind.INCIDENT, Step(EventKind.CORRECTED, at(90), number), LUIS, at(NEVER))
    assert isinstance(confirmed, Event)
    assert (confirmed.at, confirmed.author, confirmed.details) == (at(50), "luis", {**own, **number})


def test_a_proposed_correction_is_confirmed_once_and_a_later_one_takes_its_place() -> None:
    history = walk(*WHOLE_ROAD)
    for minute in (50, 55):
        event = proposal(history, EventKind.RESTORED, minute)
        assert isinstance(event, Event)
        history.append(event)
    first, second = str(len(history) - 1), str(len(history))
    assert refused(history, SOFIA, EventKind.CORRECTED, 90, {"proposal": first}) is Reason.BAD_DETAIL
    confirmed = decide(
        history, Kind.INCIDENT, Step(EventKind.CORRECTED, at(90), {"proposal": second}), SOFIA, at(NEVER)
    )
    assert isinstance(confirmed, Event)
    history.append(confirmed)
    assert refused(history, SOFIA, EventKind.CORRECTED, 90, {"proposal": second}) is Reason.NOTHING_PROPOSED
    assert EventKind.CORRECTED not in allowed(history, Kind.INCIDENT, Role.SUPERVISOR)


def test_who_replaces_a_cause_does_not_validate_it() -> None:
    own = {**DIAGNOSIS, "cause": "corte de energía"}
    replaced = walk(ANALYSED, DIAGNOSED, (SOFIA, EventKind.DIAGNOSED, 11, own))
    assert refused(replaced, SOFIA, EventKind.VALIDATED) is Reason.OWN_CHANGE
    walk(ANALYSED, DIAGNOSED, (SOFIA, EventKind.DIAGNOSED, 11, own), (LUIS, EventKind.VALIDATED, 12, {}))
    walk(ANALYSED, (SOFIA, EventKind.DIAGNOSED, 11, own), (SOFIA, EventKind.VALIDATED, 12, {}))


def test_who_validated_an_exclusion_does_not_take_it_back() -> None:
    no, yes = {"event": PLACE, "reason": "no hubo corte"}, (LUIS, EventKind.EXCLUSION_VALIDATED, 81, {"event": PLACE})
    validated = walk(*WHOLE_ROAD, EXCLUDED, yes)
    assert refused(validated, LUIS, EventKind.EXCLUSION_REJECTED, 90, no) is Reason.OWN_CHANGE
    walk(*WHOLE_ROAD, EXCLUDED, yes, (SOFIA, EventKind.EXCLUSION_REJECTED, 90, no))


@pytest.mark.parametrize("words", [{"from": at(-1).isoformat()}, {"until": at(61).isoformat()}])
def test_an_exclusion_outside_the_incidents_time_is_refused(words: dict[str, str]) -> None:
    assert refused(walk(*WHOLE_ROAD), ANA, EventKind.EXCLUSION_PROPOSED, 80, {**MINUTES, **words}) is Reason.BAD_DETAIL
    whole = {**MINUTES, "from": at(0).isoformat(), "until": at(60).isoformat()}
    walk(*WHOLE_ROAD, (ANA, EventKind.EXCLUSION_PROPOSED, 80, whole))


def test_a_detail_that_the_step_does_not_know_is_refused_naming_those_it_knows() -> None:
    step = Step(EventKind.DISPATCHED, at(20), {"to": "INETUM", "tikcet": "77"})
    answer = decide(walk(ANALYSED, DIAGNOSED, VALIDATED), Kind.INCIDENT, step, SOFIA, at(NEVER))
    assert isinstance(answer, Refusal)
    assert (answer.reason, answer.text) == (Reason.BAD_DETAIL, "dispatched says text, to, not tikcet")


@pytest.mark.parametrize(
    ("road", "kind", "details"),
    [(WHOLE_ROAD[:5], EventKind.RESTORED, TESTS), (WHOLE_ROAD[:6], EventKind.CLOSED, CLOSED[3])],
)
def test_while_an_alert_is_active_nothing_is_restored_or_closed_without_saying_why(
    road: tuple[tuple[Actor, EventKind, float, dict[str, str]], ...], kind: EventKind, details: dict[str, str]
) -> None:
    history = walk(*road)

    def answer(**more: str) -> Event | Refusal:
        step = Step(kind, at(70), {**details, **more})
        return decide(history, Kind.INCIDENT, step, SOFIA, at(NEVER), ["RentesegComponentDown"])

    without = answer()
    assert isinstance(without, Refusal)
    assert without.reason is Reason.STILL_FIRING
    assert "RentesegComponentDown" in without.text
    why = answer(reason="la alerta vigila el equipo retirado")
    assert isinstance(why, Event)
    assert why.details["reason"] == "la alerta vigila el equipo retirado"


def test_a_restoration_well_before_the_alerts_ended_says_why() -> None:
    ended = Event(EventKind.RESTORATION_PROPOSED, at(55), at(56), details={"ended_by": "resolved"})
    history = [*walk(*WHOLE_ROAD[:5]), ended]
    assert refused(history, ANA, EventKind.RESTORED, 53, TESTS) is Reason.STILL_FIRING
    for minute, words in ((54.5, TESTS), (53, {**TESTS, "reason": "la alerta tarda dos minutos en terminar"})):
        assert isinstance(
            decide(history, Kind.INCIDENT, Step(EventKind.RESTORED, at(minute), words), ANA, at(NEVER)), Event
        )


def test_the_rca_is_asked_once_until_it_came_or_the_fault_did() -> None:
    asked = (ANA, EventKind.RCA_ASKED, 71, {})
    assert refused(walk(*WHOLE_ROAD, asked), ANA, EventKind.RCA_ASKED, 72) is Reason.OUT_OF_ORDER
    assert EventKind.RCA_ASKED not in allowed(walk(*WHOLE_ROAD, asked), Kind.INCIDENT, Role.ANALYST)
    walk(*WHOLE_ROAD, asked, (ANA, EventKind.RCA_RECEIVED, 73, {}), (ANA, EventKind.RCA_ASKED, 74, {}))
    again = (SOFIA, EventKind.REOPENED, 75, {"reason": "recaída"})
    walk(*WHOLE_ROAD, asked, again, (ANA, EventKind.RESTORED, 76, TESTS), (ANA, EventKind.RCA_ASKED, 77, {}))
