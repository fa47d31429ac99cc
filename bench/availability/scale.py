"""Ten thousand components every minute in one process: its cost, its punctuality, and its scrapes of 450,000 samples.

One process for all of it: a minute for the first probes, a minute that is measured, scrapes as fast as they come, and
another minute in which every tenth component hangs until its timeout.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from bench.availability import scraping
from bench.availability.running import cpu, ours, scraped
from bench.figures import Figure, at_most

COMPONENTS = 10_000
INTERVAL = 60
TIMEOUT = 10
HANGING_SHARE = 10
SCRAPE_EVERY = 15.0
LATE = "renteseg_probe_start_lateness_seconds"
NEEDED = (LATE, "renteseg_probe_runs_total", "renteseg_probe_skipped_total")


def measure(folder: Path, ports: dict[str, int]) -> Iterator[Figure]:
    """The figures of the calm minute, of the scrapes, and of the minute in which a tenth hangs."""
    with ours(folder, _targets(ports)) as (running, url):
        time.sleep(INTERVAL + 5)
        calm = _minute(running, url)
        yield at_most("CPU, 10,000 components every 60 s", calm["cpu_share"] * 100, "% of a core", 60)
        yield at_most("start lateness p99, 10,000 components", calm["p99"] * 1000, "ms", 500)
        yield at_most("probes skipped, 10,000 components", calm["skipped"], "probes", 0)
        yield from scraping.measure(running, url)
        httpx.post(f"http://127.0.0.1:{ports['turning']}/hang")
        time.sleep(TIMEOUT + 2)
        crowded = _minute(running, url)
        yield at_most("start lateness p99, 10 % hanging", crowded["p99"] * 1000, "ms", 500)
        yield at_most("mean start lateness moved by 10 % hanging", abs(crowded["mean"] - calm["mean"]) * 1000, "ms", 50)
        yield at_most("probes skipped, 10 % hanging", crowded["skipped"], "probes", 0)
        yield at_most("memory, 10,000 components, the most of all", max(calm["memory"], crowded["memory"]), "MB", 300)


def _targets(ports: dict[str, int]) -> dict[str, object]:
    components = [
        {
            "name": f"c-{number}",
            "kind": "http",
            "service": "s",
            "owner": "provider",
            "url": f"http://{_host(number)}:{ports['http' if number % HANGING_SHARE else 'turning']}/",
        }
        for number in range(COMPONENTS)
    ]
    return {"defaults": {"interval": f"{INTERVAL}s", "timeout": f"{TIMEOUT}s"}, "components": components}


def _host(number: int) -> str:
    """An address of loopback for each component, so that each is a host of its own."""
    return f"127.{number // 62500 + 1}.{number // 250 % 250}.{number % 250 + 1}"


def _minute(running: psutil.Process, url: str) -> dict[str, float]:
    """What a minute of probes and scrapes costs, and how punctual it is."""
    before, began, started = scraped(url, NEEDED), cpu(running), time.monotonic()
    memory = _scrape_for(INTERVAL, running, url)
    seconds, used, after = time.monotonic() - started, cpu(running) - began, scraped(url, NEEDED)
    counted = {key: after[key] - before[key] for key in after if key in before}
    assert counted["renteseg_probe_runs_total"] > COMPONENTS * 0.9
    return {
        "cpu_share": used / seconds,
        "memory": memory / 1e6,
        "p99": _quantile(counted, 0.99),
        "mean": counted[f"{LATE}_sum"] / counted[f"{LATE}_count"],
        "skipped": after["renteseg_probe_skipped_total"],
    }


def _scrape_for(seconds: float, running: psutil.Process, url: str) -> float:
    """Scrape as Prometheus would; returns the most memory seen, in bytes."""
    most = 0.0
    for _ in range(int(seconds / SCRAPE_EVERY)):
        time.sleep(SCRAPE_EVERY)
        httpx.get(f"{url}/metrics", timeout=30).raise_for_status()
        most = max(most, running.memory_info().rss)
    return most


def _quantile(counted: dict[str, float], share: float) -> float:
    """The upper bound of the bucket in which the quantile lies: never less than the truth."""
    buckets = sorted(
        (float(key.split()[1]), count) for key, count in counted.items() if key.startswith(f"{LATE}_bucket")
    )
    return next(bound for bound, count in buckets if count >= share * buckets[-1][1])
