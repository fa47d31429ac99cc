"""What a scrape costs, and what it does to the probes meanwhile: 200,000 samples in one process."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import httpx
import psutil

from bench.availability.running import cpu, ours
from bench.figures import Figure, at_most

COMPONENTS = 5_600
"""About 37 samples each."""
SCRAPES = 20
LOOKS = 200


def measure(folder: Path, ports: dict[str, int]) -> Iterator[Figure]:
    """CPU a sample, and how far a probe's timing moves."""
    components = [
        {
            "name": f"c-{number}",
            "kind": "http",
            "service": "s",
            "owner": "provider",
            "url": f"http://127.0.{number // 250}.{number % 250 + 1}:{ports['http']}/",
        }
        for number in range(COMPONENTS)
    ]
    targets = {"defaults": {"interval": "60s", "timeout": "10s"}, "components": components}
    with ours(folder, targets) as (running, url):
        time.sleep(66)
        text = httpx.get(f"{url}/metrics", timeout=60).text
        samples = sum(not line.startswith("#") for line in text.splitlines())
        idle = _cpu_of(running, lambda: time.sleep(10)) / 10
        began = time.monotonic()
        used = _cpu_of(running, lambda: [httpx.get(f"{url}/metrics", timeout=60) for _ in range(SCRAPES)])
        used -= idle * (time.monotonic() - began)
        yield Figure("samples in the scrape", samples, "samples", target="≥ 200,000 samples", holds=samples >= 200_000)
        yield at_most("CPU per exposed sample", used / SCRAPES / samples * 1e6, "µs", 2)
        calm, during = _looks(url), _looks_while_scraping(url)
    yield at_most("a probe's duration moved by a scrape, median", (median(during) - median(calm)) * 1000, "ms", 20)
    calm_99, during_99 = (sorted(looks)[int(0.99 * LOOKS)] for looks in (calm, during))
    yield at_most("a probe's duration moved by a scrape, p99", (during_99 - calm_99) * 1000, "ms", 20)


def _cpu_of(running: psutil.Process, work: Callable[[], object]) -> float:
    began = cpu(running)
    work()
    return cpu(running) - began


def _looks(url: str) -> list[float]:
    """What probes asked for one after the other say of their own duration, in seconds."""
    found = []
    with httpx.Client(timeout=60) as client:
        for number in range(LOOKS):
            text = client.get(f"{url}/probe", params={"target": f"c-{number}"}).text
            line = next(line for line in text.splitlines() if line.startswith("renteseg_probe_last_duration_seconds{"))
            found.append(float(line.split()[1]))
    return found


def _looks_while_scraping(url: str) -> list[float]:
    stop = threading.Event()

    def scrape() -> None:
        with httpx.Client(timeout=60) as client:
            while not stop.is_set():
                client.get(f"{url}/metrics")

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        return _looks(url)
    finally:
        stop.set()
        thread.join()
