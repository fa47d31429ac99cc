"""What the whole costs: the chain with 50 components, and one round of all rules.

The rules: every expression asked once, with 200 components, 60 file series and the history that it reads, written as
blocks: an hour of raw samples every 5 s, three days of minutes, a week of means. Each rule is an instant query, and the
time is the one that Prometheus itself counts (`stats`), on one core.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import yaml

from bench.figures import Figure, at_most
from chain.programs import program
from tests.processes import ROOT, answers, free_ports, renteseg, running, wait_for

COMPONENTS, OPERATORS, TYPES = 200, 15, 4
TARGET_MS = 200.0
CHAIN_SECONDS = 120
PORTS = (
    "PROMETHEUS", "ALERTMANAGER", "AVAILABILITY", "FILE_LOADS", "INCIDENTS", "WEBHOOK", "WORKER", "CONSOLE",
    "SIMULATOR", "SIMULATOR_TLS", "SIMULATOR_LINK", "SMTP", "MAIL",
)  # fmt: skip


def samples(now: int) -> Iterator[str]:
    """OpenMetrics lines, each family whole."""
    components = [f'component="c{n}",service="s{n % 10}",owner="provider"' for n in range(COMPONENTS)]
    raw = range(now - 3600, now + 1, 5)
    families = {
        "renteseg_component_up": (components, raw, 1),
        "renteseg_component_info": (components, raw, 1),
        "renteseg_probe_last_duration_seconds": ([c.split(",")[0] for c in components], raw, 0.1),
        "renteseg_probe_last_run_timestamp_seconds": ([c.split(",")[0] for c in components], raw, now),
        "component:renteseg_component_up:minute": (components, range(now - 3 * 86400, now + 1, 60), 1),
        "component:renteseg_component_down:minute": (components, range(now - 3 * 86400, now + 1, 60), 0),
        "component:renteseg_component_up_outside_maintenance:minute": (components, range(now - 600, now + 1, 60), 1),
        "component:renteseg_probe_duration_seconds:mean15m": (
            [c.split(",")[0] for c in components], range(now - 7 * 86400, now + 1, 900), 0.1,
        ),
    }  # fmt: skip
    files = [f'operator="o{n}",file_type="t{m}"' for n in range(OPERATORS) for m in range(TYPES)]
    for name in ("queue_files", "batch_planned", "newest_rows", "usual_rows", "deadline_timestamp_seconds"):
        families[f"renteseg_file_{name}"] = (files, raw, 1)
    for state in ("rejected", "processed", "expected"):
        families.setdefault("renteseg_file_loads", ([], raw, 0))[0].extend(f'{one},state="{state}"' for one in files)
    for name, (labels, times, value) in families.items():
        yield f"# TYPE {name} gauge"
        yield from (f"{name}{{{one}}} {value} {at}" for one in labels for at in times)
    yield "# EOF"


def run() -> list[Figure]:
    """What the chain takes of the machine, and the time of one round of all rules."""
    return [*chain(), *rounds()]


def chain() -> list[Figure]:
    """CPU and memory of `renteseg up`, the simulator left out, over two minutes of ordinary work."""
    with tempfile.TemporaryDirectory() as name:
        folder, ports = Path(name), dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        shutil.copytree(ROOT / "config", folder / "config")
        (folder / "config" / "targets.yml").write_text(yaml.safe_dump(targets(ports["SIMULATOR"])))
        places = {"RENTESEG_STATE": f"{folder}/state", "RENTESEG_CONFIG": f"{folder}/config"}
        environment = places | {f"RENTESEG_{name}_PORT": str(port) for name, port in ports.items()}
        with running(renteseg("up"), folder / "log", environment) as up:
            prometheus = f"http://127.0.0.1:{ports['PROMETHEUS']}"
            wait_for(lambda: answers(f"{prometheus}/-/ready"), 120, "the chain is up")
            time.sleep(30)
            ours = [one for one in psutil.Process(up.pid).children(recursive=True) if "simulator" not in one.cmdline()]
            before = {one.pid: sum(one.cpu_times()[:2]) for one in ours}
            time.sleep(CHAIN_SECONDS)
            used = sum(sum(one.cpu_times()[:2]) - before[one.pid] for one in ours)
            memory = sum(one.memory_full_info().pss for one in ours)
    return [
        at_most("the chain with 50 components every 10 s", 100 * used / CHAIN_SECONDS, "% of a core", 10),
        at_most("… its memory (proportional share)", memory / 1e6, "MB", 600),
    ]


def targets(port: int) -> dict[str, object]:
    """Fifty components, all the simulated portal."""
    one = {"kind": "http", "service": "consulta", "owner": "provider", "url": f"http://127.0.0.1:{port}/"}
    defaults = {"interval": "10s", "timeout": "4s"}
    return {"defaults": defaults, "components": [{"name": f"c{n}", **one} for n in range(50)]}


def rounds() -> list[Figure]:
    """The time of one round of all rules."""
    rules = [
        rule
        for path in sorted((ROOT / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]
    now = int(time.time()) // 60 * 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "prometheus.yml").write_text("{}")
        with (folder / "samples").open("w") as file:
            file.writelines(f"{line}\n" for line in samples(now))
        load = ["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=200h", "-q"]
        subprocess.run([program("promtool"), *load, folder / "samples", folder / "data"], check=True)
        (folder / "samples").unlink()
        (port,) = free_ports(1)
        command = [
            str(program("prometheus")), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            "--storage.tsdb.retention.time=400d", f"--web.listen-address=127.0.0.1:{port}",
        ]  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        with running(command, folder / "log", dict(os.environ) | {"GOMAXPROCS": "1"}):
            wait_for(lambda: answers(f"{url}/-/ready"), 60, "Prometheus is ready")
            cost = {rule.get("alert") or rule["record"]: best(url, rule["expr"], now) for rule in rules}
    return figures(cost)


def best(url: str, expr: str, now: int) -> float:
    """The least of three evaluations, in milliseconds: the machine's other work is not the rule's."""
    asked = {"query": expr, "time": str(now), "stats": "all"}
    answers = [httpx.get(f"{url}/api/v1/query", params=asked, timeout=60).raise_for_status().json() for _ in range(3)]
    return 1000 * min(float(answer["data"]["stats"]["timings"]["evalTotalTime"]) for answer in answers)


def figures(cost: dict[str, float]) -> list[Figure]:
    """The sum, and the three that cost most."""
    total = sum(cost.values())
    dear = sorted(cost.items(), key=lambda item: -item[1])[:3]
    return [
        at_most("one round of all rules, 200 components, 60 file series", total, "ms", TARGET_MS),
        *(Figure(f"of it {name}", round(took, 1), "ms") for name, took in dear),
    ]
