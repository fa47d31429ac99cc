"""Real processes for tests: free ports, a program started and always stopped, waiting for what becomes true."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import httpx

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for(ask: Callable[[], T], seconds: float, what: str) -> T:
    """The first true answer; fails the test with `what` when there is none in time."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if answer := ask():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"after {seconds} s still not true: {what}")


def answers(url: str) -> bool:
    """Whether this page answers 200 now."""
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose output goes to `log`; it is ended, at last by force, whatever happens."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}, cwd=ROOT
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def renteseg(*words: str) -> list[str]:
    """The command line that runs `renteseg` from this checkout."""
    return [sys.executable, "-m", "renteseg", *words]


def run_renteseg(
    *words: str, environment: Mapping[str, str] | None = None, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; returns its exit code and what it printed."""
    return subprocess.run(
        renteseg(*words),
        capture_output=True,
        text=True,
        check=False,
        input=given,
        env={**os.environ, **(environment or {})},
        cwd=ROOT,
    )
