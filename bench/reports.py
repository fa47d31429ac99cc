"""The month's report: what it costs on one core beside a real Prometheus that holds the samples.

50 components for 31 days at 15 s, all three files by the command itself; 1,000 components at 15 s for a few days, the
report as JSON, carried to 31 days by the cost of a day. CPU seconds are the system's; wall time is what it is.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx
import psutil

from bench.figures import Figure, at_most
from chain.programs import program
from incident_store.database import upgrade

ROOT = Path(__file__).resolve().parent.parent
START = datetime(2026, 10, 1, 5, tzinfo=UTC)
MONTH_DAYS, INTERVAL = 31, 15
COMPONENTS, MANY, DAYS_OF_MANY = 50, 1000, 2
OUTAGES_A_DAY = 0.3


@dataclass(frozen=True)
class Cost:
    """Of one command: wall and CPU seconds, the most memory (bytes), CPU seconds of Prometheus meanwhile."""

    wall: float
    cpu: float
    memory: int
    prometheus_cpu: float


def run() -> list[Figure]:
    """Both sizes."""
    with _installation(COMPONENTS, MONTH_DAYS) as (folder, process):
        month = _measure(folder, process)
        size = (folder / "out" / "disponibilidad-2026-10-borrador.pdf").stat().st_size
    with _installation(MANY, 1) as (folder, process):
        one_day = _measure(folder, process, "json")
    with _installation(MANY, 1 + DAYS_OF_MANY) as (folder, process):
        more_days = _measure(folder, process, "json")
    each, each_of_prometheus = (
        (after - before) / DAYS_OF_MANY
        for after, before in (
            (more_days.cpu, one_day.cpu),
            (more_days.prometheus_cpu, one_day.prometheus_cpu),
        )
    )
    return [
        at_most("50 components, 31 days, 15 s: three files, CPU besides Prometheus", month.cpu, "s", 10),
        at_most("the same, by the clock on the wall (on a machine that does nothing else)", month.wall, "s", 10),
        at_most("the same, memory", month.memory / 2**20, "MiB", 300),
        Figure("the same, CPU of Prometheus", round(month.prometheus_cpu, 2), "s"),
        at_most("PDF", size / 1e6, "MB", 2),
        at_most("1,000 components to JSON, 31 days carried from 3, CPU", one_day.cpu + 30 * each, "s", 60),
        Figure("the same, CPU of Prometheus", round(one_day.prometheus_cpu + 30 * each_of_prometheus, 1), "s"),
        Figure("1,000 components, 3 days, memory", round(more_days.memory / 2**20, 1), "MiB"),
    ]


@contextmanager
def _installation(components: int, days: int) -> Iterator[tuple[Path, psutil.Process]]:
    """A folder with configuration and store, and a Prometheus that holds so many days of October."""
    with tempfile.TemporaryDirectory(prefix="renteseg-bench-") as name:
        folder = Path(name)
        shutil.copytree(ROOT / "config", folder / "config")
        upgrade(f"sqlite:///{folder}/incidents.db")
        _write_blocks(folder, components, days)
        (folder / "prometheus.yml").write_text("{}")
        words = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        listen = ["--storage.tsdb.retention.time=10y", "--web.listen-address=127.0.0.1:19096", "--log.level=error"]
        with subprocess.Popen([str(program("prometheus")), *words, *listen]) as child:
            try:
                _wait("http://127.0.0.1:19096/-/ready")
                yield folder, psutil.Process(child.pid)
            finally:
                child.terminate()


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("Prometheus did not become ready")


def _write_blocks(folder: Path, components: int, days: int) -> None:
    """Samples with a few outages and gaps a component; one block, for promtool reads its input once a block."""
    random = Random(50)
    with (folder / "samples").open("w") as file:
        file.write("# TYPE renteseg_component_up gauge\n")
        for number in range(components):
            file.write(_component(random, number, days))
        file.write("# EOF\n")
    command = [str(program("promtool")), "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=2000h"]
    subprocess.run([*command, folder / "samples", folder / "data"], check=True, stdout=subprocess.DEVNULL)
    (folder / "samples").unlink()


def _component(random: Random, number: int, days: int) -> str:
    labels = f'component="componente-{number}",service="servicio-{number % 10}",owner="provider",instance="a:9801"'
    ups, downs = (f"renteseg_component_up{{{labels}}} {value} " for value in (1, 0))
    first = int(START.timestamp()) + number % INTERVAL
    moments = [str(first + INTERVAL * place) for place in range(days * 86400 // INTERVAL)]
    parts, place = [], 0
    while place < len(moments):
        calm = int(random.expovariate(OUTAGES_A_DAY / (86400 / INTERVAL))) + 1
        parts.append(_lines(ups, moments[place : place + calm]))
        place += calm
        trouble = random.randrange(4, 400)
        if random.random() < 0.7:
            parts.append(_lines(downs, moments[place : place + trouble]))
        place += trouble
    return "".join(parts)


def _lines(prefix: str, moments: list[str]) -> str:
    return prefix + f"\n{prefix}".join(moments) + "\n" if moments else ""


def _measure(folder: Path, prometheus: psutil.Process, *formats: str) -> Cost:
    """`renteseg report monthly` in a process of its own."""
    environment = {
        **os.environ,
        "RENTESEG_CONFIG": str(folder / "config"),
        "RENTESEG_STATE": str(folder),
        "RENTESEG_DATABASE_URL": f"sqlite:///{folder}/incidents.db",
        "RENTESEG_PROMETHEUS_URL": "http://127.0.0.1:19096",
    }
    chosen = [word for form in formats for word in ("--format", form)]
    command = [sys.executable, "-m", "renteseg", "report", "monthly", "2026-10", "--out", str(folder / "out"), *chosen]
    before, began = sum(prometheus.cpu_times()[:2]), time.monotonic()
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, own = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError("the report was not made")
    spent = sum(prometheus.cpu_times()[:2]) - before
    return Cost(wall, own.ru_utime + own.ru_stime, own.ru_maxrss * 1024, spent)
