"""The scheduler: every component at its own pace, never twice at once, spread over the interval."""

import asyncio
from collections import Counter
from itertools import pairwise

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from exporters.availability import scheduler
from exporters.availability.pace import Pace
from exporters.availability.probes.result import ProbeResult
from exporters.availability.scheduler import Scheduler, in_company, next_tick, offset
from exporters.availability.sight import Sight
from exporters.availability.targets import Limits
from exporters.availability.watched import Watched
from tests.exporters.availability.components import port

GOOD = ProbeResult({})
USUAL = Limits()


def components(*names: str, interval: float = 0.02) -> tuple[Watched, ...]:
    component = port("127.0.0.1:1", timeout="10ms")
    return tuple(component.model_copy(update={"name": name, "interval": interval}) for name in names)


async def until(
    condition: asyncio.Event,
    watched: tuple[Watched, ...],
    probe: scheduler.Probe,
    record: scheduler.Record,
    limits: Limits = USUAL,
) -> Pace:
    """Let the scheduler work until the condition holds."""
    pace = Pace()
    working = Scheduler(probe, record, Sight(), pace)
    working.watch(watched, limits)
    task = asyncio.create_task(working.run())
    await asyncio.wait_for(condition.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return pace


def test_every_component_is_probed_again_and_again() -> None:
    runs: Counter[str] = Counter()

    async def probe(component: Watched) -> ProbeResult:
        return GOOD

    async def main() -> Pace:
        enough = asyncio.Event()

        def record(component: Watched, result: ProbeResult, blind: bool) -> None:
            runs[component.name] += 1
            if len(runs) == 3 and min(runs.values()) >= 3:
                enough.set()

        return await until(enough, components("a", "b", "c"), probe, record)

    pace = uvloop.run(main())
    assert sum(pace.lateness) >= sum(runs.values())


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

        def record(component: Watched, result: ProbeResult, blind: bool) -> None:
            runs[component.name] += 1
            if runs["quick"] >= 5 and under_way["slow"]:
                enough.set()

        await until(enough, components("slow", "quick"), probe, record)

    uvloop.run(main())
    assert most == {"slow": 1, "quick": 1}


@pytest.mark.parametrize("limits", [Limits(at_once=2), Limits(per_host=2)])
def test_the_number_at_once_is_bounded(limits: Limits) -> None:
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

        def record(component: Watched, result: ProbeResult, blind: bool) -> None:
            runs[component.name] += 1
            if len(runs) == 9:
                enough.set()

        await until(enough, components(*"abcdefghi", interval=0.01), probe, record, limits)

    uvloop.run(main())
    assert most == 2


def test_a_host_that_hangs_delays_nobody_on_another() -> None:
    async def main() -> None:
        enough, never = asyncio.Event(), asyncio.Event()
        runs: Counter[str] = Counter()

        async def probe(component: Watched) -> ProbeResult:
            if component.endpoint == ("127.0.0.1", 1):
                await never.wait()
            return GOOD

        def record(component: Watched, result: ProbeResult, blind: bool) -> None:
            runs[component.name] += 1
            if runs["quick"] >= 5:
                enough.set()

        hanging = components(*(f"hangs-{number}" for number in range(20)))
        [quick] = components("quick")
        other = quick.model_copy(update={"address": "127.0.0.2:1"})
        await until(enough, (*hanging, other), probe, record, Limits(at_once=3, per_host=2))

    uvloop.run(main())


def test_a_host_with_many_components_that_hangs_is_found_out_within_the_interval() -> None:
    """Else most of what is down on it would be unknown."""
    many = components(*(f"c-{number}" for number in range(300)), interval=0.5)
    slow = tuple(component.model_copy(update={"timeout": 0.2}) for component in many)

    async def main() -> Pace:
        enough = asyncio.Event()
        runs: Counter[str] = Counter()

        async def probe(component: Watched) -> ProbeResult:
            await asyncio.sleep(component.timeout)
            return GOOD

        def record(component: Watched, result: ProbeResult, blind: bool) -> None:
            runs[component.name] += 1
            if len(runs) == 300:
                enough.set()

        return await until(enough, slow, probe, record)

    assert scheduler.most_at_once(slow) == pytest.approx(120, abs=1)
    assert uvloop.run(main()).skipped < 300  # with 20 turns it would take 3 s, and each would miss several


def test_ticks_that_a_slow_probe_missed_are_counted() -> None:
    async def main() -> Pace:
        enough = asyncio.Event()

        async def probe(component: Watched) -> ProbeResult:
            await asyncio.sleep(0.07)
            return GOOD

        runs: Counter[str] = Counter()

        def record(component: Watched, result: ProbeResult, blind: bool) -> None:
            runs["all"] += 1
            if runs["all"] == 2:
                enough.set()

        return await until(enough, components("a", interval=0.02), probe, record)

    assert uvloop.run(main()).skipped >= 3


def test_other_components_are_taken_over_and_who_stays_is_not_disturbed() -> None:
    started: Counter[str] = Counter()

    async def main() -> None:
        never = asyncio.Event()

        async def probe(component: Watched) -> ProbeResult:
            started[component.name] += 1
            await never.wait()
            return GOOD

        working = Scheduler(probe, lambda *_: None, Sight(), Pace())
        task = asyncio.create_task(working.run())
        stays, goes, comes = components("stays", "goes", "comes")
        working.watch((stays, goes), Limits())
        await asyncio.sleep(0.1)
        working.watch((stays, comes, goes.model_copy(update={"interval": 0.03})), Limits())
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    uvloop.run(main())
    assert started == {"stays": 1, "goes": 2, "comes": 1}


def test_a_fault_of_our_own_ends_the_process_instead_of_leaving_a_component_unwatched() -> None:
    async def main() -> None:
        async def probe(component: Watched) -> ProbeResult:
            raise ZeroDivisionError

        working = Scheduler(probe, lambda *_: None, Sight(), Pace())
        working.watch(components("a"), Limits())
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(working.run(), 10)

    uvloop.run(main())


def test_a_tick_is_used_once_even_when_its_timer_rings_early() -> None:
    began: list[float] = []

    async def main() -> None:
        enough = asyncio.Event()

        async def probe(component: Watched) -> ProbeResult:
            began.append(asyncio.get_running_loop().time())
            return GOOD

        def record(component: Watched, result: ProbeResult, blind: bool) -> None:
            if len(began) == 30:
                enough.set()

        await until(enough, components("a", interval=0.0205), probe, record)

    uvloop.run(main())
    assert min(later - earlier for earlier, later in pairwise(began)) > 0


def test_names_spread_evenly_and_always_the_same() -> None:
    offsets = [offset(f"component-{number}", 10) for number in range(1000)]

    assert offsets == [offset(f"component-{number}", 10) for number in range(1000)]
    by_second = Counter(int(value) for value in offsets)
    assert set(by_second) == set(range(10))
    assert max(by_second.values()) < 150


@given(st.floats(0, 1e6), st.floats(0.02, 3600))
def test_probes_start_in_company_and_none_waits_long_for_it(tick: float, interval: float) -> None:
    moved = in_company(tick, interval)

    assert tick - 1e-6 <= moved <= tick + min(scheduler.SLOT, interval / 20) + 1e-6
    assert in_company(moved - 1e-6, interval) == pytest.approx(moved)


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
