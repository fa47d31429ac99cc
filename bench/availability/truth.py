"""Whose minutes down are true: a scripted hour of flips with Prometheus away in the middle, at twenty times its speed.

A scripted minute lasts three seconds; probes, scrapes and Prometheus's absence are as much faster, so the figures
are those of an hour with probes every 10 s. Ours are the increase of the exporter's own cumulative seconds, which does
not need Prometheus to have been there; blackbox_exporter's are `1 - avg_over_time(probe_success[…])` of the whole hour,
as its users compute them.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import yaml

from bench.availability.running import blackbox, free_port, ours, process, wait
from bench.figures import Figure
from chain.programs import program

SPEED = 20
MINUTE = 60 / SPEED
DOWN = ((5, 8), (14, 15), (22, 33), (41, 42), (50, 54))
"""Minutes of the script in which the target answers 503, from and until."""
AWAY = (24, 36)
"""Minutes in which Prometheus does not run."""
LENGTH = 60


def measure(folder: Path, ports: dict[str, int]) -> Iterator[Figure]:
    """Minutes down by the script, by us, by blackbox_exporter."""
    script = sum(until - since for since, until in DOWN)
    mine, theirs = _hour(folder, ports)
    yield Figure(
        "minutes down in a scripted hour (script: 20), Prometheus away for 12",
        round(mine, 2),
        "min",
        "blackbox_exporter + avg_over_time",
        round(theirs, 2),
        target="rounds to the script's",
        holds=round(mine) == script,
    )
    yield Figure(
        "error of the minutes down", round(abs(mine - script), 2), "min", "blackbox_exporter + avg_over_time",
        round(abs(theirs - script), 2),
    )  # fmt: skip


def _hour(folder: Path, ports: dict[str, int]) -> tuple[float, float]:
    target = f"http://127.0.0.1:{ports['http']}/"
    component = {"name": "flips", "kind": "http", "service": "s", "owner": "provider", "url": target}
    targets = {"defaults": {"interval": "500ms", "timeout": "400ms"}, "components": [component]}
    with ExitStack() as stack:
        _, exporter = stack.enter_context(ours(folder / "ours", targets))
        _, peer = stack.enter_context(blackbox(folder / "blackbox", {"m": {"prober": "http", "timeout": "400ms"}}))
        prometheus = _Prometheus(folder, exporter, peer, target)
        with prometheus.running():
            time.sleep(4 * MINUTE)
            began = time.time()
            before = prometheus.value("renteseg_component_state_seconds_total{state='down'}", began)
            _play(target, began, until=AWAY[0])
        _play(target, began, since=AWAY[0], until=AWAY[1])
        with prometheus.running():
            _play(target, began, since=AWAY[1], until=LENGTH)
            ended = began + LENGTH * MINUTE
            time.sleep(max(0.0, ended + 1.5 - time.time()))
            after = prometheus.value("renteseg_component_state_seconds_total{state='down'}", ended + 1)
            window = f"{int(LENGTH * MINUTE * 1000)}ms"
            share = 1 - prometheus.value(f"avg_over_time(probe_success[{window}])", ended)
    return (after - before) / MINUTE, share * LENGTH


def _play(target: str, began: float, until: int, since: int = 0) -> None:
    """Flip the target at its minutes in between, and return at `until`."""
    flips = sorted([(down, "down") for down, _ in DOWN] + [(up, "up") for _, up in DOWN])
    for minute, word in flips:
        if since <= minute < until:
            time.sleep(max(0.0, began + minute * MINUTE - time.time()))
            httpx.post(f"{target}{word}")
    time.sleep(max(0.0, began + until * MINUTE - time.time()))


class _Prometheus:
    """A real Prometheus that scrapes both exporters every half second."""

    def __init__(self, folder: Path, exporter: str, peer: str, target: str) -> None:
        self._folder, self._port = folder, free_port()
        jobs = [
            {"job_name": "ours", "static_configs": [{"targets": [exporter.removeprefix("http://")]}]},
            {
                "job_name": "blackbox",
                "metrics_path": "/probe",
                "params": {"module": ["m"], "target": [target]},
                "static_configs": [{"targets": [peer.removeprefix("http://")]}],
            },
        ]
        times = {"scrape_interval": "500ms", "scrape_timeout": "450ms"}
        (folder / "prometheus.yml").write_text(yaml.safe_dump({"global": times, "scrape_configs": jobs}))

    @contextmanager
    def running(self) -> Iterator[None]:
        """It runs meanwhile, on the data it had."""
        command = [
            str(program("prometheus")),
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--log.level=error",
        ]
        with process(command, self._folder / "prometheus.log"):
            wait(f"http://127.0.0.1:{self._port}/-/ready")
            yield

    def value(self, expression: str, at: float) -> float:
        """The one value of an instant query."""
        given = {"query": expression, "time": f"{at:.3f}"}
        answer = httpx.get(f"http://127.0.0.1:{self._port}/api/v1/query", params=given, timeout=10).json()
        return float(answer["data"]["result"][0]["value"][1])
