"""Every opening gets its evidence from a real Prometheus: once, as of its minute, honest about what was not there."""

import asyncio
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, text

from evidence.jobs import EvidenceTaker, gather
from evidence.questions import growth
from groundwork.prometheus import Prometheus, PrometheusAway
from incident_store.advance import Report, advance, register
from incident_store.audit import verify
from incident_store.database import open_store, upgrade
from incident_store.domain.attribution import Condition
from incident_store.domain.incidents import Event, Kind, fold
from incident_store.domain.lifecycle import EventKind, Role
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import Actor, Step
from incident_store.evidence import read_evidence, wanting
from incident_store.incident_rows import history
from incident_store.snapshots import Lack, Missing, Snapshot
from incident_store.store import record
from tests.builders import PORTAL_DOWN, at, firing, resolved, shipped_policy
from tests.exporters.peers import Answer, drip, endless, page, peer, saying, silence
from tests.processes import answers, free_ports, renteseg, run_renteseg, running, wait_for
from tests.prometheus_server import line, prometheus

POLICY = shipped_policy()
ANA, SOFIA = Actor("ana", Role.ANALYST), Actor("sofia", Role.SUPERVISOR)
HOSTILE = 'x"} or vector(1) or y{a="'
OPENED = 40
"""The minute after noon at which the portal's alert opens its incident; it is down since minute 35."""
RULES = {
    "groups": [
        {
            "name": "availability",
            "rules": [
                {
                    "alert": "RentesegComponentDown",
                    "expr": "max by (component, service, owner) (renteseg_component_up) == 0",
                    "for": "20s",
                    "labels": {"severity": "critical"},
                }
            ],
        }
    ]
}
COMPONENTS = {
    "portal-web": ("provider", "enlace"),
    "api-imei": ("provider", "enlace"),
    "enlace": ("oti", "enlace"),
    "base-datos": ("provider", ""),
    HOSTILE: ("provider", ""),
}
FAILED_FROM = {"portal-web": 35.0, "api-imei": 35.25, "enlace": 34.75}


def samples(start: float = 0, end: float = 60) -> Iterator[str]:
    """An hour of both exporters' metrics, a sample every 15 s; from minute 8 to 12 the components are unknown."""
    quarters = [start + number / 4 for number in range(int((end - start) * 4))]

    def family(name: str, labels: dict[str, str], value: object) -> Iterator[str]:
        for minute in quarters:
            found = value(minute) if callable(value) else value
            if found is not None:
                yield line((name, labels), found, at(minute))

    for name, (owner, link) in COMPONENTS.items():
        own = {"component": name, "service": "consulta", "owner": owner, "link": link}
        failed = FAILED_FROM.get(name, 1e9)
        up = lambda minute, failed=failed: None if 8 <= minute < 12 else float(minute < failed)  # noqa: E731
        yield from family("renteseg_component_up", own, up)
    for name, (owner, link) in COMPONENTS.items():
        own = {"component": name, "service": "consulta", "owner": owner, "link": link, "kind": "http"}
        yield from family("renteseg_component_info", own, 1)
    for reason in ("timeout", "refused"):
        counted = {"component": "portal-web", "reason": reason}
        grown = lambda minute, reason=reason: max(0, minute - 35) * 4 if reason == "timeout" else 7  # noqa: E731
        yield from family("renteseg_probe_failures_total", counted, grown)
    yield from family("renteseg_probe_last_duration_seconds", {"component": "portal-web"}, 0.25)
    yield from family("renteseg_monitor_blind", {}, 0)
    for file_type, state in (("ALTAS", "processed"), ("ROBOS", "rejected")):
        for known in ("processed", "rejected"):
            load = {"operator": "CLARO", "file_type": file_type, "state": known}
            yield from family("renteseg_file_loads", load, float(known == state))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), samples(), RULES) as url:
        yield url


@pytest.fixture
def store(store_url: str) -> Iterator[Engine]:
    upgrade(store_url)
    engine = open_store(store_url)
    yield engine
    engine.dispose()


class Clock:
    """A clock that a test turns."""

    def __init__(self, minute: float) -> None:
        self.minute = minute

    def __call__(self) -> datetime:
        return at(self.minute)


def taker(store: Engine, url: str, clock: Clock, deadline: float = 20.0) -> EvidenceTaker:
    server = Prometheus(url, deadline=deadline, largest=4_000_000)
    return EvidenceTaker(store, POLICY, server, timedelta(days=15), CollectorRegistry(), clock)


def open_portal(store: Engine, labels: dict[str, str] | None = None) -> None:
    record(store, [firing(OPENED, labels=labels or PORTAL_DOWN)], [], POLICY, at(OPENED + 0.2))


def events(store: Engine, number: int = 1) -> list[Event]:
    with store.connect() as connection:
        return history(connection, number)


def evidence(store: Engine, number: int = 1) -> list[Snapshot]:
    with store.connect() as connection:
        return read_evidence(connection, history(connection, number))


def kinds(store: Engine) -> list[EventKind]:
    return [event.kind for event in events(store)]


def test_an_opening_gets_its_evidence_by_itself(store: Engine, server: str) -> None:
    open_portal(store)
    taker(store, server, Clock(OPENED + 1)).look()
    (snapshot,) = evidence(store)
    assert (snapshot.moment, snapshot.taken_at, snapshot.missing) == (at(OPENED), at(OPENED + 1), ())
    assert [(one.state, one.start) for one in snapshot.states or ()] == [
        ("unknown", at(OPENED - 30)),
        ("up", at(12)),
        ("down", at(35)),
    ]
    assert (snapshot.states or ())[-1].end == at(OPENED)
    assert {one.seconds for one in snapshot.latency or ()} == {0.25}
    assert [(one.reason, one.times) for one in snapshot.failures or ()] == [("timeout", (OPENED - 35) * 4)]
    states = {one.component: one.state for one in snapshot.around or ()}
    assert states == {name: Condition.DOWN if name in FAILED_FROM else Condition.UP for name in COMPONENTS}
    assert [(one.operator, one.file_type, one.state) for one in snapshot.loads or ()] == [
        ("CLARO", "ROBOS", "rejected")
    ]
    (rule,) = snapshot.rules or ()
    assert (rule.name, rule.for_seconds) == ("RentesegComponentDown", 20)
    assert [(one.labels["component"], one.value) for one in rule.values] == [("portal-web", 0.0)]
    assert snapshot.alert is not None
    assert snapshot.alert.labels["owner"] == "provider"


def test_the_suspicion_is_made_again_from_the_evidence_with_its_reasons(store: Engine, server: str) -> None:
    open_portal(store)
    taker(store, server, Clock(OPENED + 1)).look()
    *_, taken, suspected = events(store)
    assert (taken.kind, suspected.kind) == (EventKind.EVIDENCE_TAKEN, EventKind.SUSPECTED)
    assert suspected.details == {
        "responsible": "C",
        "link_down": "enlace",
        "behind_link_down": "api-imei, portal-web",
        "snapshot": taken.details["sha256"],
    }
    with store.connect() as connection:
        assert connection.execute(text("SELECT responsible FROM incidents")).scalar_one() == "C"
        assert verify(connection).broken == ()


def test_a_later_alert_of_the_component_does_not_undo_what_the_evidence_says(store: Engine, server: str) -> None:
    open_portal(store)
    taker(store, server, Clock(OPENED + 1)).look()
    record(store, [firing(OPENED + 2, fingerprint="f2")], [], POLICY, at(OPENED + 3))
    record(store, [resolved(OPENED, OPENED + 4)], [], POLICY, at(OPENED + 5))
    assert [event.details["responsible"] for event in events(store) if event.kind is EventKind.SUSPECTED] == ["B", "C"]


def test_peoples_word_on_the_responsible_stands(store: Engine, server: str) -> None:
    open_portal(store)
    diagnosis = {"responsible": "B", "severity": "alta", "cause": "disco lleno"}
    for actor, kind, details in (
        (ANA, EventKind.ANALYSIS_BEGAN, {}),
        (ANA, EventKind.DIAGNOSED, diagnosis),
        (SOFIA, EventKind.VALIDATED, {}),
    ):
        advance(store, 1, Step(kind, at(OPENED + 1), details), actor, at(OPENED + 1))
    taker(store, server, Clock(OPENED + 2)).look()
    assert kinds(store)[-1] is EventKind.EVIDENCE_TAKEN
    with store.connect() as connection:
        assert connection.execute(text("SELECT responsible FROM incidents")).scalar_one() == "B"


def test_evidence_taken_a_week_later_says_the_same_of_the_minute(store: Engine, server: str) -> None:
    open_portal(store)
    with store.connect() as connection:
        (opening,) = wanting(connection, at(0))
    soon, late = (gather(Prometheus(server), opening, at(minute), insist=True) for minute in (OPENED + 1, 10_000))
    assert late.model_copy(update={"taken_at": soon.taken_at}) == soon


def test_the_minute_is_waited_for_and_evidence_is_taken_once(store: Engine, server: str) -> None:
    open_portal(store)
    clock = Clock(OPENED + 0.5)
    job = taker(store, server, clock)
    job.look()
    assert EventKind.EVIDENCE_TAKEN not in kinds(store)
    for _ in range(3):
        clock.minute += 1
        job.look()
    assert kinds(store).count(EventKind.EVIDENCE_TAKEN) == 1


def test_two_workers_at_once_take_it_once(store: Engine, server: str) -> None:
    for number in range(6):
        labels = {**PORTAL_DOWN, "component": f"c{number}"}
        record(store, [firing(OPENED, labels=labels, fingerprint=f"f{number}")], [], POLICY, at(OPENED))
    workers = [taker(store, server, Clock(OPENED + 1)) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda job: job.look(), workers))
    for number in range(1, 7):
        taken = [event for event in events(store, number) if event.kind is EventKind.EVIDENCE_TAKEN]
        assert len(taken) == 1


def test_a_reopening_gets_evidence_of_its_own_minute(store: Engine, server: str) -> None:
    record(store, [firing(20)], [], POLICY, at(20))
    job = taker(store, server, Clock(21))
    job.look()
    record(store, [resolved(20, 22)], [], POLICY, at(22))
    for kind, details in (
        (EventKind.ANALYSIS_BEGAN, {}),
        (EventKind.DIAGNOSED, {"responsible": "B", "severity": "alta", "cause": "x"}),
        (EventKind.RESTORED, {"tests": "ok"}),
    ):
        advance(store, 1, Step(kind, at(25), details), ANA, at(25))
    record(store, [firing(OPENED, fingerprint="f2")], [], POLICY, at(OPENED))
    taker(store, server, Clock(OPENED + 1)).look()
    first, second = evidence(store)
    assert (first.moment, second.moment) == (at(20), at(OPENED))
    assert second.alert is not None
    assert second.alert.started_at == at(OPENED)
    assert fold(events(store)).responsible is Responsible.OTI


def test_a_name_with_quotes_and_braces_asks_about_itself_alone(store: Engine, server: str) -> None:
    open_portal(store, {**PORTAL_DOWN, "component": HOSTILE})
    taker(store, server, Clock(OPENED + 1)).look()
    (snapshot,) = evidence(store)
    assert [one.state for one in snapshot.states or ()] == ["unknown", "up"]
    assert {one.part for one in snapshot.missing} == {"latency", "failures"}


def test_an_incident_reported_by_hand_gets_evidence_too_and_keeps_the_word_of_its_reporter(
    store: Engine, server: str
) -> None:
    words = ("portal-web", "consulta", "no abre", Severity.HIGH, Responsible.OPERATOR, "telefono", at(OPENED))
    register(store, Report(Kind.INCIDENT, *words), ANA, at(OPENED))
    register(store, Report(Kind.QUESTION, *words), ANA, at(OPENED))
    taker(store, server, Clock(OPENED + 1)).look()
    (snapshot,) = evidence(store)
    assert snapshot.missing == (Missing(part="rules", why=Lack.NO_ALERT),)
    assert kinds(store)[-1] is EventKind.EVIDENCE_TAKEN
    assert evidence(store, 2) == []


def test_what_prometheus_no_longer_holds_is_said_and_not_invented(store: Engine, server: str) -> None:
    record(store, [firing(-9000)], [], POLICY, at(-9000))
    taker(store, server, Clock(OPENED)).look()
    (snapshot,) = evidence(store)
    missing = {one.part for one in snapshot.missing}
    assert missing == {"states", "latency", "failures", "around", "monitor_blind", "loads"}
    assert events(store)[-2].details["missing"] == "states, latency, failures, around, monitor_blind, loads"
    assert (snapshot.rules or ())[0].values == ()
    assert events(store)[-1].details["responsible"] == "B"


def test_while_prometheus_is_away_nothing_is_written_and_each_try_waits_longer(store: Engine, server: str) -> None:
    open_portal(store)
    clock = Clock(OPENED + 1)
    job = taker(store, f"http://127.0.0.1:{free_ports(1)[0]}", clock)
    asked = []
    for second in range(120):
        clock.minute = OPENED + 1 + second / 60
        try:
            job.look()
        except PrometheusAway:
            asked.append(second)
    assert asked == [0, 10, 30, 70]
    assert EventKind.EVIDENCE_TAKEN not in kinds(store)


def test_after_its_patience_it_is_recorded_that_nothing_could_be_had(store: Engine) -> None:
    open_portal(store)
    job = taker(store, f"http://127.0.0.1:{free_ports(1)[0]}", Clock(OPENED + 16 * 24 * 60))
    with pytest.raises(PrometheusAway):
        job.look()
    (snapshot,) = evidence(store)
    assert len(snapshot.missing) == 7
    assert {one.why for one in snapshot.missing} == {Lack.AWAY}
    assert snapshot.around is None


VECTOR = '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}'


@contextmanager
def in_thread(answer: Answer) -> Iterator[str]:
    """A peer on loopback in a thread of its own."""
    ready: list[int] = []
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def run() -> None:
        async with peer(answer) as port:
            ready.append(port)
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    wait_for(lambda: ready, 5, "the peer listens")
    try:
        yield f"http://127.0.0.1:{ready[0]}"
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize("answer", [silence, drip, endless, saying(page("<html>")), saying(page("x", "503 Busy"))])
def test_what_is_no_prometheus_is_away_and_nothing_is_written(store: Engine, answer: Answer) -> None:
    open_portal(store)
    with in_thread(answer) as url:
        job = taker(store, url, Clock(OPENED + 1), deadline=0.3)
        began = time.monotonic()
        with pytest.raises(PrometheusAway):
            job.look()
        assert time.monotonic() - began < 3
    assert EventKind.EVIDENCE_TAKEN not in kinds(store)


def test_questions_that_are_never_answered_are_left_out_after_three_tries(store: Engine) -> None:
    """It answers every question with one same vector: ranges and rules are not of the right kind, the rest is."""
    open_portal(store)
    with in_thread(saying(page(VECTOR))) as url:
        job = taker(store, url, Clock(OPENED + 1))
        for _ in range(2):
            job.look()
            assert EventKind.EVIDENCE_TAKEN not in kinds(store)
        job.look()
    (snapshot,) = evidence(store)
    assert {one.part for one in snapshot.missing} == {"states", "latency", "failures", "rules"}
    assert {one.why for one in snapshot.missing} == {Lack.AWAY}
    assert all("is not Prometheus" in one.detail for one in snapshot.missing)


def test_a_network_of_thousands_is_bounded_and_says_what_was_left_out(store: Engine, tmp_path: Path) -> None:
    lines = [
        line(("renteseg_component_up", {"component": f"c{number:05}", "owner": "x" * 900}), number % 2, at(OPENED))
        for number in range(2000)
    ]
    with prometheus(tmp_path / "prometheus", lines) as url:
        open_portal(store)
        job = taker(store, url, Clock(OPENED + 1))
        for _ in range(3):
            job.look()
    (snapshot,) = evidence(store)
    assert {one.state for one in snapshot.around or ()} == {Condition.DOWN}
    assert (len(snapshot.around or ()), snapshot.left_out) == (500, {"around": 1500})
    assert len(snapshot.canonical()) < 500_000


KILLED = """
import os, signal, sys
from datetime import timedelta
from prometheus_client import CollectorRegistry
import incident_store.evidence as evidence
from evidence.jobs import EvidenceTaker, gather
from groundwork.prometheus import Prometheus
from incident_store.database import open_store
from tests.builders import at, shipped_policy
kept = evidence.put_bytes
def put_and_die(*words):
    kept(*words)
    os.kill(os.getpid(), signal.SIGKILL)
evidence.put_bytes = put_and_die
EvidenceTaker(open_store(sys.argv[1]), shipped_policy(), Prometheus(sys.argv[2]), timedelta(days=15),
              CollectorRegistry(), lambda: at(41)).look()
"""


def test_a_worker_killed_between_the_bytes_and_the_event_leaves_neither(
    store: Engine, store_url: str, server: str, tmp_path: Path
) -> None:
    open_portal(store)
    with running([sys.executable, "-c", KILLED, store_url, server], tmp_path / "log") as process:
        assert process.wait(60) == -signal.SIGKILL
    with store.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM blobs")).scalar_one() == 0
    wait_for(lambda: _taken(store, server), 20, "the next worker takes it")
    assert kinds(store).count(EventKind.EVIDENCE_TAKEN) == 1


def _taken(store: Engine, url: str) -> bool:
    taker(store, url, Clock(OPENED + 1)).look()
    return EventKind.EVIDENCE_TAKEN in kinds(store)


def test_the_worker_takes_it_when_prometheus_comes_back_and_the_command_shows_it(
    store: Engine, store_url: str, tmp_path: Path
) -> None:
    """The process itself: its own clock, Prometheus away at first."""
    began = datetime.now(UTC) - timedelta(minutes=2)
    moved = (began - at(OPENED)).total_seconds() / 60
    now = datetime.now(UTC)
    record(store, [firing(OPENED + moved)], [], POLICY, now)
    web, worker_port, alertmanager = free_ports(3)
    environment = {
        "RENTESEG_STATE": str(tmp_path),
        "RENTESEG_DATABASE_URL": store_url,
        "RENTESEG_PROMETHEUS_URL": f"http://127.0.0.1:{web}",
        "RENTESEG_WORKER_PORT": str(worker_port),
        "RENTESEG_ALERTMANAGER_PORT": str(alertmanager),
    }
    lines = [
        line(
            ("renteseg_component_up", {"component": "portal-web", "service": "s", "owner": "provider", "link": ""}),
            0,
            began + timedelta(seconds=15 * number),
        )
        for number in range(-8, 4)
    ]
    with running(renteseg("worker"), tmp_path / "worker.log", environment):
        wait_for(lambda: answers(f"http://127.0.0.1:{worker_port}/healthz"), 30, "the worker is up")
        wait_for(lambda: b"evidence" in (tmp_path / "worker.log").read_bytes(), 30, "it found Prometheus away")
        assert EventKind.EVIDENCE_TAKEN not in kinds(store)
        with prometheus(tmp_path / "prometheus", lines, port=web):
            wait_for(lambda: EventKind.EVIDENCE_TAKEN in kinds(store), 60, "the evidence is taken")
    shown = run_renteseg("incident", "evidence", "1", environment=environment)
    assert "Caído de" in shown.stdout, shown.stderr
    assert "No se pudo obtener" in shown.stdout
    (document,) = json.loads(run_renteseg("incident", "evidence", "1", "--json", environment=environment).stdout)
    assert document["component"] == "portal-web"
    assert run_renteseg("incident", "evidence", "7", environment=environment).returncode == 1


@pytest.mark.parametrize(
    ("values", "grown"),
    [([], 0), ([7], 0), ([7, 7, 9], 2), ([7, 9, 1, 2], 4), ([5, float("nan"), 8], 3), ([3, 0, 0], 0)],
)
def test_a_counter_s_growth_is_whole_and_one_that_fell_began_anew_from_zero(values: list[float], grown: int) -> None:
    assert growth(values) == grown
