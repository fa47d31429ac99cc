"""Each way in which the real Alertmanager loses or invents an end, alone and as a cluster: healed within 120 s.

All cases run at once, each with its own Alertmanagers; the worker polls at its shipped pace.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from incident_store.domain.episodes import EndedBy
from tests.processes import wait_for
from tests.webhook.laboratory import Laboratory

Case = Callable[[Laboratory], None]


def opened(lab: Laboratory, *components: str) -> None:
    """The alerts fire and are incidents."""
    lab.fire(*components)
    wait_for(lambda: all(lab.is_open(one) for one in components), 60, "the alerts are incidents")


def ended_by_polling(lab: Laboratory, component: str) -> None:
    """Only polling can have told the end."""
    assert ended_truly(lab, component) is EndedBy.RECONCILED


def ended_truly(lab: Laboratory, component: str) -> EndedBy | None:
    """The end is known in time and not before it was; how it became known is returned."""
    lab.heals(lambda: lab.has_ended(component), f"{component} has ended")
    (episode,) = lab.episodes(component)
    end = lab.active[component][1]
    assert end is not None
    assert episode.ended_at is not None
    assert abs(end - episode.ended_at).total_seconds() < 0.001 or end <= episode.ended_at
    return episode.ended_by


def resolved_while_silenced(lab: Laboratory) -> None:
    opened(lab, "a", "b")
    lab.silence("a")
    time.sleep(3)  # the silence reaches every peer
    lab.end("a")
    ended_by_polling(lab, "a")
    assert lab.is_open("b")


def resolved_while_inhibited(lab: Laboratory) -> None:
    opened(lab, "a")
    opened(lab, "enlace")
    lab.fire("hidden")
    lab.end("a")
    ended_by_polling(lab, "a")
    time.sleep(10)
    assert lab.is_open("enlace")
    assert lab.episodes("hidden") == []  # behind a dead link: no incident of its own


def restarted_before_the_flush(lab: Laboratory) -> None:
    opened(lab, "a", "b")
    time.sleep(11)
    lab.end("a")
    for number in range(lab.size):
        lab.kill_alertmanager(number)
    for number in range(lab.size):
        lab.start_alertmanager(number)
    ended_truly(lab, "a")  # Alertmanager may have told it just before it was killed
    assert [episode.ended_at for episode in lab.episodes("b")] == [None]


def group_by_changed_by_a_reload(lab: Laboratory) -> None:
    opened(lab, "a", "b")
    time.sleep(2)
    lab.end("a")
    lab.configure("component")
    lab.reload()
    ended_truly(lab, "a")  # Alertmanager may have told it just before the reload
    assert [episode.ended_at for episode in lab.episodes("b")] == [None]


def truncated(lab: Laboratory) -> None:
    lab.fire("a", "b", "c", "d")
    lab.heals(lambda: all(lab.is_open(one) for one in "abcd"), "all four are incidents")
    starts = [(lab.episodes(one)[0].started_at, lab.active[one][0]) for one in "abcd"]
    assert all(abs(known - true).total_seconds() < 0.001 for known, true in starts)


def receiver_down_for_minutes(lab: Laboratory) -> None:
    opened(lab, "a")
    lab.receiver.stop()
    lab.end("a")
    lab.fire("b")
    lab.heals(lambda: lab.has_ended("a") and lab.is_open("b"), "polling alone tells what is true")
    lab.end("b")
    time.sleep(20)
    lab.receiver.start()
    lab.heals(lambda: lab.has_ended("b"), "b has ended")
    assert (len(lab.episodes("a")), len(lab.episodes("b"))) == (1, 1)


def receiver_slow(lab: Laboratory) -> None:
    lab.receiver.slow_answers = 2
    opened(lab, "a")
    wait_for(lambda: lab.receiver.posts >= 2, 60, "Alertmanager delivered again")
    lab.end("a")
    lab.heals(lambda: lab.has_ended("a"), "a has ended")
    assert len(lab.episodes("a")) == 1


def redirecting_proxy(lab: Laboratory) -> None:
    lab.fire("a")
    lab.heals(lambda: lab.is_open("a"), "a is an incident")
    assert lab.receiver.posts == 0
    lab.end("a")
    ended_by_polling(lab, "a")


def prometheus_dead(lab: Laboratory) -> None:
    lab.resending = False
    lab.fire("a", lasting=10)
    wait_for(lambda: lab.has_ended("a"), 90, "Alertmanager believes that it ended")
    lab.resending = True
    lab.send_again()
    lab.heals(lambda: lab.is_open("a"), "the end was false")
    (episode,) = lab.episodes("a")
    assert not episode.to_verify
    assert abs(episode.started_at - lab.active["a"][0]).total_seconds() < 0.001
    lab.end("a")
    lab.heals(lambda: lab.has_ended("a"), "now it has ended")


def one_peer_dead(lab: Laboratory) -> None:
    opened(lab, "a", "b")
    lab.kill_alertmanager(0)
    lab.end("a")
    lab.heals(lambda: lab.has_ended("a"), "a has ended")
    time.sleep(35)
    assert lab.is_open("b")
    assert (len(lab.episodes("a")), len(lab.episodes("b"))) == (1, 1)


CASES: dict[Case, dict[str, Any]] = {
    resolved_while_silenced: {},
    resolved_while_inhibited: {},
    restarted_before_the_flush: {"group_by": "component"},  # in a group of its own, its end alone is not sent again
    group_by_changed_by_a_reload: {},
    truncated: {"max_alerts": 1},
    receiver_down_for_minutes: {},
    receiver_slow: {},
    redirecting_proxy: {"redirected": True},
    prometheus_dead: {},
}
RUNS = [(case, size) for case in CASES for size in (1, 2)] + [(one_peer_dead, 2)]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[Case, int], Future[None]]]:
    folder = tmp_path_factory.mktemp("laboratories")
    with ThreadPoolExecutor(len(RUNS)) as pool:
        yield {(case, size): pool.submit(perform, case, size, folder) for case, size in RUNS}


def perform(case: Case, size: int, folder: Path) -> None:
    with Laboratory(folder / f"{case.__name__}-{size}", size, **CASES.get(case, {})).run() as lab:
        case(lab)


@pytest.mark.parametrize(("case", "size"), RUNS, ids=[f"{case.__name__}-{size}" for case, size in RUNS])
def test_what_was_lost_heals_within_two_minutes(
    results: dict[tuple[Case, int], "Future[None]"], case: Case, size: int
) -> None:
    results[case, size].result()
