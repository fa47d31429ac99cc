"""One chain to a state folder: a lock that the kernel lets go of when its holders end, however they end."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chain.kernel import runs
from groundwork.problems import Refused

LOCK = "up.lock"
SUPERVISOR = "supervisord.pid"


@contextmanager
def locked(state: Path) -> Iterator[int]:
    """The folder's lock, as a descriptor to hand on; raises Refused naming the process that holds it."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        file = (state / LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        why = f"{state} cannot be used: {error.strerror}"
        raise Refused(f"{why}; name a folder that can be written with RENTESEG_STATE") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Refused(_busy(state)) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield file.fileno()


def _busy(state: Path) -> str:
    pids = [pid for name in (LOCK, SUPERVISOR) if (pid := _pid(state / name)) and runs(pid)]
    who = f"by the chain of PID {pids[0]}" if pids else "by another chain"
    remedy = f"stop it (kill {pids[0]})" if pids else "stop it"
    return f"{state} is used {who}; {remedy}, or name another folder with RENTESEG_STATE"


def _pid(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
