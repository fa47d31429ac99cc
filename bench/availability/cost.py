"""CPU per probe, ours and blackbox_exporter's, for http, https with a new handshake, and tcp.

Ours probes by itself and is scraped every four seconds, as Prometheus would; blackbox_exporter is asked once for
every probe, over kept connections, as Prometheus does too. Both do the same number of probes a
second of the same servers.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.availability.running import blackbox, cpu, ours, scraped
from bench.figures import Figure, against

COMPONENTS = 100
SECONDS = 12.0
WARM_UP = 4.0
SCRAPE_EVERY = 4.0
LIMITS = {"http": 0.5, "https": 0.8, "tcp": 0.5}
PEER = "blackbox_exporter 0.23"


def measure(folder: Path, ports: dict[str, int], ca: Path) -> Iterator[Figure]:
    """One figure a kind."""
    for kind, limit in LIMITS.items():
        mine = _ours(folder / f"ours-{kind}", kind, ports, ca)
        theirs = _theirs(folder / f"blackbox-{kind}", kind, ports, ca)
        yield against(f"CPU per probe, {kind}", mine * 1000, "ms", PEER, theirs * 1000, limit)


def _component(kind: str, number: int, ports: dict[str, int], ca: Path) -> dict[str, object]:
    address = f"127.0.0.{number % 250 + 1}"
    common = {"name": f"c-{number}", "service": "s", "owner": "provider"}
    if kind == "tcp":
        return {**common, "kind": "tcp", "address": f"{address}:{ports['tcp']}"}
    secure = {"ca_file": str(ca), "server_name": "renteseg.example"} if kind == "https" else {}
    url = f"{kind}://{address}:{ports[kind]}/"
    return {**common, "kind": "http", "url": url, "expect": {"body_contains": "RENTESEG"}, **secure}


def _ours(folder: Path, kind: str, ports: dict[str, int], ca: Path) -> float:
    targets = {
        "defaults": {"interval": "1s", "timeout": "900ms"},
        "components": [_component(kind, number, ports, ca) for number in range(COMPONENTS)],
    }
    with ours(folder, targets) as (running, url):
        time.sleep(WARM_UP)
        before, began = scraped(url), cpu(running)
        for _ in range(int(SECONDS / SCRAPE_EVERY)):
            time.sleep(SCRAPE_EVERY)
            httpx.get(f"{url}/metrics").raise_for_status()
        used, after = cpu(running) - began, scraped(url)
    assert after["renteseg_component_up"] == COMPONENTS
    return used / (after["renteseg_probe_runs_total"] - before["renteseg_probe_runs_total"])


def _theirs(folder: Path, kind: str, ports: dict[str, int], ca: Path) -> float:
    tls = {"ca_file": str(ca), "server_name": "renteseg.example"} if kind == "https" else {}
    web = {"fail_if_body_not_matches_regexp": ["RENTESEG"], "preferred_ip_protocol": "ip4", "tls_config": tls}
    module = {"prober": "tcp", "timeout": "1s"} if kind == "tcp" else {"prober": "http", "timeout": "1s", "http": web}
    with blackbox(folder, {"m": module}) as (running, url):
        asked: list[int] = []
        stop = threading.Event()
        threads = [threading.Thread(target=_ask, args=(url, kind, ports, share, asked, stop)) for share in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(WARM_UP)
        before, began = len(asked), cpu(running)
        time.sleep(SECONDS)
        used, done = cpu(running) - began, len(asked) - before
        stop.set()
        for thread in threads:
            thread.join()
    assert asked
    assert all(asked)
    return used / done


def _ask(url: str, kind: str, ports: dict[str, int], share: int, asked: list[int], stop: threading.Event) -> None:
    """A quarter of the components, each once a second."""
    mine = range(share, COMPONENTS, 4)
    with httpx.Client() as client:
        due = time.monotonic()
        while not stop.is_set():
            for number in mine:
                address = f"127.0.0.{number % 250 + 1}:{ports[kind]}"
                target = address if kind == "tcp" else f"{kind}://{address}/"
                text = client.get(f"{url}/probe", params={"module": "m", "target": target}).text
                asked.append(int("\nprobe_success 1" in text))
                due += 1 / len(mine)
                stop.wait(max(0.0, due - time.monotonic()))
