"""Regularisations: until when they are owed and when they are late (semantics 33)."""

from datetime import date, timedelta

import pytest

from incident_store.domain.lifecycle import EventKind
from incident_store.domain.regularisations import Load, OwedLoad, Regularisation, Standing, announcement, due_at
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


def test_the_announcement_names_what_is_owed_until_when_and_what_was_done_already() -> None:
    event = announcement([OwedLoad(ROBOS, None), OwedLoad(ALTAS, at(5))], at(100), at(10))
    assert event.kind is EventKind.REGULARISATION_ANNOUNCED
    assert event.details == {
        "loads": "CLARO ROBOS 2026-10-04",
        "already_processed": "ENTEL ALTAS 2026-10-04",
        "until": at(100).isoformat(),
    }
