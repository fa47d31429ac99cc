"""The incident store as metrics: maintenance."""

from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from exporters.incidents.main import Totals, read_snapshot
from exporters.incidents.snapshot import families
from incident_store.database import open_store, upgrade
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import Role
from incident_store.domain.maintenance import Plan, WindowEventKind, WindowStep
from incident_store.domain.steps import Actor
from incident_store.maintenance import add_window, step_window
from incident_store.transactions import in_transaction
from tests.builders import at, shipped_policy


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
