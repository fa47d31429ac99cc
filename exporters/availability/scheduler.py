"""Probes every component at its own interval: spread in time, never two of one component, bounded in number."""

import asyncio
import contextlib
import hashlib
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from itertools import chain

from exporters.availability.pace import Pace
from exporters.availability.probes.result import ProbeResult
from exporters.availability.sight import Sight
from exporters.availability.targets import Limits
from exporters.availability.watched import Watched

AT_ONCE, PER_HOST = 500, 20
"""How many probes may be under way at once, of all and of one host; more where that many would not keep pace."""
SLOT = 0.05
"""Seconds within which probes start together; a fraction of the interval at most."""
CANARY_PAUSE = 1.0
"""Seconds between two looks at a canary that others asked for, at least."""

Probe = Callable[[Watched], Awaitable[ProbeResult]]
Record = Callable[[Watched, ProbeResult, bool], None]
"""Takes a result, and whether the monitor was blind."""


def offset(name: str, interval: float) -> float:
    """Where in the interval the component is probed: the same after every restart, spread evenly over names."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 * interval


def in_company(tick: float, interval: float) -> float:
    """The tick, moved to where others nearby start too: a process that wakes up less often finds its caches warm."""
    slot = min(SLOT, interval / 20)
    return math.ceil(tick / slot) * slot


def next_tick(began: float, interval: float, now: float) -> float:
    """The first of began, began + interval, … after `now`: ticks missed are left out, not made up for."""
    return began + (math.floor((now - began) / interval) + 1) * interval


def most_at_once(components: Iterable[Watched]) -> int:
    """How many of their probes are under way at once when each lasts until its timeout."""
    return math.ceil(sum(component.timeout / component.interval for component in components))


class Turns:
    """At most so many at once, and so many on one host. Who waits for a host holds up nobody else's.

    A host that hangs with everything on it is down: were there too few turns to find that out of each component within
    its interval, most of them would be unknown instead.
    """

    def __init__(self, limits: Limits, components: Iterable[Watched] = ()) -> None:
        on_host = defaultdict[str, list[Watched]](list)
        for component in components:
            on_host[component.host].append(component)
        everybody = chain.from_iterable(on_host.values())
        self._all = asyncio.Semaphore(limits.at_once or max(AT_ONCE, most_at_once(everybody)))
        self._hosts = {
            host: asyncio.Semaphore(limits.per_host or max(PER_HOST, most_at_once(there)))
            for host, there in on_host.items()
        }

    @property
    def of_all(self) -> asyncio.Semaphore:
        """What everybody passes, after the host's own."""
        return self._all

    def of(self, host: str) -> asyncio.Semaphore:
        """What those of one host pass."""
        return self._hosts[host]


class Scheduler:
    """Keeps one task a component; `watch` may be called again and leaves alone what did not change."""

    def __init__(self, probe: Probe, record: Record, sight: Sight, pace: Pace) -> None:
        self._probe, self._record, self._sight, self._pace = probe, record, sight, pace
        self._tasks: dict[str, tuple[Watched, asyncio.Task[None]]] = {}
        self._turns = Turns(Limits())
        self._canaries: dict[str, Watched] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def watch(self, components: tuple[Watched, ...], limits: Limits) -> None:
        """Probe these from now on, and no others."""
        self._turns = Turns(limits, components)
        self._sight.now_watching(components)
        self._canaries = {component.name: component for component in components if component.canary}
        self._locks = {name: self._locks.get(name) or asyncio.Lock() for name in self._canaries}
        wanted = {component.name: component for component in components}
        for name, (component, task) in list(self._tasks.items()):
            if wanted.get(name) != component:
                task.cancel()
                del self._tasks[name]
        for name, component in wanted.items():
            if name not in self._tasks:
                task = asyncio.create_task(self._watch_one(component), name=f"watch {name}")
                task.add_done_callback(self._notice)
                self._tasks[name] = (component, task)

    async def run(self) -> None:
        """Wait until cancelled, which ends all; raises what a task died of."""
        try:
            await self._failed
        finally:
            tasks = [task for _, task in self._tasks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _notice(self, task: asyncio.Task[None]) -> None:
        """A task that died would leave its component unwatched: rather end the process; its supervisor restarts it."""
        if not task.cancelled() and (error := task.exception()) and not self._failed.done():
            self._failed.set_exception(error)

    async def _watch_one(self, component: Watched) -> None:
        loop = asyncio.get_running_loop()
        began = tick = in_company(loop.time() + offset(component.name, component.interval), component.interval)
        while True:
            await asyncio.sleep(tick - loop.time())
            await self._look(component, tick)
            # A timer may ring a little early: the tick that was just used must not come again.
            following = next_tick(began, component.interval, max(loop.time(), tick + component.interval / 2))
            self._pace.skip(round((following - tick) / component.interval) - 1)
            tick = following

    async def _look(self, component: Watched, due: float) -> None:
        """One scheduled probe, and what it means."""
        loop = asyncio.get_running_loop()
        turns = self._turns
        async with turns.of(component.host), turns.of_all, self._alone(component):
            began = loop.time()
            self._pace.start(began - due)
            result = await self._probe(component)
        self._sight.saw(component, result.success, began, loop.time())
        if not result.success and self._canaries:
            others = (canary for canary in self._canaries.values() if canary.name != component.name)
            await asyncio.gather(*(self._looked_at(canary, began) for canary in others))
        self._record(component, result, self._sight.blind)

    def _alone(self, component: Watched) -> contextlib.AbstractAsyncContextManager[None]:
        """Canaries are also looked at out of turn: never twice at the same time."""
        return self._locks.get(component.name) or contextlib.nullcontext()

    async def _looked_at(self, canary: Watched, since: float) -> None:
        """Return when a look at the canary that began after `since` is over; all who wait share it."""
        while canary.name in self._sight.canaries and self._sight.looked_at(canary.name) < since:
            look = self._looks.get(canary.name)
            if look is None:
                look = self._looks[canary.name] = asyncio.create_task(self._look_out_of_turn(canary))
                look.add_done_callback(lambda _: self._looks.pop(canary.name, None))
            await asyncio.shield(look)

    async def _look_out_of_turn(self, canary: Watched) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._sight.looked_at(canary.name) + CANARY_PAUSE - loop.time())
        async with self._alone(canary):
            began = loop.time()
            result = await self._probe(canary)
        self._sight.saw(canary, result.success, began, loop.time())
