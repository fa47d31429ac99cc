"""Work that falls due again and again: each job has a thread of its own, so that a slow one delays no other."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import NoReturn

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy.exc import SQLAlchemyError

from groundwork.problems import Away

log = structlog.get_logger()

LOOK_SECONDS = 2.0
"""How often a job is asked whether it is in a hurry."""


def _never(_since: datetime) -> bool:
    return False


@dataclass(frozen=True)
class Job:
    """`work` is done `every` so often, and sooner when `hurried` says so; it is told when the work last began (UTC).

    Any number of workers may run the same job on one store: what is done twice must change nothing.
    """

    name: str
    every: timedelta
    work: Callable[[], object]
    hurried: Callable[[datetime], bool] = _never


class JobCounters:
    """What Prometheus reads of the jobs, each there from the first scrape."""

    def __init__(self, registry: CollectorRegistry, jobs: Sequence[Job]) -> None:
        self.success = Gauge(
            "renteseg_job_last_success_timestamp_seconds",
            "When this task last came to its end, in Unix seconds; 0 until then.",
            ["task"],
            registry=registry,
        )
        interval = Gauge(
            "renteseg_job_interval_seconds", "How often this task is due, in seconds.", ["task"], registry=registry
        )
        self.failures = Counter("renteseg_job_failures", "Rounds that failed.", ["task"], registry=registry)
        for job in jobs:
            self.success.labels(job.name)
            self.failures.labels(job.name)
            interval.labels(job.name).set(job.every.total_seconds())


def run_jobs(jobs: Sequence[Job], registry: CollectorRegistry) -> NoReturn:
    """Work until the process is ended; raises what ended a thread, so that a process never lives on without a job."""
    counters = JobCounters(registry, jobs)
    ended: SimpleQueue[BaseException] = SimpleQueue()

    def keep_on(job: Job) -> None:
        try:
            _repeat(job, counters)
        except BaseException as error:
            ended.put(error)
            raise

    for job in jobs:
        threading.Thread(target=keep_on, args=(job,), name=job.name, daemon=True).start()
    raise ended.get()


def _repeat(job: Job, counters: JobCounters) -> NoReturn:
    while True:
        due, began_at = time.monotonic() + job.every.total_seconds(), datetime.now(UTC)
        with _failures_counted(job, counters):
            job.work()
            counters.success.labels(job.name).set(time.time())
        _wait(job, due, began_at, counters)


def _wait(job: Job, due: float, began_at: datetime, counters: JobCounters) -> None:
    """Until the job is due or in a hurry."""
    step = math.inf if job.hurried is _never else LOOK_SECONDS
    while (left := due - time.monotonic()) > 0:
        time.sleep(min(left, step))
        with _failures_counted(job, counters):
            if job.hurried(began_at):
                return


@contextmanager
def _failures_counted(job: Job, counters: JobCounters) -> Iterator[None]:
    """What fails is logged and counted, and the next round tries again."""
    try:
        yield
        return
    except (Away, SQLAlchemyError) as error:
        log.error("something outside is away", task=job.name, reason=str(error).splitlines()[0])
    except Exception:
        # The outermost loop: a bug in one round must not end all others.
        log.exception("a round failed", task=job.name)
    counters.failures.labels(job.name).inc()
