"""What a scrape costs, and what it does to the probes meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from statistics import median

import httpx
import psutil

from bench.availability.running import cpu
from bench.figures import Figure, at_most

SCRAPES = 20
LOOKS = 200


def measure(running: psutil.Process, url: str) -> Iterator[Figure]:
    """CPU a sample, and how far a probe's timing moves, of an exporter that has probed all its components."""
    text = httpx.get(f"{url}/metrics", timeout=60).text
    samples = sum(not line.startswith("#") for line in text.splitlines())
    idle = _cpu_of(running, lambda: time.sleep(10)) / 10
    began = time.monotonic()
    used = _cpu_of(running, lambda: _scrape(url, SCRAPES))
    used -= idle * (time.monotonic() - began)
    yield Figure("samples in the scrape", samples, "samples", target="≥ 200,000 samples", holds=samples >= 200_000)
    yield at_most("CPU per exposed sample", used / SCRAPES / samples * 1e6, "µs", 2)
    calm, during = _looks(url), _looks_while_scraping(url)
    yield at_most("a probe's duration moved by a scrape, median", (median(during) - median(calm)) * 1000, "ms", 20)
    calm_99, during_99 = (sorted(looks)[int(0.99 * LOOKS)] for looks in (calm, during))
    yield at_most("a probe's duration moved by a scrape, p99", (during_99 - calm_99) * 1000, "ms", 20)


def _scrape(url: str, times: int = 1) -> None:
    """Read all of it without keeping it: the reader must not be slower than what is measured."""
    for _ in range(times):
        with httpx.stream("GET", f"{url}/metrics", timeout=60) as answer:
            for _piece in answer.iter_raw():
                pass


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
        while not stop.is_set():
            _scrape(url)

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        return _looks(url)
    finally:
        stop.set()
        thread.join()
