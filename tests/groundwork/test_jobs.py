"""Jobs: each on its own, again and again, whatever happens to one of them."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from groundwork import jobs
from groundwork.jobs import Job, run_jobs
from groundwork.problems import Away
from tests.processes import wait_for

SOON = timedelta(milliseconds=1)
LATE = timedelta(hours=1)


def start(*these: Job) -> CollectorRegistry:
    registry = CollectorRegistry()
    threading.Thread(target=run_jobs, args=(these, registry), daemon=True).start()
    return registry


def failing(error: Exception) -> Callable[[], None]:
    """Work that fails three times and then never ends, so that the thread is quiet after its test."""
    left = iter(range(3))

    def work() -> None:
        if next(left, None) is not None:
            raise error
        threading.Event().wait()

    return work


def test_a_job_that_fails_is_tried_again_and_counted() -> None:
    registry = start(Job("away", SOON, failing(Away("nobody there"))), Job("bug", SOON, failing(KeyError("x"))))
    for name in ("away", "bug"):
        failed = lambda name=name: registry.get_sample_value("renteseg_job_failures_total", {"task": name}) or 0  # noqa: E731
        wait_for(lambda failed=failed: failed() == 3, 10, f"{name} is tried again")
        assert registry.get_sample_value("renteseg_job_last_success_timestamp_seconds", {"task": name}) == 0


def test_a_job_that_hangs_delays_no_other() -> None:
    done = threading.Event()
    start(Job("hangs", SOON, threading.Event().wait), Job("works", LATE, done.set))
    assert done.wait(10)


def test_a_hurry_brings_the_work_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "LOOK_SECONDS", 0.01)
    rounds: list[datetime] = []
    asked: list[datetime] = []
    hurry = threading.Event()

    def hurried(since: datetime) -> bool:
        asked.append(since)
        if len(rounds) > 1:
            threading.Event().wait()
        return hurry.is_set()

    start(Job("hurried", LATE, lambda: rounds.append(datetime.now().astimezone()), hurried))
    wait_for(lambda: asked, 10, "it is asked")
    assert len(rounds) == 1
    hurry.set()
    wait_for(lambda: len(rounds) > 1, 10, "it is brought forward")
    assert asked[0] <= rounds[0]


def test_what_ends_a_thread_ends_the_process() -> None:
    def work() -> None:
        raise SystemExit(4)

    with pytest.raises(SystemExit):
        run_jobs([Job("ends", LATE, work)], CollectorRegistry())
