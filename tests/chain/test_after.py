"""The chain's first finding is not its own start: who watches begins after whoever is watched, and never not at all."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from chain.supervision import processes
from groundwork.settings import Settings
from tests.processes import ROOT, free_ports

Asked = list[int]


@pytest.fixture
def page() -> Iterator[tuple[str, Asked]]:
    """A process that cannot work yet when it is asked the first two times, and the statuses that it answered."""
    answered: Asked = []

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answered.append(200 if len(answered) >= 2 else 503)
            self.send_response(answered[-1])
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/readyz", answered
    server.shutdown()
    server.server_close()


def after(until: float, *pages: str) -> str:
    """What the command printed, once it had begun."""
    command = [sys.executable, "-m", "chain.after", str(until), *pages, "--", sys.executable, "-c", "print('begun')"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=ROOT).stdout


def test_a_process_begins_once_those_that_it_watches_can_work(page: tuple[str, Asked]) -> None:
    url, answered = page
    assert after(time.time() + 50, url) == "begun\n"
    assert answered == [503, 503, 200]


def test_a_process_begins_in_the_end_whoever_is_away_and_at_once_when_it_is_started_again() -> None:
    (port,) = free_ports(1)
    assert after(time.time() - 1, f"http://127.0.0.1:{port}/readyz") == "begun\n"


def test_prometheus_begins_after_every_process_and_alertmanager_after_whom_it_tells() -> None:
    members = {one.name: one for one in processes(Settings(), simulator=True)}
    ours = [one.ready for name, one in members.items() if name not in {"prometheus", "alertmanager"}]
    assert sorted(members["prometheus"].after) == sorted(filter(None, ours))
    assert list(members["alertmanager"].after) == [members["simulator"].ready, members["webhook"].ready]
    assert not any(one.after for name, one in members.items() if name not in {"prometheus", "alertmanager"})
