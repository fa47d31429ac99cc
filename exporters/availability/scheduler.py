"""Probes every component at its own interval: spread in time, never two of one component, bounded in number."""

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable

from exporters.availability.probes.result import ProbeResult
from exporters.availability.watched import Watched

AT_ONCE = 200
"""Probes under way at the same time, at most; the others wait their turn."""

Probe = Callable[[Watched], Awaitable[ProbeResult]]
Record = Callable[[Watched, ProbeResult], None]


def offset(name: str, interval: float) -> float:
    """Where in the interval the component is probed: the same after every restart, spread evenly over names."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 * interval


def next_tick(began: float, interval: float, now: float) -> float:
    """The first of began, began + interval, … after `now`: ticks missed are left out, not made up for."""
    return began + (math.floor((now - began) / interval) + 1) * interval


async def watch(components: tuple[Watched, ...], probe: Probe, record: Record) -> None:
    """Probe all components until cancelled."""
    turns = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        for component in components:
            group.create_task(_watch_one(component, probe, record, turns), name=f"watch {component.name}")


async def _watch_one(component: Watched, probe: Probe, record: Record, turns: asyncio.Semaphore) -> None:
    loop = asyncio.get_running_loop()
    began = tick = loop.time() + offset(component.name, component.interval)
    while True:
        await asyncio.sleep(tick - loop.time())
        async with turns:
            result = await probe(component)
        record(component, result)
        tick = next_tick(began, component.interval, loop.time())
