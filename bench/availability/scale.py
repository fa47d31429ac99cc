"""Ten thousand components every minute in one process; then the same with every tenth hanging until its timeout."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from bench.availability.running import cpu, ours, scraped
from bench.figures import Figure, at_most

COMPONENTS = 10_000
INTERVAL = 60
HANGING_SHARE = 10
SCRAPE_EVERY = 15.0
LATE = "renteseg_probe_start_lateness_seconds"


def measure(folder: Path, ports: dict[str, int]) -> Iterator[Figure]:
    """The figures of both runs."""
    calm = _run(folder / "calm", ports, hanging=False)
    yield at_most("CPU, 10,000 components every 60 s", calm["cpu_share"] * 100, "% of a core", 60)
    yield at_most("memory, 10,000 components", calm["memory"] / 1e6, "MB", 300)
    yield at_most("start lateness p99, 10,000 components", calm["p99"] * 1000, "ms", 500)
    yield at_most("probes skipped, 10,000 components", calm["skipped"], "probes", 0)
    crowded = _run(folder / "hanging", ports, hanging=True)
    yield at_most("start lateness p99, 10 % hanging", crowded["p99"] * 1000, "ms", 500)
    yield at_most("mean start lateness moved by 10 % hanging", abs(crowded["mean"] - calm["mean"]) * 1000, "ms", 50)
    yield at_most("probes skipped, 10 % hanging", crowded["skipped"], "probes", 0)


def _targets(ports: dict[str, int], *, hanging: bool) -> dict[str, object]:
    components = []
    for number in range(COMPONENTS):
        hangs = hanging and number % HANGING_SHARE == 0
        host = f"127.{number // 62500 + 1}.{number // 250 % 250}.{number % 250 + 1}"
        port = ports["silent"] if hangs else ports["http"]
        components.append(
            {
                "name": f"c-{number}",
                "kind": "http",
                "service": "s",
                "owner": "provider",
                "url": f"http://{host}:{port}/",
            }
        )
    return {"defaults": {"interval": f"{INTERVAL}s", "timeout": "10s"}, "components": components}


def _run(folder: Path, ports: dict[str, int], *, hanging: bool) -> dict[str, float]:
    """One minute in which every component has its first probe, then one that is measured."""
    with ours(folder, _targets(ports, hanging=hanging)) as (running, url):
        time.sleep(INTERVAL + 12)
        before, began, started = scraped(url), cpu(running), time.monotonic()
        memory = _scrape_for(INTERVAL, running, url)
        seconds, used, after = time.monotonic() - started, cpu(running) - began, scraped(url)
    counted = {key: after[key] - before[key] for key in after if key in before}
    assert counted["renteseg_probe_runs_total"] > COMPONENTS * 0.95
    return {
        "cpu_share": used / seconds,
        "memory": memory,
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
