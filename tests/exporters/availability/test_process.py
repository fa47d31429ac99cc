"""The availability exporter as it runs: pages, one probe on demand, the end and the state it leaves."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters.availability.main import probe_once
from exporters.availability.pages import allowed_seconds
from groundwork.settings import Settings
from tests.exporters.peers import page, peer, saying, silence
from tests.exporters.processes import exporter

TARGETS = """\
defaults: {{interval: 200ms, timeout: 150ms}}
components:
  - {{name: portal, kind: http, service: s, owner: provider, url: "http://127.0.0.1:{good}/"}}
  - {{name: silent, kind: http, service: s, owner: oti, url: "http://127.0.0.1:{silent}/", interval: 1s, timeout: 1s}}
  - {{name: gone, kind: sql, service: s, owner: provider, url: "sqlite:///{folder}/absent.db"}}
"""


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    """A peer that answers and one that does not, in a thread of their own."""
    loop = asyncio.new_event_loop()
    given: list[int] = []
    ready, end = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with peer(saying(page())) as good, peer(silence) as silent:
            given.extend([good, silent])
            ready.set()
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield given[0], given[1]
    loop.call_soon_threadsafe(end.set)
    thread.join()
    loop.close()


@pytest.fixture
def settings(tmp_path: Path, ports: tuple[int, int]) -> Settings:
    config = tmp_path / "config"
    config.mkdir()
    text = TARGETS.format(good=ports[0], silent=ports[1], folder=tmp_path)
    (config / "targets.yml").write_text(text, encoding="utf-8")
    return Settings(config=config, state=tmp_path / "state")


def environment(settings: Settings) -> dict[str, str]:
    return {"RENTESEG_CONFIG": str(settings.config), "RENTESEG_STATE": str(settings.state)}


def up(text: str) -> dict[str, float]:
    return {
        sample.labels["component"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "renteseg_component_up"
    }


def test_it_probes_serves_ends_and_remembers(settings: Settings) -> None:
    with exporter("exporters.availability.main", "RENTESEG_AVAILABILITY_PORT", environment(settings)) as running:
        running.wait_until_ready()
        assert running.client.get("/healthz").status_code == 200
        found = up(running.client.get("/metrics").text)
        assert (found["portal"], found["gone"]) == (1, 0)

        code, logged = running.end()

    assert code == 0, logged
    assert "reason=unreachable" in logged
    saved = json.loads((settings.state / "availability-state.json").read_text())
    seconds = saved["components"]["portal"]["seconds"]
    assert seconds["up"] > 0

    with exporter("exporters.availability.main", "RENTESEG_AVAILABILITY_PORT", environment(settings)) as again:
        again.wait_until_ready()
        text = again.client.get("/metrics").text
    [counted] = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "renteseg_component_state_seconds_total"
        and (sample.labels["component"], sample.labels["state"]) == ("portal", "up")
    ]
    assert counted >= seconds["up"]


def test_one_probe_on_demand(settings: Settings) -> None:
    with exporter("exporters.availability.main", "RENTESEG_AVAILABILITY_PORT", environment(settings)) as running:
        running.wait_for("/healthz", 200)

        good = running.client.get("/probe", params={"target": "portal"})
        hurried = running.client.get(
            "/probe", params={"target": "silent"}, headers={"X-Prometheus-Scrape-Timeout-Seconds": "0.4"}
        )
        unknown = running.client.get("/probe", params={"target": "nobody"})

        told = running.client.get("/probe", params={"target": "portal", "debug": "true"})

    assert told.headers["content-type"].startswith("text/plain")
    for words in ("connecting to 127.0.0.1", "GET http://127.0.0.1:", "status 200", "phases", "works", "url: http://"):
        assert words in told.text
    assert 'renteseg_probe_success{component="portal"} 1.0' in good.text
    assert 'renteseg_probe_phase_seconds{component="portal",phase="connect"}' in good.text
    assert 'renteseg_probe_failure_reason{component="silent",reason="timeout_response"} 1.0' in hurried.text
    assert hurried.elapsed.total_seconds() < 0.9  # and not the component's own second
    assert unknown.status_code == 404
    assert "portal, silent, gone" in unknown.text


def test_probes_asked_for_of_a_peer_that_hangs_delay_no_scrape(settings: Settings) -> None:
    with exporter("exporters.availability.main", "RENTESEG_AVAILABILITY_PORT", environment(settings)) as running:
        running.wait_for("/healthz", 200)

        def ask(_: int) -> int:
            return httpx.get(running.client.base_url.join("/probe?target=silent"), timeout=30).status_code

        with ThreadPoolExecutor(24) as people:
            asked = [people.submit(ask, number) for number in range(24)]
            while not any(answer.done() for answer in asked):  # the first to be turned away
                time.sleep(0.01)
            began = time.monotonic()
            running.client.get("/metrics").raise_for_status()
            took = time.monotonic() - began

            answers = Counter(answer.result() for answer in asked)
    assert set(answers) == {200, 503}
    assert took < 0.8  # and not the second, or several, that the peer takes


def test_scrapers_that_do_not_ask_and_do_not_read_delay_no_probe(settings: Settings) -> None:
    with exporter("exporters.availability.main", "RENTESEG_AVAILABILITY_PORT", environment(settings)) as running:
        running.wait_until_ready()
        address = (running.client.base_url.host, running.client.base_url.port)
        with ExitStack() as stack:
            for number in range(60):
                connection = stack.enter_context(socket.create_connection(address))
                if number % 2:
                    connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
            before = runs(running.client.get("/metrics").text)
            time.sleep(3)
            after = runs(running.client.get("/metrics").text)

    assert after - before >= 10  # fifteen are due


def runs(text: str) -> float:
    """How often the portal was probed."""
    found = [line for line in text.splitlines() if line.startswith('renteseg_probe_runs_total{component="portal"}')]
    return float(found[0].rsplit(" ", 1)[1])


def test_two_of_them_never_keep_their_accounts_in_one_file(settings: Settings) -> None:
    with exporter("exporters.availability.main", "RENTESEG_AVAILABILITY_PORT", environment(settings)) as running:
        running.wait_for("/healthz", 200)

        second = subprocess.run(
            [sys.executable, "-m", "renteseg", "exporter", "availability"],
            env={**os.environ, **environment(settings), "RENTESEG_AVAILABILITY_PORT": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        running.process.kill()
        running.process.communicate()

    assert second.returncode == 3
    assert second.stderr.splitlines()[-1].endswith("give this one a folder of its own with RENTESEG_STATE")
    with exporter("exporters.availability.main", "RENTESEG_AVAILABILITY_PORT", environment(settings)) as after_a_kill:
        after_a_kill.wait_until_ready()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, 4), ("10", 4), ("3", 2.5), ("0.4", 0.2), ("nonsense", 4), ("-1", 4), ("nan", 4)],
)
def test_a_probe_on_demand_ends_before_the_scrape_that_asks(header: str | None, seconds: float) -> None:
    assert allowed_seconds(header, 4) == seconds


def test_probe_once_prints_phases_and_reason(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe_once("portal", settings) == 0
    assert "connect" in capsys.readouterr().out

    assert probe_once("gone", settings) == 1
    assert "fails: unreachable: unable to open database file" in capsys.readouterr().out

    assert probe_once("nobody", settings) == 2
    assert "portal, silent, gone" in capsys.readouterr().err
