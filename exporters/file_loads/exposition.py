"""The snapshot as metric families.

While the load log is away its figures are absent once the last good read is too old (`exporters/refreshing.py`);
the deadlines come from configuration and are always there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from exporters.file_loads.configuration import FileLoads
from exporters.file_loads.snapshot import Line, Snapshot, Totals, expected_lines
from exporters.file_loads.vocabulary import FileState
from exporters.refreshing import Refresher, source_families

LINE = ("operator", "file_type")


class FileLoadsCollector(Collector):
    """Renders the last snapshot when Prometheus asks; the load log is not asked."""

    def __init__(self, configuration: FileLoads, refresher: Refresher[Snapshot], clock: Callable[[], datetime]) -> None:
        self._configuration = configuration
        self._refresher = refresher
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        yield from source_families("renteseg_file_loads", "load log", self._refresher)
        observation = self._refresher.fresh
        day = observation.value.data_day if observation else self._configuration.data_day(self._clock())
        lines = expected_lines(self._configuration)
        yield _moments(
            "renteseg_file_deadline_timestamp_seconds",
            "Until when the file of the current data day is on time, in Unix seconds.",
            dict.fromkeys(lines, self._configuration.deadline_at(day)),
        )
        yield _moments(
            "renteseg_file_late_until_timestamp_seconds",
            "From when the file of the current data day is missing rather than late, in Unix seconds.",
            dict.fromkeys(lines, self._configuration.late_until_at(day)),
        )
        if observation:
            yield from _day_families(observation.value)
            yield from _queue_families(observation.value)
            yield from _total_families(observation.value.totals)


def registry(
    configuration: FileLoads, refresher: Refresher[Snapshot], clock: Callable[[], datetime]
) -> CollectorRegistry:
    """A registry with the file loads and this process's own figures."""
    own = CollectorRegistry()
    ProcessCollector(registry=own)
    PlatformCollector(registry=own)
    GCCollector(registry=own)
    own.register(FileLoadsCollector(configuration, refresher, clock))
    return own


def _day_families(snapshot: Snapshot) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "renteseg_file_loads",
        "1 for the state in which the newest file of the current data day is, 0 for every other.",
        labels=[*LINE, "state"],
    )
    for line, state in snapshot.states.items():
        for possible in FileState:
            states.add_metric([*line, possible.value], float(possible is state))
    yield states
    yield _moments(
        "renteseg_file_received_timestamp_seconds",
        "When the newest file of the current data day came, in Unix seconds; absent before.",
        snapshot.received_at,
    )
    yield _moments(
        "renteseg_file_processed_timestamp_seconds",
        "When the newest file of the current data day was finished, well or badly, in Unix seconds; absent before.",
        snapshot.processed_at,
    )


def _queue_families(snapshot: Snapshot) -> Iterator[Metric]:
    files = GaugeMetricFamily(
        "renteseg_file_queue_files",
        "Files received, in validation or queued that are not being processed, of any day.",
        labels=LINE,
    )
    for line, count in snapshot.waiting.items():
        files.add_metric(line, count)
    yield files
    yield _moments(
        "renteseg_file_queue_oldest_timestamp_seconds",
        "When the file that has waited longest came, in Unix seconds; absent while none waits.",
        snapshot.waiting_since,
    )


def _total_families(totals: Totals) -> Iterator[Metric]:
    yield _counts("renteseg_file_loads", "Files by how the work on them ended.", "outcome", totals.outcomes.items())
    yield _counts(
        "renteseg_file_rejections",
        "Files rejected, or held for F10, by the reason in the load log.",
        "reason",
        totals.rejections.items(),
    )


def _counts(
    name: str, meaning: str, label: str, counts: Iterable[tuple[tuple[str, str, StrEnum], int]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, meaning, labels=[*LINE, label])
    for (operator, file_type, value), count in counts:
        family.add_metric([operator, file_type, value.value], count)
    return family


def _moments(name: str, meaning: str, moments: Mapping[Line, datetime]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=LINE)
    for line, moment in moments.items():
        family.add_metric(line, moment.timestamp())
    return family
