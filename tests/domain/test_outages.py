"""Whose minutes, and which outages are one: an incident's events applied to minutes (semantics 8, 25)."""

from datetime import UTC, datetime, timedelta

import pytest

from incident_store.domain.availability import MinuteState
from incident_store.domain.counter_proof import Reading, agreed_state, proved_state
from incident_store.domain.incidents import Event
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.minute_sets import Span, between
from incident_store.domain.outages import Exempt, exempt_minutes, exempt_time, faults, joined_minutes
from incident_store.domain.policies import Responsible

START = datetime(2026, 10, 5, 15, tzinfo=UTC)
SPAN = Span(START, 600)
WINDOW = timedelta(hours=3)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


NOW = at(2000)


def event(kind: EventKind, minutes: float, **details: str) -> Event:
    return Event(kind, at(minutes), at(minutes), "ana", details)


def opened(minutes: float) -> list[Event]:
    began = event(EventKind.FAULT_BEGAN, minutes - 0.5)
    return [began, event(EventKind.DETECTED, minutes), event(EventKind.ANALYSIS_BEGAN, minutes)]


def diagnosed(responsible: str, minutes: float, **validation: str) -> list[Event]:
    words = {"responsible": responsible, "severity": "alta"}
    return [
        event(EventKind.DIAGNOSED, minutes, cause="corte", **words),
        event(EventKind.VALIDATED, minutes + 1, **words, **validation),
    ]


def test_a_fault_lasts_from_its_beginning_to_the_confirmed_restoration_and_again_after_a_relapse() -> None:
    history = [*opened(10), event(EventKind.RESTORED, 40), event(EventKind.REOPENED, 100)]

    assert [(one.start, one.restored_at) for one in faults(history)] == [(at(9.5), at(40)), (at(100), None)]


def test_an_incident_without_restoration_lasts_until_now() -> None:
    [fault] = faults(opened(10))

    assert fault.until(NOW) == Interval(at(9.5), NOW)


def test_a_discarded_incident_has_no_fault() -> None:
    assert faults([*opened(10), event(EventKind.DISCARDED, 20, reason="prueba")]) == ()


@pytest.mark.parametrize("responsible", ["A", "C"])
def test_a_validated_fault_of_the_operator_or_of_oti_is_not_held_against_the_provider(responsible: str) -> None:
    history = [*opened(10), *diagnosed(responsible, 20), event(EventKind.RESTORED, 40)]

    assert exempt_time(history, NOW) == (Exempt(Interval(at(9.5), at(40)), Responsible(responsible), "corte", "ana"),)


def test_a_fault_of_the_provider_or_one_not_validated_is_held_against_the_provider() -> None:
    proposed = [*opened(10), diagnosed("A", 20)[0], event(EventKind.RESTORED, 40)]
    of_provider = [*opened(10), *diagnosed("B", 20), event(EventKind.RESTORED, 40)]

    assert exempt_time(proposed, NOW) == exempt_time(of_provider, NOW) == ()


def test_a_responsible_that_answers_from_a_moment_on_is_exempt_from_there() -> None:
    since = at(25).isoformat()
    history = [*opened(10), *diagnosed("C", 20, **{"from": since}), event(EventKind.RESTORED, 40)]

    assert exempt_time(history, NOW) == (Exempt(Interval(at(25), at(40)), Responsible.OTI, "corte", "ana"),)


@pytest.mark.parametrize(("decision", "taken"), [("exclusion_validated", True), ("exclusion_rejected", False)])
def test_an_exclusion_counts_once_another_person_validated_it(decision: str, taken: bool) -> None:
    words = {"from": at(5).isoformat(), "until": at(30).isoformat(), "reason": "corte de energía"}
    proposed = [*opened(10), event(EventKind.EXCLUSION_PROPOSED, 50, **words)]
    history = [*proposed, event(EventKind(decision), 60, event="4", reason="no procede")]

    assert exempt_time(proposed, NOW) == ()
    assert [(one.interval, one.reason) for one in exempt_time(history, NOW)] == (
        [(Interval(at(9.5), at(30)), "corte de energía")] if taken else []
    )


def test_the_time_between_restoration_and_relapse_is_nobodys() -> None:
    relapse = [event(EventKind.RESTORED, 40), event(EventKind.REOPENED, 100), event(EventKind.RESTORED, 120)]
    history = [*opened(10), *diagnosed("A", 20), *relapse]

    assert [exempt.interval for exempt in exempt_time(history, NOW)] == [
        Interval(at(9.5), at(40)),
        Interval(at(100), at(120)),
    ]


@pytest.mark.parametrize(("relapse", "joined"), [(40 + 180, True), (40 + 181, False)])
def test_a_relapse_within_three_hours_of_the_restoration_joins_the_outages(relapse: int, joined: bool) -> None:
    """Exactly three hours is within (semantics 14); the window runs from the confirmed restoration."""
    history = [*opened(10), event(EventKind.RESTORED, 40), event(EventKind.REOPENED, relapse)]
    down = between(10, 35) | between(relapse, relapse + 5)

    found = joined_minutes(down, SPAN, faults(history), WINDOW, NOW)

    assert found == (between(35, relapse) if joined else 0)


def test_outages_of_different_incidents_are_not_joined() -> None:
    first = [*opened(10), event(EventKind.RESTORED, 20)]

    assert joined_minutes(between(10, 15) | between(60, 70), SPAN, faults(first), WINDOW, NOW) == 0


# --- what the exporter's seconds prove ------------------------------------------------------------------------


def reading(minutes: float, up: float, down: float, unknown: float = 0) -> Reading:
    return Reading(at(minutes), {MinuteState.UP: up, MinuteState.DOWN: down, MinuteState.UNKNOWN: unknown})


@pytest.mark.parametrize(
    ("after", "proved"),
    [
        (reading(10, 1600, 50, 7), MinuteState.UP),
        (reading(10, 1000, 650, 7), MinuteState.DOWN),
        (reading(10, 1595.2, 50, 7), MinuteState.UP),
        (reading(10, 1590, 60, 7), None),
        (reading(10, 1000, 50, 607), None),
        (reading(10, 1590, 50, 17), None),
        (reading(10, 600, 0, 0), None),
        (reading(10, 1900, 50, 7), None),
        (reading(10, 1000, 50, 7), None),
        (Reading(at(10), {MinuteState.UP: 1600}), None),
    ],
    ids=["up", "down", "slow-scrape", "both", "unknown", "restarted", "reset", "too-much", "stopped", "incomplete"],
)
def test_seconds_fill_a_gap_only_where_they_all_went_to_one_state(after: Reading, proved: MinuteState | None) -> None:
    """Semantics 26: ten minutes between two scrapes, 1000 s up, 50 s down and 7 s unknown before."""
    assert proved_state(reading(0, 1000, 50, 7), after) is proved


def test_exporters_that_contradict_each_other_prove_nothing() -> None:
    up, down = MinuteState.UP, MinuteState.DOWN

    assert agreed_state([up, None, up]) is up
    assert agreed_state([up, down]) is None
    assert agreed_state([None]) is None


@pytest.mark.parametrize(("down", "first"), [(between(3, 30), 3), (between(3, 8), 9), (between(12, 30), 9)])
def test_exempt_time_begins_with_the_outage_that_was_seen_before_the_ticket(down: int, first: int) -> None:
    """Semantics 25: an outage begins at the ticket or at what the monitor saw, whichever is earlier."""
    history = [*opened(10), *diagnosed("C", 20), event(EventKind.RESTORED, 40)]

    found = exempt_minutes(exempt_time(history, NOW), faults(history), down, SPAN)

    assert found == between(first, 40)
