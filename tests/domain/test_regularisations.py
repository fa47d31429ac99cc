"""Regularisations: until when they are owed and when they are late (semantics 33)."""

from datetime import date, timedelta

import pytest

from incident_store.domain.lifecycle import EventKind
from incident_store.domain.regularisations import (
    Load,
    OwedLoad,
    Regularisation,
    Standing,
    due_at,
    opening_events,
    regularised,
    told_regularisations,
)
from tests.builders import NOON, at, shipped_policy

ROBOS = Load("CLARO", "ROBOS", date(2026, 10, 4))
ALTAS = Load("ENTEL", "ALTAS", date(2026, 10, 4))


def test_what_is_owed_is_due_two_working_days_after_the_closing() -> None:
    terms = shipped_policy().at(NOON)
    assert due_at(terms, NOON) == NOON + timedelta(days=2)  # Monday 12:00 in Lima, to Wednesday 12:00
    assert not terms.regularisation.contractual


def test_a_holiday_and_a_weekend_do_not_count() -> None:
    thursday = NOON + timedelta(days=2, hours=5)  # Wednesday 17:00; Thursday 8 October is a holiday in Peru
    assert due_at(shipped_policy().at(NOON), thursday) == NOON + timedelta(days=7, hours=5)


@pytest.mark.parametrize(
    ("processed", "now", "standing"),
    [
        (None, 100, Standing.OPEN),
        (None, 101, Standing.LATE),
        (100, 500, Standing.DONE),
        (101, 500, Standing.DONE_LATE),
    ],
)
def test_processed_when_due_is_in_time_and_later_is_late(
    processed: float | None, now: float, standing: Standing
) -> None:
    done = None if processed is None else at(processed)
    assert Regularisation(1, ROBOS, at(100), done).standing(at(now)) is standing


def test_the_events_tell_what_was_owed_until_when_and_what_was_processed_as_of_any_moment() -> None:
    events = opening_events([OwedLoad(ROBOS, None), OwedLoad(ALTAS, at(5))], at(100), at(10))
    assert [event.kind for event in events] == [EventKind.REGULARISATION_ANNOUNCED, EventKind.REGULARISED]
    assert events[0].details == {
        "loads": "CLARO ROBOS 2026-10-04, ENTEL ALTAS 2026-10-04",
        "until": at(100).isoformat(),
    }
    pending, done = Regularisation(7, ROBOS, at(100), None), Regularisation(7, ALTAS, at(100), at(5))
    assert told_regularisations(7, events) == (pending, done)
    later = [*events, regularised(ROBOS, at(120), at(121))]
    assert told_regularisations(7, later)[0].standing(at(121)) is Standing.DONE_LATE
    assert told_regularisations(7, opening_events([], at(100), at(10))) == ()
