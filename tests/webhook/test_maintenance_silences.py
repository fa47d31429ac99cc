"""Maintenance on the real Alertmanager: silent while a window lasts, and never longer or about anything else.

That an incident open before the window learns of an end within it: `resolved_while_silenced` in test_real_alertmanager.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import Engine

from alertmanager_webhook.silences import SilenceCounters, SilenceKeeper, SilencePeer
from incident_store.database import StoreUnavailable, open_store, reading, upgrade
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import Role
from incident_store.domain.maintenance import Plan, WindowEventKind, WindowStep
from incident_store.domain.steps import Actor
from incident_store.maintenance import add_window, find_window, step_window
from incident_store.transactions import in_transaction
from tests.processes import ROOT, wait_for
from tests.webhook.laboratory import Laboratory

ANA, SOFIA = Actor("ana", Role.ANALYST), Actor("sofia", Role.SUPERVISOR)
HOSTILE = '.*"} or {component=~".+\\'


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Laboratory]:
    with Laboratory(tmp_path / "lab", 1).run() as one:
        yield one


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Laboratory]:
    with Laboratory(tmp_path / "pair", 2).run() as one:
        yield one


def keeper(lab: Laboratory, registry: CollectorRegistry | None = None) -> SilenceKeeper:
    peers = [SilencePeer(url) for url in lab.urls]
    return SilenceKeeper(lab.store, peers, SilenceCounters(registry or CollectorRegistry(), peers))


def window(store: Engine, *components: str, lasting: timedelta = timedelta(hours=1)) -> int:
    """A window that began a minute ago, approved with its reason."""
    now = datetime.now(UTC)
    span = Interval(now - timedelta(minutes=1), now + lasting)
    plan = Plan(components, "", span, "parche", late_reason="urgencia")
    number = in_transaction(store, lambda connection: add_window(connection, plan, ANA, now)).number
    decide(store, number, WindowEventKind.APPROVED)
    return number


def decide(store: Engine, number: int, kind: WindowEventKind, until: datetime | None = None) -> None:
    step, now = WindowStep(kind, "urgencia", until), datetime.now(UTC)
    in_transaction(store, lambda connection: step_window(connection, number, step, SOFIA, now))


def silences(lab: Laboratory, number: int = 0) -> list[dict[str, Any]]:
    found = httpx.get(f"{lab.urls[number]}/api/v2/silences").json()
    return [one for one in found if one["status"]["state"] != "expired"]


def silenced(lab: Laboratory, number: int = 0) -> list[str]:
    return sorted(matcher["value"] for one in silences(lab, number) for matcher in one["matchers"])


def test_an_alert_in_a_window_opens_no_incident_and_one_that_outlasts_it_does_with_its_true_start(
    lab: Laboratory,
) -> None:
    number, keep = window(lab.store, "a"), keeper(lab).keep
    keep()
    lab.fire("a", "b")
    wait_for(lambda: lab.is_open("b"), 30, "the alert that no window covers is an incident")
    wait_for(lambda: suppressed(lab, "a"), 30, "the alert in the window is muted")
    assert lab.episodes("a") == []
    decide(lab.store, number, WindowEventKind.SHORTENED, datetime.now(UTC))
    keep()
    wait_for(lambda: lab.is_open("a"), 60, "the alert that goes on is an incident")
    (episode,) = lab.episodes("a")
    assert episode.started_at == lab.active["a"][0]


def suppressed(lab: Laboratory, component: str) -> bool:
    found = httpx.get(f"{lab.urls[0]}/api/v2/alerts").json()
    return [one["status"]["state"] for one in found if one["labels"]["component"] == component] == ["suppressed"]


def test_silences_follow_the_windows_and_leave_those_of_others_alone(lab: Laboratory) -> None:
    lab.silence("of-somebody-else")
    number, keep = window(lab.store, "a", HOSTILE), keeper(lab).keep
    keep()
    keep()
    assert silenced(lab) == [HOSTILE, "a", "of-somebody-else"]
    ours = next(one for one in silences(lab) if one["comment"] == f"Mantenimiento {number}")
    assert (ours["createdBy"], ours["matchers"][0]["isRegex"]) == ("renteseg-monitor", False)
    with reading(lab.store).connect() as connection:
        found = find_window(connection, number)
    assert found is not None
    assert abs(datetime.fromisoformat(ours["endsAt"]) - found[0].span.end) < timedelta(milliseconds=2)
    httpx.delete(f"{lab.urls[0]}/api/v2/silence/{ours['id']}").raise_for_status()
    keep()
    assert silenced(lab) == [HOSTILE, "a", "of-somebody-else"]
    decide(lab.store, number, WindowEventKind.CANCELLED)
    keep()
    assert silenced(lab) == ["of-somebody-else"]


def test_an_alertmanager_that_lost_everything_is_told_again_and_one_away_hinders_no_other(pair: Laboratory) -> None:
    registry = CollectorRegistry()
    pair.kill_alertmanager(0)
    window(pair.store, "a")
    keep = keeper(pair, registry).keep
    keep()
    assert silenced(pair, 1) == ["a"]
    pair.kill_alertmanager(1)
    for number in range(2):
        shutil.rmtree(pair.folder / f"alertmanager-{number}", ignore_errors=True)
        pair.start_alertmanager(number)
    assert silenced(pair, 0) == silenced(pair, 1) == []
    keep()
    wait_for(lambda: "a" in silenced(pair, 0) and "a" in silenced(pair, 1), 20, "both are silent again")
    shown = generate_latest(registry).decode()
    assert all(f'success_timestamp_seconds{{alertmanager="127.0.0.1:{port}"}} 1' in shown for port in pair.web)


def test_two_workers_at_once_on_a_cluster_end_with_one_silence_each(pair: Laboratory) -> None:
    window(pair.store, "a", "b")
    keepers = [keeper(pair), keeper(pair)]

    def settled() -> bool:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: one.keep(), keepers))
        return silenced(pair, 0) == silenced(pair, 1) == ["a", "b"]

    wait_for(settled, 30, "one silence a component on both")


def test_a_worker_killed_after_it_made_a_silence_leaves_none_double_and_none_for_ever(lab: Laboratory) -> None:
    window(lab.store, "a", "b", lasting=timedelta(seconds=20))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, lab.urls[0], str(lab.store.url)], cwd=ROOT, check=False, capture_output=True
    )
    assert (killed.returncode, len(silenced(lab))) == (-9, 1), killed.stderr
    keeper(lab).keep()
    assert silenced(lab) == ["a", "b"]
    wait_for(lambda: silenced(lab) == [], 40, "nobody ended the silences, and they ended")


KILLED = """
import os, signal, sys
from prometheus_client import CollectorRegistry
from alertmanager_webhook.silences import SilenceCounters, SilenceKeeper, SilencePeer
from incident_store.database import open_store
class Killed(SilencePeer):
    def create(self, silence):
        super().create(silence)
        os.kill(os.getpid(), signal.SIGKILL)
peers = [Killed(sys.argv[1])]
SilenceKeeper(open_store(sys.argv[2]), peers, SilenceCounters(CollectorRegistry(), peers)).keep()
"""


def test_a_store_that_is_away_leaves_the_silences_as_they_are(lab: Laboratory, tmp_path: Path) -> None:
    window(lab.store, "a")
    keeper(lab).keep()
    peers = [SilencePeer(lab.urls[0])]
    elsewhere = open_store(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(StoreUnavailable):
        SilenceKeeper(elsewhere, peers, SilenceCounters(CollectorRegistry(), peers)).keep()
    assert silenced(lab) == ["a"]


def test_the_windows_of_a_postgresql_store_silence_too(lab: Laboratory, postgres_url: str) -> None:
    upgrade(postgres_url)
    store = open_store(postgres_url)
    window(store, "a")
    peers = [SilencePeer(lab.urls[0])]
    SilenceKeeper(store, peers, SilenceCounters(CollectorRegistry(), peers)).keep()
    store.dispose()
    assert silenced(lab) == ["a"]
