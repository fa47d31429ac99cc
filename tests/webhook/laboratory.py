"""Real Alertmanagers, alone or as a cluster, between a played Prometheus and our receiver and worker."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from werkzeug.serving import BaseWSGIServer, make_server

from alertmanager_webhook.app import create_app
from alertmanager_webhook.reconcile import Counters, Peer, Reconciler
from chain.programs import program
from incident_store.database import StoreUnavailable, open_store, reading, upgrade
from incident_store.domain.episodes import Episode
from incident_store.queries import find_incident, list_incidents
from tests.builders import PORTAL_DOWN, shipped_policy
from tests.processes import answers, free_ports, running, wait_for

TOKEN = "a token for these tests"
POLL_SECONDS = 30.0
RESEND_SECONDS = 60.0
HEALED_WITHIN = 120.0
MIGRATING = threading.Lock()
"""Alembic knows one migration at a time."""


class Receiver:
    """Our receiver, which can be stopped, started again, made slow, or stand behind a proxy that redirects."""

    def __init__(self, store: Engine, port: int) -> None:
        self.port = port
        self.slow_answers = 0
        self.posts = 0
        self._app = create_app(store, shipped_policy(), TOKEN)
        self._server: BaseWSGIServer | None = None

    def start(self) -> None:
        self._server = make_server("127.0.0.1", self.port, self._answer, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _answer(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        answer = self._app(environ, start_response)
        self.posts += environ["REQUEST_METHOD"] == "POST"
        if self.slow_answers > 0:
            self.slow_answers -= 1
            time.sleep(14)
        return answer


class Redirector:
    """A proxy that wants people to log in: 302 to a page that answers 200."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(302)

            def do_GET(self) -> None:
                self._answer(200)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Location", "/login")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_words: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_port


@dataclass
class Laboratory:
    """One chain of its own. Alerts are named by their component."""

    folder: Path
    size: int
    max_alerts: int = 0
    redirected: bool = False
    group_by: str = "alertname"
    active: dict[str, tuple[datetime, datetime | None]] = field(default_factory=dict)
    resending: bool = True

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        url = f"sqlite:///{self.folder}/incidents.db"
        with MIGRATING:
            upgrade(url)
        self.store = open_store(url)
        ports = free_ports(1 + 2 * self.size)
        self.receiver = Receiver(self.store, ports[0])
        self.web, self.gossip = ports[1 : 1 + self.size], ports[1 + self.size :]
        self.redirector = Redirector() if self.redirected else None
        self.stopping = threading.Event()
        self._stacks = [ExitStack() for _ in range(self.size)]
        self._sent: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def run(self) -> Iterator["Laboratory"]:
        threads = [threading.Thread(target=work, daemon=True) for work in (self._prometheus, self._worker)]
        self.receiver.start()
        self.configure(self.group_by)
        try:
            for number in range(self.size):
                self.start_alertmanager(number)
            for thread in threads:
                thread.start()
            yield self
        finally:
            self.stopping.set()
            for stack in self._stacks:
                stack.close()
            self.receiver.stop()
            if self.redirector is not None:
                self.redirector.server.shutdown()
            for thread in threads:
                thread.join(30)
            self.store.dispose()

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.web]

    def configure(self, group_by: str) -> None:
        port = self.redirector.port if self.redirector else self.receiver.port
        (self.folder / "token").write_text(TOKEN)
        (self.folder / "alertmanager.yml").write_text(
            f"""
route: {{receiver: webhook, group_by: [{group_by}], group_wait: 1s, group_interval: 10s, repeat_interval: 1h}}
inhibit_rules:
  - source_matchers: [alertname="LinkDown"]
    target_matchers: [alertname="RentesegComponentDown"]
receivers:
  - name: webhook
    webhook_configs:
      - url: http://127.0.0.1:{port}/api/v1/alerts
        max_alerts: {self.max_alerts}
        http_config: {{authorization: {{credentials_file: {self.folder}/token}}}}
"""
        )

    def start_alertmanager(self, number: int) -> None:
        flags = {
            "config.file": self.folder / "alertmanager.yml",
            "storage.path": self.folder / f"alertmanager-{number}",
            "web.listen-address": f"127.0.0.1:{self.web[number]}",
            "cluster.listen-address": f"127.0.0.1:{self.gossip[number]}" if self.size > 1 else "",
        }
        command = [str(program("alertmanager")), *(f"--{name}={value}" for name, value in flags.items())]
        command += [f"--cluster.peer=127.0.0.1:{port}" for port in self.gossip if self.size > 1]
        stack = self._stacks[number]
        process = stack.enter_context(running(command, self.folder / f"alertmanager-{number}.log"))
        stack.callback(process.kill)
        wait_for(lambda: answers(f"{self.urls[number]}/-/ready"), 60, "Alertmanager is ready")

    def kill_alertmanager(self, number: int) -> None:
        self._stacks[number].close()
        self._stacks[number] = ExitStack()

    def reload(self) -> None:
        for url in self.urls:
            httpx.post(f"{url}/-/reload").raise_for_status()

    def silence(self, component: str) -> None:
        now = datetime.now(UTC)
        matcher = {"name": "component", "value": component, "isRegex": False, "isEqual": True}
        body = {
            "matchers": [matcher],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "test",
            "comment": "test",
        }
        for url in self.urls:
            httpx.post(f"{url}/api/v2/silences", json=body).raise_for_status()

    def fire(self, *components: str, lasting: float = 240) -> None:
        """Alerts begin. `lasting` is how many seconds Alertmanager believes in them without hearing again."""
        for component in components:
            self.active[component] = (datetime.now(UTC), None)
        self._post(components, lasting)

    def end(self, *components: str) -> None:
        for component in components:
            self.active[component] = (self.active[component][0], datetime.now(UTC))
        self._post(components)

    def _prometheus(self) -> None:
        """Sends every alert again each minute, ended ones too, as Prometheus does for a quarter of an hour."""
        while not self.stopping.wait(1):
            due = [name for name, sent in list(self._sent.items()) if time.monotonic() - sent >= RESEND_SECONDS]
            if due and self.resending:
                self._post(due)

    def send_again(self) -> None:
        self._post(list(self.active))

    def _post(self, components: Iterable[str], lasting: float = 240) -> None:
        alerts = []
        for component in components:
            start, end = self.active[component]
            name = "LinkDown" if component == "enlace" else "RentesegComponentDown"
            alerts.append(
                {
                    "labels": {**PORTAL_DOWN, "alertname": name, "component": component},
                    "startsAt": start.isoformat(),
                    "endsAt": (end or datetime.now(UTC) + timedelta(seconds=lasting)).isoformat(),
                }
            )
            self._sent[component] = time.monotonic()
        for url in self.urls:
            try:
                httpx.post(f"{url}/api/v2/alerts", json=alerts).raise_for_status()
            except httpx.HTTPError:
                continue  # this one is away; Prometheus too goes on with the others

    def _worker(self) -> None:
        peers = [Peer(url, "webhook") for url in self.urls]
        reconciler = Reconciler(self.store, shipped_policy(), peers, Counters(CollectorRegistry(), peers))
        while not self.stopping.is_set():
            with suppress(StoreUnavailable):  # the next poll tries again
                reconciler.poll()
            self.stopping.wait(POLL_SECONDS)

    def episodes(self, component: str) -> list[Episode]:
        with reading(self.store).connect() as connection:
            found = [find_incident(connection, one.number) for one in list_incidents(connection)]
        return [episode for one in found if one is not None and one[0].component == component for episode in one[1]]

    def is_open(self, component: str) -> bool:
        return any(episode.ended_at is None for episode in self.episodes(component))

    def has_ended(self, component: str) -> bool:
        known = self.episodes(component)
        return bool(known) and all(episode.ended_at is not None and not episode.to_verify for episode in known)

    def heals(self, true: Callable[[], bool], what: str) -> None:
        """Wait until the store says what is true; fails after two minutes."""
        wait_for(true, HEALED_WITHIN, what)
