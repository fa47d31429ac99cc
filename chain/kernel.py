"""What Linux tells and does about processes: who holds a port, who was orphaned, who ends with whom.

Elsewhere these functions know nothing and do nothing.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LISTENING = "0A"
PROC = Path("/proc")


def end_with(parent: int) -> None:
    """Have the kernel send this process SIGTERM when `parent`, which started it, is gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("the process that started this one is gone")


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_children(patience: float) -> None:
    """End every child that is left: asked first, after `patience` seconds by force."""
    limit = time.monotonic() + patience
    for number, until in ((signal.SIGTERM, limit), (signal.SIGKILL, limit + 5)):
        for child in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
        while _reap() and time.monotonic() < until:
            time.sleep(0.1)


def holder(port: int) -> int | None:
    """The process that listens on this TCP port, None when it cannot be known."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for process in _processes():
        with contextlib.suppress(OSError):
            for descriptor in (PROC / str(process) / "fd").iterdir():
                if sockets and str(descriptor.readlink()) in sockets:
                    return process
    return None


def runs(process: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def has_environment(process: int, name: str, value: str) -> bool:
    """Whether the process was started with this variable; False when that cannot be known."""
    try:
        return f"{name}={value}".encode() in (PROC / str(process) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _listening(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    yield fields[9]


def _processes() -> list[int]:
    try:
        return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]
    except OSError:
        return []


def _children() -> Iterator[int]:
    for process in _processes():
        with contextlib.suppress(OSError):
            status = (PROC / str(process) / "stat").read_text(errors="replace")
            if int(status.rsplit(")", 1)[1].split()[1]) == os.getpid():
                yield process


def _reap() -> bool:
    """Take the ends of children that have ended; whether any child is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True
