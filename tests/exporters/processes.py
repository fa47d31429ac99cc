"""An exporter as a process of its own, on a free port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0


@dataclass(frozen=True)
class Exporter:
    """A running exporter."""

    process: subprocess.Popen[str]
    client: httpx.Client

    def wait_until_ready(self) -> None:
        """Until /readyz says 200."""
        self.wait_for("/readyz", 200)

    def wait_for(self, path: str, status: int) -> httpx.Response:
        """Until the page answers with this status."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.communicate()[1]
            try:
                answer = self.client.get(path)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == status:
                return answer
            time.sleep(0.02)
        raise AssertionError(f"{path} never answered {status}")

    def end(self) -> tuple[int, str]:
        """Ask it to end; its exit code and what it logged."""
        self.process.send_signal(signal.SIGTERM)
        _, logged = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, logged


@contextmanager
def exporter(module: str, port_variable: str, environment: Mapping[str, str]) -> Iterator[Exporter]:
    """`MODULE.run()` in a process of its own, killed at the end if it still runs."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {module} import run; run()"],
        cwd=ROOT,
        env={**os.environ, **environment, port_variable: str(port)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            yield Exporter(process, client)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        port: int = any_port.getsockname()[1]
        return port
