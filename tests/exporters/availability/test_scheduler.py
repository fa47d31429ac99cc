"""The scheduler: every component at its own pace, never twice at once, spread over the interval."""

import asyncio
from collections import Counter

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from exporters.availability import scheduler
from exporters.availability.probes.result import ProbeResult
from exporters.availability.scheduler import next_tick, offset, watch
from exporters.availability.watched import Watched
from tests.exporters.availability.components import port

GOOD = ProbeResult({})


def components(*names: str, interval: float = 0.02) -> tuple[Watched, ...]:
    component = port("127.0.0.1:1", timeout="10ms")
    return tuple(component.model_copy(update={"name": name, "interval": interval}) for name in names)


async def until(
    condition: asyncio.Event, watched: tuple[Watched, ...], probe: scheduler.Probe, record: scheduler.Record
) -> None:
    task = asyncio.create_task(watch(watched, probe, record))
    await asyncio.wait_for(condition.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_every_component_is_probed_again_and_again() -> None:
    runs: Counter[str] = Counter()

    async def probe(component: Watched) -> ProbeResult:
        return GOOD

    async def main() -> None:
        enough = asyncio.Event()

        def record(component: Watched, result: ProbeResult) -> None:
            runs[component.name] += 1
            if len(runs) == 3 and min(runs.values()) >= 3:
                enough.set()

        await until(enough, components("a", "b", "c"), probe, record)

    uvloop.run(main())


def test_a_slow_component_neither_overlaps_itself_nor_delays_others() -> None:
    under_way: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def main() -> None:
        enough, never = asyncio.Event(), asyncio.Event()

        async def probe(component: Watched) -> ProbeResult:
            under_way[component.name] += 1
            most[component.name] = max(most[component.name], under_way[component.name])
            if component.name == "slow":
                await never.wait()
            under_way[component.name] -= 1
            return GOOD

        runs: Counter[str] = Counter()

        def record(component: Watched, result: ProbeResult) -> None:
            runs[component.name] += 1
            if runs["quick"] >= 5 and under_way["slow"]:
                enough.set()

        await until(enough, components("slow", "quick"), probe, record)

    uvloop.run(main())
    assert most == {"slow": 1, "quick": 1}


def test_the_number_at_once_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "AT_ONCE", 2)
    most = 0

    async def main() -> None:
        nonlocal most
        enough = asyncio.Event()
        under_way = 0
        runs: Counter[str] = Counter()

        async def probe(component: Watched) -> ProbeResult:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.005)
            under_way -= 1
            return GOOD

        def record(component: Watched, result: ProbeResult) -> None:
            runs[component.name] += 1
            if len(runs) == 9:
                enough.set()

        await until(enough, components(*"abcdefghi", interval=0.01), probe, record)

    uvloop.run(main())
    assert most == 2


def test_names_spread_evenly_and_always_the_same() -> None:
    offsets = [offset(f"component-{number}", 10) for number in range(1000)]

    assert offsets == [offset(f"component-{number}", 10) for number in range(1000)]
    by_second = Counter(int(value) for value in offsets)
    assert set(by_second) == set(range(10))
    assert max(by_second.values()) < 150


@given(
    began=st.floats(0, 1e6),
    interval=st.floats(0.1, 3600),
    later=st.floats(0, 1e6),
)
def test_missed_ticks_are_left_out(began: float, interval: float, later: float) -> None:
    now = began + later
    tick = next_tick(began, interval, now)

    assert now - 1e-6 <= tick <= now + interval + 1e-6
    assert abs((tick - began) / interval - round((tick - began) / interval)) < 1e-3
