"""The incident store as metrics: maintenance, a report owed after the closing, the queues of the mailroom."""

import re
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from exporters.incidents.main import Totals, read_snapshot
from exporters.incidents.snapshot import families
from incident_store.advance import advance
from incident_store.database import open_store, upgrade
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import EventKind, Role
from incident_store.domain.maintenance import Plan, WindowEventKind, WindowStep
from incident_store.domain.steps import Actor, Step
from incident_store.mail_ways import Trouble, Way, note_way
from incident_store.maintenance import add_window, step_window
from incident_store.store import record
from incident_store.transactions import in_transaction
from tests.builders import at, firing, resolved, shipped_policy


def shown(store_url: str, minute: float) -> str:
    """The exporter's page at this minute."""
    engine = open_store(store_url)
    snapshot = read_snapshot(engine, at(minute), Totals())
    engine.dispose()

    class Page(Collector):
        def collect(self):  # type: ignore[no-untyped-def]
            return families(snapshot, shipped_policy(), at(minute))

    registry = CollectorRegistry()
    registry.register(Page())
    return generate_latest(registry).decode()


@pytest.fixture
def url(store_url: str) -> str:
    """A store with a window of an hour, approved, and one that nobody approved."""
    upgrade(store_url)
    engine, hour = open_store(store_url), Interval(at(60), at(60) + timedelta(hours=1))
    ana, sofia = Actor("ana", Role.ANALYST), Actor("sofia", Role.SUPERVISOR)
    for component in ("portal-web", "api-imei"):
        plan = Plan((component,), "", hour, "parche")
        in_transaction(engine, lambda connection, plan=plan: add_window(connection, plan, ana, at(0)))
    step = WindowStep(WindowEventKind.APPROVED)
    in_transaction(engine, lambda connection: step_window(connection, 1, step, sofia, at(0)))
    engine.dispose()
    return store_url


def test_maintenance_is_active_while_an_approved_window_lasts_semantics_24(url: str) -> None:
    assert 'renteseg_maintenance_active{component="portal-web"} 0.0' in shown(url, 59)
    assert 'renteseg_maintenance_active{component="portal-web"} 1.0' in shown(url, 60)
    assert 'renteseg_maintenance_active{component="portal-web"} 0.0' in shown(url, 120)
    assert 'renteseg_maintenance_active{component="api-imei"} 0.0' in shown(url, 60)


def test_a_component_without_a_window_nearby_has_no_maintenance_series(url: str) -> None:
    assert "renteseg_maintenance_active{" not in shown(url, 60 * 50)


def test_a_closed_incident_shows_the_clock_of_its_report_until_that_comes(store_url: str) -> None:
    upgrade(store_url)
    engine, policy = open_store(store_url), shipped_policy()
    record(engine, [firing(0)], [], policy, at(0))
    record(engine, [resolved(0, 30)], [], policy, at(31))
    ana, sofia = Actor("ana", Role.ANALYST), Actor("sofia", Role.SUPERVISOR)
    diagnosis = {"responsible": "B", "severity": "alta", "cause": "disco"}
    for actor, kind, minute, details in (
        (ana, EventKind.ANALYSIS_BEGAN, 5, {}),
        (ana, EventKind.DIAGNOSED, 10, diagnosis),
        (sofia, EventKind.VALIDATED, 12, {}),
        (ana, EventKind.RESTORED, 30, {"tests": "consultas"}),
        (sofia, EventKind.CLOSED, 40, {"unavailability": "none"}),
    ):
        advance(engine, 1, Step(kind, at(minute), details), actor, at(60))
    page = shown(store_url, 100)
    assert 'renteseg_incident_sla_deadline_timestamp_seconds{clock="rca",incident="1"' in page
    assert 'clock="resolution"' not in page, "that clock has stopped"
    advance(engine, 1, Step(EventKind.RCA_RECEIVED, at(90), {}), ana, at(100))
    engine.dispose()
    assert 'clock="rca"' not in shown(store_url, 100)


def test_the_queues_of_the_mailroom_are_counted_and_a_time_without_one_is_absent(url: str) -> None:
    page = shown(url, 60)

    assert "renteseg_notices_pending 1.0" in page  # the announcement of the window that was approved
    [oldest] = re.findall(r"^renteseg_notice_oldest_timestamp_seconds (\S+)$", page, re.MULTILINE)
    assert float(oldest) == at(0).timestamp()
    assert "renteseg_notices_failed 0.0" in page
    assert "renteseg_mailbox_unread 0.0" in page
    assert "\nrenteseg_mailbox_unread_oldest_timestamp_seconds" not in page
    assert 'renteseg_mail_way_closed{reason="login",way="smtp"} 0.0' in page


def test_a_way_that_is_closed_shows_why(url: str) -> None:
    engine = open_store(url)
    in_transaction(engine, lambda connection: note_way(connection, Way.SMTP, Trouble.LOGIN, "535", at(0)))
    engine.dispose()

    page = shown(url, 60)

    assert 'renteseg_mail_way_closed{reason="login",way="smtp"} 1.0' in page
    assert 'renteseg_mail_way_closed{reason="tls",way="smtp"} 0.0' in page
