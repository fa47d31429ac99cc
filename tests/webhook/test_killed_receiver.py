"""The receiver is killed between the delivery and its answer: nothing lost, nothing doubled.

The real Alertmanager delivers through a wire of ours, which kills the receiver at the moment the case names.
"""

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from alertmanager_webhook.payload import fingerprint
from chain.programs import program
from incident_store.database import open_store, reading, upgrade
from incident_store.queries import find_incident, list_incidents
from tests.builders import PORTAL_DOWN
from tests.processes import answers, free_ports, renteseg, running, wait_for

TOKEN = "a token for these tests"


class Wire:
    """Between Alertmanager and the receiver: passes requests on, and at the first one kills the receiver."""

    def __init__(self, port: int, receiver: str, when: str) -> None:
        self.when = when
        self.receiver = receiver
        self.victim: subprocess.Popen[bytes] | None = None
        self.statuses: list[int] = []
        self.killed = threading.Event()
        wire = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = wire.pass_on(body, self.headers["Authorization"])
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_words: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)

    def pass_on(self, body: bytes, token: str) -> int | None:
        """The receiver's status, None when the answer is lost."""
        first = not self.killed.is_set()
        if first and self.when == "while it works":
            threading.Timer(0.01, self._kill).start()
        try:
            status = httpx.post(self.receiver, content=body, headers={"Authorization": token}, timeout=5).status_code
        except httpx.HTTPError:
            return None
        if first:
            self._kill()
            return None
        self.statuses.append(status)
        return status

    def _kill(self) -> None:
        if self.victim is not None and not self.killed.is_set():
            self.victim.send_signal(signal.SIGKILL)
            self.victim.wait()
            self.killed.set()


@contextmanager
def serving(wire: Wire) -> Iterator[None]:
    threading.Thread(target=wire.server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        wire.server.shutdown()
        wire.server.server_close()


@pytest.mark.parametrize("when", ["while it works", "after the commit"])
def test_a_receiver_killed_before_its_answer_loses_and_doubles_nothing(
    when: str, store_url: str, tmp_path: Path
) -> None:
    receiver_port, wire_port, alertmanager_port = free_ports(3)
    upgrade(store_url)
    token = tmp_path / "token"
    token.write_text(TOKEN)
    environment = {
        "RENTESEG_STATE": str(tmp_path),
        "RENTESEG_DATABASE_URL": store_url,
        "RENTESEG_WEBHOOK_PORT": str(receiver_port),
        "RENTESEG_WEBHOOK_TOKEN_FILE": str(token),
    }
    receiver = f"http://127.0.0.1:{receiver_port}"
    alertmanager = f"http://127.0.0.1:{alertmanager_port}"
    with ExitStack() as stack:
        wire = Wire(wire_port, f"{receiver}/api/v1/alerts", when)
        stack.enter_context(serving(wire))
        wire.victim = stack.enter_context(running(renteseg("webhook"), tmp_path / "first.log", environment))
        wait_for(lambda: answers(f"{receiver}/readyz"), 30, "the receiver is ready")
        stack.enter_context(_alertmanager(tmp_path, alertmanager_port, wire_port, token))
        wait_for(lambda: answers(f"{alertmanager}/-/ready"), 30, "Alertmanager is ready")
        httpx.post(f"{alertmanager}/api/v2/alerts", json=[{"labels": PORTAL_DOWN}]).raise_for_status()
        wait_for(wire.killed.is_set, 30, "the receiver was killed")
        stack.enter_context(running(renteseg("webhook"), tmp_path / "second.log", environment))
        wait_for(lambda: 200 in wire.statuses, 60, "Alertmanager delivered again")
        (known,) = httpx.get(f"{alertmanager}/api/v2/alerts").json()
    assert known["fingerprint"] == fingerprint(PORTAL_DOWN)
    assert _episodes(store_url) == [fingerprint(PORTAL_DOWN)]


def _alertmanager(folder: Path, port: int, receiver_port: int, token: Path) -> Any:
    configuration = folder / "alertmanager.yml"
    configuration.write_text(
        f"""
route: {{receiver: webhook, group_wait: 1s, group_interval: 5s, repeat_interval: 1h}}
receivers:
  - name: webhook
    webhook_configs:
      - url: http://127.0.0.1:{receiver_port}/api/v1/alerts
        http_config: {{authorization: {{credentials_file: {token}}}}}
"""
    )
    flags = {
        "config.file": configuration,
        "storage.path": folder / "alertmanager",
        "web.listen-address": f"127.0.0.1:{port}",
        "cluster.listen-address": "",
    }
    command = [str(program("alertmanager")), *(f"--{name}={value}" for name, value in flags.items())]
    return running(command, folder / "alertmanager.log")


def _episodes(store_url: str) -> list[str]:
    """The fingerprints of the one incident's episodes; fails unless there is exactly one incident."""
    engine = open_store(store_url)
    with reading(engine).connect() as connection:
        (incident,) = list_incidents(connection)
        found = find_incident(connection, incident.number)
    engine.dispose()
    assert found is not None
    return [episode.fingerprint for episode in found[1]]
