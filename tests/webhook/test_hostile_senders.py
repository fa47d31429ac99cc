"""Whatever is sent to the running receiver: the right status, a reason, siblings unharmed, bounded memory."""

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from incident_store.database import open_store, reading, upgrade
from incident_store.models import EpisodeRow, QuarantineRow
from tests.builders import PORTAL_DOWN, alert, alert_body
from tests.processes import answers, free_ports, renteseg, running, wait_for
from tests.webhook.test_receiver import anything

TOKEN = "a token for these tests"
MOST_MEMORY = 600e6
"""Bytes; a body of 32 MB is held some times over while it is read, and then given back."""


@dataclass
class Target:
    """The running receiver."""

    port: int
    process: psutil.Process
    store: Engine
    client: httpx.Client

    def post(self, body: bytes, **headers: str) -> httpx.Response:
        return self.client.post(f"http://127.0.0.1:{self.port}/api/v1/alerts", content=body, headers=headers)

    def fingerprints(self) -> set[str]:
        with reading(self.store).connect() as connection:
            return set(connection.scalars(select(EpisodeRow.fingerprint)))

    def reasons(self) -> list[str]:
        with reading(self.store).connect() as connection:
            return list(connection.scalars(select(QuarantineRow.reason)))


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    url = f"sqlite:///{folder}/incidents.db"
    upgrade(url)
    (folder / "token").write_text(TOKEN)
    (port,) = free_ports(1)
    environment = {
        "RENTESEG_STATE": str(folder),
        "RENTESEG_DATABASE_URL": url,
        "RENTESEG_WEBHOOK_PORT": str(port),
        "RENTESEG_WEBHOOK_TOKEN_FILE": str(folder / "token"),
    }
    store = open_store(url)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with (
        running(renteseg("webhook"), folder / "webhook.log", environment) as process,
        httpx.Client(timeout=120, headers=headers) as client,
    ):
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), 30, "the receiver is ready")
        yield Target(port, psutil.Process(process.pid), store, client)
    store.dispose()


def good(name: str) -> dict[str, Any]:
    return alert(0, labels={**PORTAL_DOWN, "component": name}, fingerprint=name)


fields = st.fixed_dictionaries({}, optional=dict.fromkeys(alert(0), anything))
alerts = st.lists(fields | anything, max_size=5)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(alerts, st.dictionaries(st.text(max_size=10), anything, max_size=3), st.integers(0, 10**9))
def test_a_good_alert_among_any_others_is_recorded(
    target: Target, others: list[Any], rest: dict[str, Any], number: int
) -> None:
    name = f"good-{number}"
    answer = target.post(json.dumps({**rest, "alerts": [*others, good(name)]}).encode())
    assert answer.status_code == 200
    assert name in target.fingerprints()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=300), st.binary(max_size=40))
def test_any_bytes_are_answered_and_the_process_lives(target: Target, body: bytes, token: bytes) -> None:
    assert target.post(body).status_code == 200
    assert target.post(body, Authorization="Bearer x" + token.hex()).status_code == 401
    assert answers(f"http://127.0.0.1:{target.port}/healthz")


@pytest.mark.parametrize(
    "value",
    ["<script>alert(1)</script>", "a\nb", "{{ . }}", "\x1b[31m\x07", "\u202e\ufeff", "ñ" * 10_000, "%s%d", "'; DROP"],
)
def test_hostile_values_are_stored_as_they_are(target: Target, value: str) -> None:
    body = alert_body(alert(0, labels={**PORTAL_DOWN, "note": value}, fingerprint=str(hash(value))))
    assert target.post(body).json()["quarantined"] == 0


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_an_hour_wrong_loses_nothing(target: Target, hours: int) -> None:
    name = f"clock{hours}"
    start, end = timedelta(hours=hours).total_seconds() / 60, 5
    assert target.post(alert_body({**good(name), "startsAt": alert(start)["startsAt"]})).json()["accepted"] == 1
    assert target.post(alert_body({**alert(start, end), "fingerprint": name})).status_code == 200
    assert name in target.fingerprints()


def test_a_body_of_64_mb_is_413_and_costs_no_memory(target: Target) -> None:
    assert target.post(b"x" * 64 * 1024 * 1024).status_code == 413
    assert target.process.memory_info().rss < MOST_MEMORY


def test_a_hundred_thousand_alerts_are_recorded_with_bounded_memory(target: Target) -> None:
    body = {"alerts": [{**good(f"m{number % 40}"), "fingerprint": f"many{number}"} for number in range(100_000)]}
    text = json.dumps(body, separators=(",", ":")).replace('"generatorURL":"http://prometheus.example/graph",', "")
    answer = target.post(text.encode())
    assert (answer.status_code, answer.json()["accepted"]) == (200, 100_000)
    wait_for(lambda: answers(f"http://127.0.0.1:{target.port}/readyz"), 10, "it goes on")


def test_a_hundred_thousand_bad_alerts_are_set_aside_quickly_and_their_sibling_recorded(target: Target) -> None:
    before = len(target.reasons())
    answer = target.post(json.dumps({"alerts": [*range(100_000), good("sibling")]}).encode())
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert len(target.reasons()) - before <= 101
    assert "sibling" in target.fingerprints()


def test_a_chunked_body_that_never_ends_holds_up_nobody_else(target: Target) -> None:
    wanted = ("POST /api/v1/alerts HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKEN}", "Transfer-Encoding: chunked")
    head = "\r\n".join(wanted) + "\r\n\r\n"
    lines = [socket.create_connection(("127.0.0.1", target.port)) for _ in range(16)]
    try:
        for line in lines:
            line.sendall(head.encode())
            line.settimeout(5)
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        began, sent = time.monotonic(), 0
        try:
            while sent < 3 * 32 * 1024 * 1024:
                lines[0].sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass  # cut off, or made to wait: either way the receiver stopped reading
        assert time.monotonic() - began < 60
        assert target.post(alert_body(good("beside"))).status_code == 200
        assert target.process.memory_info().rss < MOST_MEMORY
    finally:
        for line in lines:
            line.close()
