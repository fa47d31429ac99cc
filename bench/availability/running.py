"""The processes that are measured: ours, the peer, what they probe, and Prometheus."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import yaml
from prometheus_client.parser import text_string_to_metric_families

from chain.programs import program

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def process(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[psutil.Process]:
    """A program whose output goes to `log`, ended at the end."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}, cwd=ROOT
        )
    try:
        yield psutil.Process(started.pid)
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def served(module: str, *arguments: str) -> Iterator[dict[str, int]]:
    """Servers that run as a process of their own until their stdin closes; their ports by name."""
    command = [sys.executable, "-m", module, *arguments]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert started.stdout
    assert started.stdin
    try:
        yield json.loads(started.stdout.readline())
    finally:
        started.stdin.close()
        started.wait(10)


@contextmanager
def ours(folder: Path, targets: Mapping[str, object]) -> Iterator[tuple[psutil.Process, str]]:
    """The availability exporter with these targets: its process and its address."""
    folder.mkdir(parents=True)
    (folder / "targets.yml").write_text(json.dumps(targets))
    port = free_port()
    environment = {
        "RENTESEG_CONFIG": str(folder),
        "RENTESEG_STATE": str(folder / "state"),
        "RENTESEG_AVAILABILITY_PORT": str(port),
    }
    command = [sys.executable, "-m", "renteseg", "exporter", "availability"]
    with process(command, folder / "log", environment) as running:
        wait(f"http://127.0.0.1:{port}/healthz")
        yield running, f"http://127.0.0.1:{port}"


@contextmanager
def blackbox(folder: Path, modules: Mapping[str, object]) -> Iterator[tuple[psutil.Process, str]]:
    """blackbox_exporter with these modules: its process and its address."""
    folder.mkdir(parents=True)
    configuration = folder / "blackbox.yml"
    configuration.write_text(yaml.safe_dump({"modules": dict(modules)}))
    port = free_port()
    command = [
        str(program("blackbox_exporter")),
        f"--config.file={configuration}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with process(command, folder / "log") as running:
        wait(f"http://127.0.0.1:{port}/-/healthy")
        yield running, f"http://127.0.0.1:{port}"


def wait(url: str) -> None:
    """Until the page answers 200."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        try:
            if httpx.get(url, timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} never answered")


def cpu(running: psutil.Process) -> float:
    """Seconds of CPU that the whole process has used."""
    times = running.cpu_times()
    return times.user + times.system


def scraped(url: str, beginning: tuple[str, ...] = ("",)) -> dict[str, float]:
    """The samples of /metrics whose names begin so, summed by name, histogram buckets apart by `le`."""
    found: dict[str, float] = {}
    lines = httpx.get(f"{url}/metrics", timeout=60).text.splitlines(keepends=True)
    for family in text_string_to_metric_families("".join(line for line in lines if line.startswith(beginning))):
        for sample in family.samples:
            bound = sample.labels.get("le")
            key = f"{sample.name} {bound}" if bound else sample.name
            found[key] = found.get(key, 0.0) + sample.value
    return found
