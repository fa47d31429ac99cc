"""The worker: what it polls, what it says of the sign of life, what it forgets; safe when two run."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, func, select

from alertmanager_webhook.jobs import Heartbeat
from alertmanager_webhook.payload import fingerprint
from alertmanager_webhook.reconcile import Counters, Peer, PeerAway, Reconciler
from incident_store.database import open_store, reading
from incident_store.deliveries import forget_bodies, read_bodies
from incident_store.domain.episodes import EndedBy, Episode
from incident_store.domain.heartbeat import SILENCE
from incident_store.models import DeliveryRow, EpisodeRow
from incident_store.quarantine import Rejected
from incident_store.queries import find_incident, list_incidents
from incident_store.signals import Signal, last_signal, send_signal
from incident_store.store import record
from tests.builders import PORTAL_DOWN, at, firing, resolved, shipped_policy
from tests.processes import answers, free_ports, renteseg, running, wait_for

POLICY = shipped_policy()
PORTAL = fingerprint(PORTAL_DOWN)


class Stub:
    """Answers as Alertmanager's API does; a test says what it holds and how it is."""

    def __init__(self) -> None:
        self.alerts: list[Any] = []
        self.up_since = datetime.now(UTC) - timedelta(hours=1)
        self.broken = ""
        self.asked: list[dict[str, list[str]]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                status, body = stub.answer(parts.path, parse_qs(parts.query))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        if self.broken:
            return 500 if self.broken == "500" else 200, b"<html>"
        if path == "/api/v2/status":
            return 200, json.dumps({"uptime": self.up_since.isoformat()}).encode()
        self.asked.append(query)
        return 200, json.dumps(self.alerts).encode()


def held(start: float, state: str = "active", refreshed: float = 60, **labels: str) -> dict[str, Any]:
    return {
        "labels": {**PORTAL_DOWN, **labels},
        "annotations": {},
        "startsAt": at(start).isoformat(),
        "updatedAt": at(refreshed).isoformat(),
        "endsAt": at(600).isoformat(),
        "fingerprint": fingerprint({**PORTAL_DOWN, **labels}),
        "status": {"state": state, "silencedBy": [], "inhibitedBy": []},
        "receivers": [{"name": "webhook"}],
    }


@contextmanager
def serving() -> Iterator[Stub]:
    stub = Stub()
    threading.Thread(target=stub.server.serve_forever, daemon=True).start()
    try:
        yield stub
    finally:
        stub.server.shutdown()
        stub.server.server_close()


@pytest.fixture
def alertmanager() -> Iterator[Stub]:
    with serving() as stub:
        yield stub


def reconciler(store: Engine, *stubs: Stub, registry: CollectorRegistry | None = None) -> Reconciler:
    peers = [Peer(stub.url, "webhook") for stub in stubs]
    return Reconciler(store, POLICY, peers, Counters(registry or CollectorRegistry(), peers), now=lambda: at(61))


def the_episodes(store: Engine) -> list[Episode]:
    with reading(store).connect() as connection:
        found = [find_incident(connection, one.number) for one in list_incidents(connection)]
    return [episode for one in found if one is not None for episode in one[1]]


def test_an_end_that_was_lost_is_concluded_from_two_polls(store: Engine, alertmanager: Stub) -> None:
    record(store, [firing(0, fingerprint=PORTAL)], [], POLICY, at(0))
    worker = reconciler(store, alertmanager)
    worker.poll()
    worker.poll()
    (episode,) = the_episodes(store)
    assert (episode.ended_at, episode.ended_by) == (at(61), EndedBy.RECONCILED)
    assert worker.poll().conclusions == ()


def test_a_firing_that_was_lost_opens_its_incident_late_with_its_true_start(store: Engine, alertmanager: Stub) -> None:
    alertmanager.alerts = [held(3), held(0, "suppressed", component="api-imei"), held(0, alertname="Watchdog")]
    worker = reconciler(store, alertmanager)
    worker.poll()
    worker.poll()
    (episode,) = the_episodes(store)
    assert (episode.started_at, episode.ended_at, episode.fingerprint) == (at(3), None, PORTAL)


def test_it_asks_for_the_alerts_of_its_receiver_muted_ones_included(store: Engine, alertmanager: Stub) -> None:
    reconciler(store, alertmanager).poll()
    assert alertmanager.asked == [{"receiver": ["webhook"], "silenced": ["true"], "inhibited": ["true"]}]


def test_an_alert_in_sight_that_cannot_be_understood_leaves_the_others_as_they_are(
    store: Engine, alertmanager: Stub
) -> None:
    alertmanager.alerts = [None, {"labels": {}}, {**held(0), "updatedAt": "soon"}, held(3, component="api-imei")]
    worker = reconciler(store, alertmanager)
    worker.poll()
    worker.poll()
    assert [one.labels["component"] for one in the_episodes(store)] == ["api-imei"]


@pytest.mark.parametrize("broken", ["500", "html"])
def test_a_peer_that_fails_concludes_nothing_and_is_counted(store: Engine, alertmanager: Stub, broken: str) -> None:
    record(store, [firing(0, fingerprint=PORTAL)], [], POLICY, at(0))
    alertmanager.broken = broken
    registry = CollectorRegistry()
    worker = reconciler(store, alertmanager, registry=registry)
    for _ in range(3):
        worker.poll()
    name = alertmanager.url.removeprefix("http://")
    away = {"alertmanager": name, "outcome": "away"}
    assert the_episodes(store)[0].ended_at is None
    assert registry.get_sample_value("renteseg_reconciliation_polls_total", away) == 3
    last = "renteseg_reconciliation_last_success_timestamp_seconds"
    assert registry.get_sample_value(last, {"alertmanager": name}) == 0
    alertmanager.broken = ""
    worker.poll()
    assert registry.get_sample_value(last, {"alertmanager": name}) == at(61).timestamp()


def test_the_password_of_an_address_is_not_its_name() -> None:
    peer = Peer("https://reader:secret@am.example:9093", "webhook")
    assert peer.name == "am.example:9093"
    with pytest.raises(PeerAway):
        Peer("http://127.0.0.1:1", "webhook").view()


def test_two_workers_at_once_conclude_the_same_once(store: Engine, alertmanager: Stub) -> None:
    for index in range(30):
        labels = {**PORTAL_DOWN, "component": f"c{index}"}
        record(store, [firing(0, labels, fingerprint(labels))], [], POLICY, at(0))
    alertmanager.alerts = [held(5, component=f"n{index}") for index in range(30)]
    workers = [reconciler(store, alertmanager) for _ in range(2)]
    for _ in range(2):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: one.poll(), workers))
    found = the_episodes(store)
    assert len(found) == 60
    assert sum(one.ended_at is None for one in found) == 30
    with reading(store).connect() as connection:
        assert connection.execute(select(func.count(func.distinct(EpisodeRow.incident_id)))).scalar_one() == 60


def test_the_silence_of_the_sign_of_life_is_an_incident_that_ends_when_it_returns(store: Engine) -> None:
    registry = CollectorRegistry()
    watches = [Heartbeat(store, POLICY, timedelta(minutes=1), CollectorRegistry(), at(0)) for _ in range(2)]
    watches.append(Heartbeat(store, POLICY, timedelta(minutes=1), registry, at(0)))
    beat(store, 5)
    for minute in (6, 6.9):
        watches[0].look(at(minute))
    assert the_episodes(store) == []
    for watch in watches:
        watch.look(at(7.5))
    (silence,) = the_episodes(store)
    assert (silence.started_at, silence.ended_at) == (at(5), None)
    assert silence.labels["component"] == "vigilancia"
    beat(store, 12)
    for watch in watches:
        watch.look(at(12.5))
    (silence,) = the_episodes(store)
    assert (silence.started_at, silence.ended_at, silence.ended_by) == (at(5), at(12), EndedBy.RESOLVED)
    assert registry.get_sample_value("renteseg_heartbeat_timestamp_seconds") == at(12).timestamp()
    watches[0].look(at(15))  # the one sign of life was not the end of it
    assert [(one.started_at, one.ended_at) for one in the_episodes(store)] == [(at(5), None)]


def test_a_sign_of_life_that_never_came_is_missed_from_the_workers_start(store: Engine) -> None:
    watch = Heartbeat(store, POLICY, timedelta(minutes=1), CollectorRegistry(), at(0))
    watch.look(at(1))
    assert the_episodes(store) == []
    watch.look(at(2))
    assert [one.started_at for one in the_episodes(store)] == [at(0)]


def test_time_in_which_nobody_listened_is_no_silence_yet(store: Engine) -> None:
    beat(store, 0)
    watch = Heartbeat(store, POLICY, timedelta(minutes=1), CollectorRegistry(), at(300))
    watch.look(at(301))
    assert the_episodes(store) == []


def test_polling_says_nothing_of_the_silence_it_did_not_report(store: Engine, alertmanager: Stub) -> None:
    Heartbeat(store, POLICY, timedelta(minutes=1), CollectorRegistry(), at(0)).look(at(9))
    worker = reconciler(store, alertmanager)
    worker.poll()
    assert worker.poll().conclusions == ()
    assert the_episodes(store)[0].fingerprint == SILENCE.fingerprint


def beat(store: Engine, minute: float) -> None:
    with store.begin() as connection:
        send_signal(connection, Signal.WATCHDOG, at(minute))


def test_a_signal_only_moves_forward(store: Engine) -> None:
    for minute in (3, 9, 5):
        beat(store, minute)
    with reading(store).connect() as connection:
        assert last_signal(connection, Signal.WATCHDOG) == at(9)
        assert last_signal(connection, Signal.TRUNCATED) is None


def test_bodies_that_said_something_new_are_kept_until_they_are_forgotten(store: Engine) -> None:
    record(store, [firing(0)], [], POLICY, at(1), body=b"first" * 100)
    record(store, [firing(0)], [], POLICY, at(2), body=b"again")
    record(store, [resolved(0, 3)], [], POLICY, at(4), body=b"end")
    record(store, [], [Rejected("not-json", "x", b"<")], POLICY, at(5), body=b"<")
    with store.begin() as connection:
        assert read_bodies(connection, at(0), at(9)) == [b"first" * 100, b"end", b"<"]
        assert forget_bodies(connection, at(4)) == 1
        assert connection.execute(select(func.count()).select_from(DeliveryRow)).scalar_one() == 2


def test_two_worker_processes_heal_serve_their_pages_and_poll_at_once_when_a_body_was_cut(
    store_url: str, store: Engine, alertmanager: Stub, tmp_path: Path
) -> None:
    record(store, [firing(0, fingerprint=PORTAL)], [], POLICY, at(0))
    ports = free_ports(2)
    environment = {
        "RENTESEG_STATE": str(tmp_path),
        "RENTESEG_DATABASE_URL": store_url,
        "RENTESEG_ALERTMANAGER_URLS": f"{alertmanager.url}, {alertmanager.url}/",
    }
    first, second = ({**environment, "RENTESEG_WORKER_PORT": str(port)} for port in ports)
    with (
        running(renteseg("worker"), tmp_path / "1.log", first),
        running(renteseg("worker"), tmp_path / "2.log", second),
    ):
        for port in ports:
            wait_for(lambda port=port: answers(f"http://127.0.0.1:{port}/readyz"), 30, "the worker is ready")  # type: ignore[misc]
        wait_for(lambda: len(alertmanager.asked) >= 4, 30, "both polled once")
        engine = open_store(store_url)
        with engine.begin() as connection:
            send_signal(connection, Signal.TRUNCATED, datetime.now(UTC))
        wait_for(lambda: the_episodes(engine)[0].ended_at is not None, 20, "the second poll came early")
        engine.dispose()
        figures = httpx.get(f"http://127.0.0.1:{ports[0]}/metrics").text
    assert 'renteseg_reconciliation_changes_total{outcome="ended"}' in figures
    assert the_episodes(store)[0].ended_by is EndedBy.RECONCILED
