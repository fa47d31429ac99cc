"""Blindness (semantics 22): every canary fails with everything else, so what fails is unknown, not down."""

import asyncio
from collections.abc import Sequence

import pytest
import uvloop

from exporters.availability import scheduler
from exporters.availability.pace import Pace
from exporters.availability.probes.result import Phase, ProbeResult, Reason
from exporters.availability.scheduler import Scheduler
from exporters.availability.sight import Sight
from exporters.availability.targets import Limits
from exporters.availability.watched import Watched
from tests.exporters.availability.components import made

GOOD, BAD = ProbeResult({}), ProbeResult({Phase.CONNECT: 0.0}, Reason.TIMEOUT_CONNECT)


def component(name: str, **more: object) -> Watched:
    return made("tcp", "10ms", address="127.0.0.1:1", interval="40ms", **more).model_copy(update={"name": name})


GATEWAY, NAMES = component("gateway", canary=True), component("names", canary=True)
PORTAL, LOCAL = component("portal"), component("local", local=True)

Look = tuple[Watched, bool, float]


@pytest.mark.parametrize(
    ("looks", "blind"),
    [
        ([], False),
        ([(PORTAL, False, 1)], False),
        ([(GATEWAY, False, 1)], False),
        ([(GATEWAY, False, 1), (NAMES, False, 2)], True),
        ([(PORTAL, True, 0), (GATEWAY, False, 1), (NAMES, False, 2)], True),  # it answered before, not since
        ([(GATEWAY, False, 1), (NAMES, False, 2), (PORTAL, True, 3)], False),
        ([(GATEWAY, False, 1), (NAMES, False, 2), (PORTAL, True, 3), (PORTAL, False, 4)], True),
        ([(GATEWAY, False, 1), (NAMES, False, 2), (LOCAL, True, 3)], True),  # needs no network
        ([(GATEWAY, False, 1), (NAMES, False, 2), (NAMES, True, 3)], False),
        ([(GATEWAY, False, 1), (NAMES, True, 2), (NAMES, False, 3), (GATEWAY, False, 4)], True),
    ],
)
def test_blind_means_that_all_canaries_fail_and_nothing_answered_since(looks: Sequence[Look], blind: bool) -> None:
    sight = Sight(["gateway", "names"])
    for watched, success, at in looks:
        sight.saw(watched, success, at, at + 0.5)

    assert sight.blind is blind


def test_without_canaries_nobody_is_blind() -> None:
    sight = Sight()
    sight.saw(PORTAL, False, 1, 2)

    assert not sight.blind


def test_what_is_known_of_a_canary_survives_a_reload_and_one_that_goes_is_forgotten() -> None:
    sight = Sight(["gateway", "names"])
    sight.saw(GATEWAY, False, 1, 2)
    sight.saw(NAMES, True, 1, 2)

    sight.now_watching([GATEWAY, PORTAL])

    assert sight.canaries == {"gateway"}
    assert sight.blind


async def recorded(answers: dict[str, bool], watched: tuple[Watched, ...], times: int) -> list[tuple[str, bool, bool]]:
    """Name, success and blindness of the first results, when the components answer as told."""
    results: list[tuple[str, bool, bool]] = []
    enough = asyncio.Event()

    async def probe(one: Watched) -> ProbeResult:
        return GOOD if answers[one.name] else BAD

    def record(one: Watched, result: ProbeResult, blind: bool) -> None:
        results.append((one.name, result.success, blind))
        if len(results) == times:
            enough.set()

    working = Scheduler(probe, record, Sight(), Pace())
    working.watch(watched, Limits())
    task = asyncio.create_task(working.run())
    await asyncio.wait_for(enough.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return results


def test_the_first_component_to_fail_is_not_condemned_before_the_canaries_were_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduler, "CANARY_PAUSE", 0.01)
    dark = dict.fromkeys(("gateway", "names", "portal"), False)

    results = uvloop.run(recorded(dark, (PORTAL, GATEWAY, NAMES), 20))

    assert {blind for name, _, blind in results if name == "portal"} == {True}
    assert {blind for _, _, blind in results[2:]} == {True}


def test_while_a_canary_answers_a_failure_is_the_components_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "CANARY_PAUSE", 0.01)

    results = uvloop.run(recorded({"gateway": True, "names": False, "portal": False}, (PORTAL, GATEWAY, NAMES), 6))

    assert {blind for _, _, blind in results} == {False}
