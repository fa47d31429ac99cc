"""Somebody edited the database by hand: the audit names each row, lists go on without it, and deliveries are kept."""

from collections.abc import Iterator
from itertools import product

import pytest
from sqlalchemy import Engine

from incident_store.append_only import allow_changes
from incident_store.audit import verify
from incident_store.database import open_store, reading, upgrade
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import Role
from incident_store.domain.maintenance import Plan
from incident_store.domain.regularisations import OwedLoad
from incident_store.domain.steps import Actor
from incident_store.incident_rows import UnreadableEvent
from incident_store.maintenance import add_window
from incident_store.queries import Wanted, find_incident, incidents_of, list_incidents, search_incidents
from incident_store.sealing import seal_growth
from incident_store.store import record
from incident_store.transactions import in_transaction
from tests.builders import PORTAL_DOWN, at, firing, resolved, shipped_policy, tamper
from tests.processes import run_renteseg
from tests.store.test_regularisations import ALTAS, ROBOS, closed, regulariser

POLICY = shipped_policy()


@pytest.fixture
def empty(store_url: str) -> Iterator[Engine]:
    upgrade(store_url)
    engine = open_store(store_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(empty: Engine) -> Engine:
    """Four incidents of six events each, sealed."""
    for number in (1, 2, 3, 4):
        labels = {**PORTAL_DOWN, "component": f"c{number}"}
        record(empty, [firing(number, labels, f"f{number}")], [], POLICY, at(number))
    seal_growth(empty, at(10))
    return empty


EDITS = {
    "sqlite": {
        "details": ("'{'", "'[]'", "'null'", """'{"a": 1}'""", "x'ff'", "5", "'" + "[" * 20_000 + "'"),
        "at": ("'ayer'", "''", "5", "'0001-01-01 00:00:00'", "'2026-13-45 00:00:00'", "x'00'"),
        "recorded_at": ("'ayer'",),
    },
    "postgresql": {
        "details": ("'[]'", "'null'", """'{"a": 1}'""", "'5'"),
        "at": ("'infinity'", "'-infinity'", "'0044-03-15 BC'", "'20000-01-01'"),
        "recorded_at": ("'infinity'",),
    },
}


def edit(store: Engine, column: str, value: str, number: int = 2, event: int = 4) -> None:
    where = f"WHERE incident_id = {number} AND sequence = {event}"
    with store.begin() as connection:
        allow_changes(connection, "events")
        connection.exec_driver_sql(f"UPDATE events SET {column} = {value} {where}")


def edits(store: Engine) -> list[tuple[str, str]]:
    return [(column, value) for column, values in EDITS[store.dialect.name].items() for value in values]


def broken(store: Engine) -> list[str]:
    with reading(store).connect() as connection:
        return [str(one) for one in verify(connection).broken]


def test_the_audit_names_a_row_that_holds_what_no_event_can_say(store: Engine) -> None:
    for column, value in edits(store):
        edit(store, column, value)
        assert broken(store) == ["incident 2, event 4: was changed after it was written"], (column, value[:30])
        edit(store, column, "(SELECT " + column + " FROM events WHERE incident_id = 1 AND sequence = 4)")


def test_the_audit_names_the_first_broken_link_of_each_chain_and_goes_on(store: Engine) -> None:
    for number, event in product((1, 3), (2, 5)):
        edit(store, "details", "'[]'", number, event)
    tamper(store, "DELETE FROM events WHERE incident_id = 4")
    assert broken(store) == [
        "incident 4, event 1: is missing",
        "incident 1, event 2: was changed after it was written",
        "incident 3, event 2: was changed after it was written",
    ]


def test_lists_leave_the_incident_out_and_name_the_row(store: Engine) -> None:
    for column, value in edits(store):
        edit(store, column, value)
        named: list[UnreadableEvent] = []
        with reading(store).connect() as connection:
            listed = list_incidents(connection, left_out=named.append)
        assert [record.number for record in listed] == [4, 3, 1], (column, value[:30])
        assert [(error.incident, error.event) for error in named] == [(2, 4)]


def test_a_page_of_a_search_is_as_long_as_asked_although_some_cannot_be_read(store: Engine) -> None:
    for number in (4, 3):
        edit(store, "details", "'[]'", number)
    with reading(store).connect() as connection:
        found = search_incidents(connection, Wanted(), before=None, limit=2)
        assert [record.number for record in found] == [2, 1]
        assert [record.number for record in search_incidents(connection, Wanted(), before=None, limit=9)] == [2, 1]


def test_one_incident_and_a_months_figures_are_refused_and_name_the_row(store: Engine) -> None:
    edit(store, "details", "'[]'")
    with reading(store).connect() as connection:
        with pytest.raises(UnreadableEvent, match="incident 2, event 4: its details are not an object of strings"):
            find_incident(connection, 2)
        with pytest.raises(UnreadableEvent, match="incident 2, event 4"):
            incidents_of(connection, Interval(at(0), at(60)))


def test_a_delivery_for_that_incident_waits_in_quarantine_and_the_others_are_recorded(store: Engine) -> None:
    edit(store, "details", "'[]'")
    ended = [resolved(number, 20, {**PORTAL_DOWN, "component": f"c{number}"}, f"f{number}") for number in (1, 2, 3)]
    recorded = record(store, ended, [], POLICY, at(21))
    assert (recorded.accepted, recorded.quarantined) == (2, 1)


def test_the_commands_say_in_one_line_what_was_edited(store: Engine, store_url: str) -> None:
    edit(store, "at", EDITS[store.dialect.name]["at"][0])
    environment = {"RENTESEG_DATABASE_URL": store_url}
    listed = run_renteseg("incident", "list", environment=environment)
    assert listed.returncode == 0
    assert listed.stderr == (
        "left out: incident 2, event 4: its time is none; `renteseg audit verify` says what else was changed\n"
    )
    audited = run_renteseg("audit", "verify", environment=environment)
    assert (audited.returncode, audited.stderr.count("\n")) == (1, 1)
    assert "incident 2, event 4: was changed after it was written" in audited.stderr


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("state = 'cerrada'", "state says cerrada, its events say detectada"),
        ("severity = 'baja'", "severity says baja, its events say alta"),
        ("responsible = 'A'", "responsible says A, its events say B"),
        (
            "detected_at = '2026-10-04 17:00:00'",
            "detected_at says 2026-10-04T17:00:00+00:00, its events say 2026-10-05T17:02:00+00:00",
        ),
        ("open_component = NULL", "open_component says nothing, its events say c2"),
    ],
)
def test_a_column_of_an_incident_that_its_events_contradict_is_named(store: Engine, change: str, why: str) -> None:
    tamper(store, f"UPDATE incidents SET {change} WHERE id = 2")
    assert broken(store) == [f"incident 2: {why}"]


def test_a_time_of_a_projection_that_is_none_hides_nothing_else(store: Engine) -> None:
    value = {"sqlite": "ayer", "postgresql": "infinity"}[store.dialect.name]
    tamper(store, f"UPDATE incidents SET detected_at = '{value}' WHERE id = 2")
    assert len(broken(store)) == 1
    with reading(store).connect() as connection:
        assert len(list_incidents(connection)) == 4


def test_a_confirmed_outage_that_was_moved_or_removed_is_named(empty: Engine) -> None:
    number = closed(empty)
    assert broken(empty) == []
    tamper(empty, "UPDATE confirmed_outages SET ends_at = starts_at")
    assert broken(empty)[0].startswith(f"incident {number}: its confirmed outage says 2026-10-05T17:00:00+00:00 ")
    tamper(empty, "DELETE FROM confirmed_outages")
    assert f"incident {number}: its confirmed outage says nothing, its events say 2026-10-05" in broken(empty)[0]


def test_a_regularisation_that_its_incident_s_events_contradict_is_named(empty: Engine) -> None:
    number = closed(empty)
    regulariser(empty, OwedLoad(ROBOS, None), OwedLoad(ALTAS, at(400))).work()
    assert broken(empty) == []
    tamper(empty, "UPDATE regularisations SET processed_at = due_at WHERE operator = 'CLARO'")
    assert broken(empty)[0].startswith(f"incident {number}: its regularisation of CLARO ROBOS 2026-10-04 says 2026")
    tamper(empty, "DELETE FROM regularisations WHERE operator = 'CLARO'")
    assert f"incident {number}: its regularisation of CLARO ROBOS 2026-10-04 says nothing, its" in broken(empty)[0]


@pytest.mark.parametrize("column", ["starts_at", "ends_at"])
def test_a_maintenance_window_whose_span_is_not_what_its_events_say_is_named(store: Engine, column: str) -> None:
    plan = Plan(("portal-web",), "", Interval(at(60), at(120)), "parche")
    window = in_transaction(store, lambda to: add_window(to, plan, Actor("ana", Role.ANALYST), at(0)))
    assert broken(store) == []
    tamper(store, f"UPDATE maintenance_windows SET {column} = '2026-10-05 17:00:00'")
    assert broken(store)[0].startswith(f"maintenance window {window.number}: {column} says 2026-10-05T17:00:00")
