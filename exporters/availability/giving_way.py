"""Long work in threads beside the probes gives way to them.

The interpreter lets one thread run at a time, and a probe changes hands with it many times. Work that never pauses
would hold up each of these changes by the interpreter's switching time; work that pauses often holds up few of them.
"""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

WORK = 0.004
"""Seconds of the thread's own work after which a pause is due."""
PAUSE = 0.002

Item = TypeVar("Item")


def giving_way(items: Iterable[Item]) -> Iterator[Item]:
    """The items, with a pause whenever the work on them has lasted a while. Not for the thread that probes."""
    due = time.thread_time() + WORK
    for item in items:
        yield item
        if time.thread_time() > due:
            time.sleep(PAUSE)
            due = time.thread_time() + WORK
