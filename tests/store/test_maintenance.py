"""Maintenance windows in the store, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from groundwork.problems import Refused
from incident_store.audit import verify
from incident_store.database import open_store, reading, upgrade
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import Role
from incident_store.domain.maintenance import Plan, Window, WindowEventKind, WindowStep, counted_windows
from incident_store.domain.steps import Actor
from incident_store.maintenance import WindowRefused, add_window, find_window, read_windows, step_window
from incident_store.transactions import in_transaction
from tests.builders import at, tamper

ANA, SOFIA, LUIS = Actor("ana", Role.ANALYST), Actor("sofia", Role.SUPERVISOR), Actor("luis", Role.SUPERVISOR)
HOUR = Interval(at(60), at(120))
APPROVE = WindowStep(WindowEventKind.APPROVED)


@pytest.fixture
def store(store_url: str) -> Iterator[Engine]:
    upgrade(store_url)
    engine = open_store(store_url)
    yield engine
    engine.dispose()


def planned(store: Engine) -> Window:
    plan = Plan(("portal-web",), "", HOUR, "parche")
    return in_transaction(store, lambda connection: add_window(connection, plan, ANA, at(0)))


def take(store: Engine, number: int, step: WindowStep, actor: Actor, minute: float) -> Window:
    return in_transaction(store, lambda connection: step_window(connection, number, step, actor, at(minute)))


def test_a_window_is_read_back_as_it_was_planned_approved_and_shortened(store: Engine) -> None:
    number = planned(store).number
    take(store, number, APPROVE, SOFIA, 1)
    written = take(store, number, WindowStep(WindowEventKind.SHORTENED, "antes", at(90)), LUIS, 2)
    with reading(store).connect() as connection:
        (window,) = read_windows(connection, Interval(at(0), at(1000)))
        assert (window, read_windows(connection, Interval(at(90), at(1000)))) == (written, [])
        assert find_window(connection, 99) is None
    (counted,) = counted_windows([window], "portal-web", Interval(at(0), at(1000)))
    assert (counted.span, counted.approved_by) == (Interval(at(60), at(90)), "sofia")


def test_a_plan_that_was_committed_without_an_answer_and_comes_again_is_one_window(store: Engine) -> None:
    assert planned(store) == planned(store)
    with reading(store).connect() as connection:
        assert len(read_windows(connection)) == 1


def test_windows_that_only_touch_an_interval_are_not_read_for_it(store: Engine) -> None:
    planned(store)
    with reading(store).connect() as connection:
        assert read_windows(connection, Interval(at(0), at(60))) == []
        assert read_windows(connection, Interval(at(120), at(130))) == []
        assert len(read_windows(connection, Interval(at(119), at(130)))) == 1


def test_two_supervisors_approving_at_once_one_approves_and_the_other_is_told_who_did(store: Engine) -> None:
    number = planned(store).number

    def approve(actor: Actor) -> Window | WindowRefused:
        try:
            return take(store, number, APPROVE, actor, 1)
        except WindowRefused as refusal:
            return refusal

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(approve, [SOFIA, LUIS]))
    (won,) = [one for one in answers if isinstance(one, Window)]
    (lost,) = [one for one in answers if isinstance(one, WindowRefused)]
    assert won.approval is not None
    assert won.approval.by in str(lost)


def test_a_window_that_is_not_there_is_refused(store: Engine) -> None:
    with pytest.raises(Refused, match="no maintenance window 7"):
        take(store, 7, APPROVE, SOFIA, 1)


def test_the_audit_finds_an_approval_that_was_written_in_afterwards(store: Engine) -> None:
    number = planned(store).number
    take(store, number, APPROVE, SOFIA, 1)
    with store.connect() as connection:
        assert verify(connection).broken == ()
    tamper(store, "UPDATE maintenance_events SET author = 'luis' WHERE kind = 'approved'")
    with store.connect() as connection:
        (broken,) = verify(connection).broken
    assert str(broken) == f"maintenance window {number}, event 2: was changed after it was written"
