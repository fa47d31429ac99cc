"""One delivery, one transaction: what the store holds afterwards, on SQLite and on PostgreSQL."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from incident_store.database import (
    MIGRATIONS,
    StoreUnavailable,
    newest_version,
    open_store,
    reading,
    schema_lag,
    upgrade,
)
from incident_store.domain.episodes import Episode, Notification
from incident_store.domain.incident_clocks import read_clocks
from incident_store.domain.incidents import seal
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import ClockName, Responsible, Severity
from incident_store.models import AnswerRow, EventRow, QuarantineRow
from incident_store.quarantine import Rejected
from incident_store.queries import IncidentRecord, find_incident, list_incidents
from incident_store.store import Recorded, record
from tests.builders import PORTAL_DOWN, at, firing, resolved, shipped_policy

POLICY = shipped_policy()


@pytest.fixture
def store(store_url: str) -> Iterator[Engine]:
    upgrade(store_url)
    engine = open_store(store_url)
    yield engine
    engine.dispose()


def take(store: Engine, *notifications: Notification, now: float = 60) -> Recorded:
    return record(store, notifications, [], POLICY, at(now))


def all_incidents(store: Engine) -> list[IncidentRecord]:
    with reading(store).connect() as connection:
        return list_incidents(connection)


def the_incident(store: Engine) -> tuple[IncidentRecord, list[Episode]]:
    (one,) = all_incidents(store)
    with reading(store).connect() as connection:
        found = find_incident(connection, one.number)
    assert found is not None
    return found


def test_a_firing_alert_opens_one_incident_with_its_component_severity_and_suspect(store: Engine) -> None:
    recorded = take(store, firing(0))
    found, episodes = the_incident(store)
    assert recorded == Recorded(accepted=1, duplicates=0, quarantined=0, incidents=(found.number,))
    assert (found.component, found.service, found.title) == ("portal-web", "consulta", "portal-web no responde")
    assert (found.incident.severity, found.incident.responsible) == (Severity.HIGH, Responsible.PROVIDER)
    assert [episode.started_at for episode in episodes] == [at(0)]


def test_two_clocks_run_from_the_detection_to_the_second(store: Engine) -> None:
    take(store, firing(0.5))
    found, _ = the_incident(store)
    clocks = {clock.name: clock.reading for clock in read_clocks(found.events, POLICY, at(10))}
    assert clocks[ClockName.RESPONSE].due == at(30.5)
    assert clocks[ClockName.RESOLUTION].due == at(240.5)
    assert clocks[ClockName.RESPONSE].elapsed == timedelta(minutes=9, seconds=30)


def test_the_same_delivery_again_changes_nothing_and_says_so(store: Engine) -> None:
    take(store, firing(0))
    before = the_incident(store)
    assert take(store, firing(0), now=65).duplicates == 1
    assert the_incident(store) == before


def test_the_end_of_the_alert_proposes_the_restoration_and_closes_nothing(store: Engine) -> None:
    take(store, firing(0))
    take(store, resolved(0, 7), now=8)
    found, _ = the_incident(store)
    assert found.incident.proposed_restoration == at(7)
    assert EventKind.RESTORED not in found.incident.times


def test_a_relapse_joins_the_open_incident_and_withdraws_the_proposal(store: Engine) -> None:
    take(store, firing(0))
    take(store, resolved(0, 7), now=8)
    take(store, firing(9), now=10)
    found, episodes = the_incident(store)
    assert found.incident.proposed_restoration is None
    assert len(episodes) == 2


def test_two_alerts_of_one_component_are_one_incident_of_the_graver_severity(store: Engine) -> None:
    slow = {**PORTAL_DOWN, "alertname": "RentesegComponentSlow", "severity": "warning"}
    take(store, firing(0, slow, "f-slow"))
    take(store, firing(1), now=61)
    take(store, resolved(1, 5), now=62)
    found, _ = the_incident(store)
    assert found.incident.severity is Severity.HIGH
    assert found.incident.proposed_restoration is None  # the slow one goes on
    take(store, resolved(0, 9, slow, "f-slow"), now=63)
    assert the_incident(store)[0].incident.proposed_restoration == at(9)


def test_an_earlier_start_moves_the_detection_and_keeps_the_old_one_on_record(store: Engine) -> None:
    take(store, firing(5))
    take(store, resolved(2, 9), now=61)
    found, episodes = the_incident(store)
    assert found.incident.times[EventKind.DETECTED] == at(2)
    assert [event.at for event in found.events if event.kind is EventKind.DETECTED] == [at(5), at(2)]
    assert len(episodes) == 1


def test_an_alert_that_comes_and_goes_too_often_marks_its_one_incident_once(store: Engine) -> None:
    for start in range(0, 24, 3):
        take(store, firing(start), now=60 + start)
        take(store, resolved(start, start + 1), now=61 + start)
    found, episodes = the_incident(store)
    assert len(episodes) == 8
    (remark,) = [event for event in found.events if event.kind is EventKind.FLAPPING]
    assert (remark.at, remark.details["more_than"]) == (at(15), "5")


def test_file_loads_without_component_are_told_apart_by_operator_and_type(store: Engine) -> None:
    claro = {"alertname": "RentesegFileRejected", "operator": "CLARO", "file_type": "ROBOS", "owner": "operator"}
    take(store, firing(0, claro, "a"), firing(0, {**claro, "file_type": "ALTAS"}, "b"))
    assert {one.component for one in all_incidents(store)} == {"CLARO/ROBOS", "CLARO/ALTAS"}
    assert {one.incident.responsible for one in all_incidents(store)} == {Responsible.OPERATOR}


def test_the_fault_began_when_the_rule_says_unless_that_is_nonsense(store: Engine) -> None:
    said = Notification("x", at(1), None, {"component": "a"}, {"fault_began": str(at(0).timestamp())})
    nonsense = Notification("y", at(1), None, {"component": "b"}, {"fault_began": "<no value>"})
    future = Notification("z", at(1), None, {"component": "c"}, {"fault_began": str(at(9).timestamp())})
    take(store, said, nonsense, future)
    began = {one.component: one.incident.times[EventKind.FAULT_BEGAN] for one in all_incidents(store)}
    assert began == {"a": at(0), "b": at(1), "c": at(1)}


def test_what_could_not_be_understood_is_kept_once_and_counted(store: Engine) -> None:
    bad = Rejected("not-json", "the body is not JSON", b"\x00<html>")
    record(store, [firing(0)], [bad], POLICY, at(1))
    record(store, [], [bad], POLICY, at(2))
    with reading(store).connect() as connection:
        row = connection.execute(select(*QuarantineRow.__table__.c)).one()
    assert (row.body, row.times, row.first_received_at, row.last_received_at) == (bad.body, 2, at(1), at(2))
    assert len(all_incidents(store)) == 1


def test_events_are_chained_by_hash(store: Engine) -> None:
    take(store, firing(0))
    take(store, resolved(0, 3))
    found, _ = the_incident(store)
    with reading(store).connect() as connection:
        rows = connection.execute(select(*EventRow.__table__.c).order_by(EventRow.sequence)).all()
    previous = ""
    for row, event in zip(rows, found.events, strict=True):
        assert row.previous_hash == previous
        assert row.hash == seal(previous, found.number, row.sequence, event)
        previous = row.hash


def test_twenty_deliveries_at_once_make_one_incident_whatever_their_order(store: Engine) -> None:
    deliveries = [firing(0)] * 8 + [resolved(0, 4)] * 4 + [firing(6, fingerprint="g")] * 4 + [firing(0)] * 4
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: take(store, one), deliveries))
    found, episodes = the_incident(store)
    assert [(episode.started_at, episode.ended_at) for episode in episodes] == [(at(0), at(4)), (at(6), None)]
    assert found.incident.proposed_restoration is None
    assert sum(event.kind is EventKind.RECORDED for event in found.events) == 1


def test_hundred_new_components_at_once_from_two_peers_open_hundred_incidents(store: Engine) -> None:
    alerts = [firing(0, {**PORTAL_DOWN, "component": f"c{index}"}, f"f{index}") for index in range(100)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: take(store, *one), [alerts, alerts[::-1]]))
    assert len(all_incidents(store)) == 100


def outcome(store: Engine) -> list[object]:
    """All that the store says of its incidents but when it was written down."""
    found = []
    for one in all_incidents(store):
        incident = one.incident
        times = {kind: incident.times.get(kind) for kind in (EventKind.FAULT_BEGAN, EventKind.DETECTED)}
        with reading(store).connect() as connection:
            _, episodes = find_incident(connection, one.number) or (one, [])
        spans = sorted((e.fingerprint, e.started_at, e.ended_at, e.ended_by) for e in episodes)
        found.append((one.component, one.title, incident.severity, incident.responsible, times, spans))
        found.append((incident.proposed_restoration,))
    return found


OTI = {**PORTAL_DOWN, "owner": "oti", "severity": "warning", "alertname": "RentesegComponentSlow"}


def set_of_notifications() -> list[Notification]:
    """Two alerts of one component from different owners, with flaps, duplicates and different words."""
    return [
        replace(firing(0), annotations={"summary": "b", "fault_began": str(at(-1).timestamp())}),
        replace(firing(0), annotations={"summary": "a"}),
        resolved(0, 4),
        firing(8),
        firing(2, OTI, "slow"),
        resolved(-3, 1, OTI, "slow"),
        resolved(2, 9, OTI, "slow"),
        resolved(8, 12),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_the_same_set_of_notifications_in_any_order_makes_the_same_incident(
    store: Engine, seed: int, tmp_path: Path
) -> None:
    in_order, shuffled = set_of_notifications(), set_of_notifications() * 2
    random.Random(seed).shuffle(shuffled)
    for one in shuffled:
        take(store, one)
    other_url = f"sqlite:///{tmp_path}/in-order.db"
    upgrade(other_url)
    other = open_store(other_url)
    take(other, *in_order)
    assert outcome(store) == outcome(other)
    other.dispose()


def test_peers_that_post_the_same_older_alert_at_once_store_it_once(store: Engine) -> None:
    for index in range(12):
        name = f"peer-{index}"
        labels = {**PORTAL_DOWN, "component": name}
        take(store, firing(60, labels, name))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda one: take(store, one), [firing(0, labels, name)] * 8))
    for one in all_incidents(store):
        with reading(store).connect() as connection:
            found = find_incident(connection, one.number)
        assert found is not None
        assert [(e.started_at, e.ended_at) for e in found[1]] == [(at(0), at(60)), (at(60), None)]


def test_alerts_of_one_fingerprint_that_turn_out_to_be_one_leave_the_other_incident_readable(store: Engine) -> None:
    xa, xb = {**PORTAL_DOWN, "component": "xa"}, {**PORTAL_DOWN, "component": "xb"}
    take(store, firing(0, xa))
    take(store, firing(10, xb))
    take(store, resolved(0, 20, xa))
    assert len(all_incidents(store)) == 2


def test_what_the_store_cannot_hold_is_quarantined_and_its_siblings_are_recorded(store: Engine) -> None:
    poison = replace(firing(0), fingerprint="f" * 100_000, labels={"component": "x" * 3_000_000})
    half = replace(firing(0), fingerprint="half", labels={"component": "\ud800"})
    recorded = take(store, firing(0, {**PORTAL_DOWN, "component": "api"}, "good"), poison, half)
    assert recorded.accepted + recorded.quarantined == 3
    assert recorded.quarantined >= 1
    assert "api" in {one.component for one in all_incidents(store)}


def test_words_that_are_no_unicode_are_read_as_they_were_stored(store: Engine) -> None:
    written = (
        "INSERT INTO answers (person, key, digest, status, headers, body, answered_at) "
        "VALUES ('ana', 'k', 'd', 200, '{\"half\": \"\\ud800\"}', '', '2026-10-05 17:00:00+00:00')"
    )
    with store.begin() as connection:
        connection.exec_driver_sql(written)
        assert connection.scalar(select(AnswerRow.headers)) == {"half": "\ud800"}


def test_a_store_without_tables_is_unavailable_and_says_what_to_run(store_url: str) -> None:
    engine = open_store(store_url)
    with pytest.raises(StoreUnavailable):
        take(engine, firing(0))
    assert "renteseg db upgrade" in (schema_lag(engine) or "")
    upgrade(store_url)
    assert schema_lag(engine) is None


def test_the_newest_version_is_the_end_of_alembics_chain() -> None:
    from alembic.script import ScriptDirectory

    assert newest_version() == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def test_the_migrations_make_the_tables_that_the_models_describe(store: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from incident_store.models import Base

    with store.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []
        assert connection.execute(text("SELECT count(*) FROM incidents")).scalar_one() == 0
