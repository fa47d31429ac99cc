"""The background reader: one read at a time, patience after failures, the last good value with its age."""

import threading
from datetime import UTC, datetime, timedelta

from prometheus_client.metrics_core import Metric

from exporters.refreshing import Refresher, SourceError, source_families


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Source:
    """A source that answers its number of reads, or fails while it is away."""

    def __init__(self) -> None:
        self.reads = 0
        self.failure: Exception | None = None

    def __call__(self) -> int:
        self.reads += 1
        if self.failure:
            raise self.failure
        return self.reads


def test_before_the_first_read_nothing_is_known() -> None:
    refresher = Refresher(Source(), 10)

    assert (refresher.value, refresher.fresh, refresher.source_up, refresher.attempted) == (None, None, False, False)


def test_a_good_read_is_shown_with_its_time() -> None:
    clock = Clock()
    refresher = Refresher(Source(), 10, clock=clock)

    refresher.refresh()

    assert refresher.value
    assert (refresher.value.value, refresher.value.at) == (1, clock.now)
    assert refresher.value.seconds >= 0
    assert refresher.source_up


def test_after_the_clock_was_set_nothing_old_passes_for_fresh() -> None:
    for step in (-3600, 3600):
        clock, source = Clock(), Source()
        refresher = Refresher(source, 10, clock=clock)
        refresher.refresh()

        clock.later(step)
        assert (refresher.fresh, refresher.source_up) == (None, False)

        refresher.refresh()
        assert refresher.source_up


def test_a_failed_read_keeps_the_value_until_it_is_too_old() -> None:
    clock, source = Clock(), Source()
    refresher = Refresher(source, 10, clock=clock)
    refresher.refresh()
    source.failure = SourceError("away")
    clock.later(10)

    refresher.refresh()

    assert not refresher.source_up
    assert refresher.fresh
    clock.later(20.001)
    assert refresher.fresh is None
    assert refresher.value
    source.failure = None
    refresher.refresh()
    assert refresher.source_up
    assert refresher.fresh


def test_a_read_that_hangs_is_a_source_that_is_away() -> None:
    clock = Clock()
    refresher = Refresher(Source(), 10, clock=clock)
    refresher.refresh()

    clock.later(31)

    assert not refresher.source_up


def test_a_fault_in_reading_does_not_end_the_reading() -> None:
    source = Source()
    source.failure = KeyError("a bug")
    refresher = Refresher(source, 10)

    refresher.refresh()

    assert refresher.attempted
    assert not refresher.source_up


def test_the_pause_doubles_after_each_failure_up_to_its_limit() -> None:
    source = Source()
    refresher = Refresher(source, 5, longest_pause=60)
    source.failure = SourceError("away")
    pauses = []
    for _ in range(6):
        refresher.refresh()
        pauses.append(refresher.pause)

    assert pauses == [10, 20, 40, 60, 60, 60]
    source.failure = None
    refresher.refresh()
    assert refresher.pause == 5


def test_reads_come_again_and_never_overlap() -> None:
    enough = threading.Event()
    inside = threading.Semaphore(1)
    overlaps: list[int] = []
    reads: list[int] = []

    def read() -> int:
        if not inside.acquire(blocking=False):
            overlaps.append(1)
        reads.append(1)
        if len(reads) == 5:
            enough.set()
        inside.release()
        return len(reads)

    refresher = Refresher(read, 0.001)
    refresher.start()

    assert enough.wait(10)
    refresher.stop()
    assert not overlaps


def by_name(refresher: Refresher[int]) -> dict[str, list[float]]:
    families: list[Metric] = list(source_families("renteseg_file_loads", "load log", refresher))
    return {family.name: [sample.value for sample in family.samples] for family in families}


def test_the_source_has_its_own_metrics() -> None:
    clock, source = Clock(), Source()
    refresher = Refresher(source, 10, clock=clock)
    assert by_name(refresher) == {
        "renteseg_file_loads_source_up": [0],
        "renteseg_file_loads_refresh_timestamp_seconds": [],
        "renteseg_file_loads_refresh_seconds": [],
    }

    refresher.refresh()
    read_at = clock.now
    source.failure = SourceError("away")
    clock.later(3600)
    refresher.refresh()

    found = by_name(refresher)
    assert found["renteseg_file_loads_source_up"] == [0]
    assert found["renteseg_file_loads_refresh_timestamp_seconds"] == [read_at.timestamp()]
