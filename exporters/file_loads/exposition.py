"""The snapshot as metric families.

While the load log is away its figures are absent once the last good read is too old (`exporters/refreshing.py`);
the deadlines come from configuration and are always there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from exporters.file_loads.configuration import FileLoads, Line
from exporters.file_loads.ledger import Marks, Totals
from exporters.file_loads.snapshot import Snapshot, expected_lines, shown_day
from exporters.file_loads.tally import (
    FINDING,
    OUTCOME,
    PROCESSING,
    PROCESSING_MILLISECONDS,
    REJECTION,
    ROW_ERROR,
    ROWS,
    Key,
    zeros,
)
from exporters.file_loads.vocabulary import PROCESSING_BOUNDS, UNKNOWN, Break, FileState
from exporters.refreshing import Refresher, source_families

LINE = ("operator", "file_type")

COUNTERS = {
    OUTCOME: ("renteseg_file_loads", "Files by how the work on them ended.", "outcome"),
    REJECTION: ("renteseg_file_rejections", "Files rejected, or held for F10, by the reason in the log.", "reason"),
    ROWS: ("renteseg_file_rows", "Rows of finished files by what became of them.", "result"),
    ROW_ERROR: ("renteseg_file_row_errors", "Rows left out of a file, by reason.", "reason"),
}


@dataclass(frozen=True)
class Shown:
    """What a refresh leaves for the scrapes that follow: the data days, and the figures already as text."""

    days: Mapping[Line, date]
    text: bytes


def shown(snapshot: Snapshot, configuration: FileLoads) -> Shown:
    """The snapshot made ready in the background: some 1,500 samples are too many to format in a scrape."""
    return Shown(snapshot.days, generate_latest(_Families(families(snapshot, configuration))))


def families(snapshot: Snapshot, configuration: FileLoads) -> list[Metric]:
    """The figures of the load log."""
    found = [*_day_families(snapshot), *_queue_families(snapshot)]
    if snapshot.totals:
        found += _total_families(snapshot.totals, zeros(configuration), configuration)
    return found


def rendered(refresher: Refresher[Shown]) -> bytes:
    """The figures of the last good read while it may be shown."""
    observation = refresher.fresh
    return observation.value.text if observation else b""


class _Families(CollectorRegistry):
    """A registry of families that are there already."""

    def __init__(self, found: list[Metric]) -> None:
        super().__init__()
        self._found = found

    def collect(self) -> Iterator[Metric]:
        return iter(self._found)


class SourceCollector(Collector):
    """What changes without a refresh: whether the log can be read, and the deadlines. The load log is not asked."""

    def __init__(self, configuration: FileLoads, refresher: Refresher[Shown], clock: Callable[[], datetime]) -> None:
        self._configuration = configuration
        self._refresher = refresher
        self._clock = clock
        self._expected: tuple[date | None, Mapping[Line, date]] = (None, {})
        self._deadlines: tuple[Mapping[Line, date] | None, list[Metric]] = (None, [])

    def collect(self) -> Iterator[Metric]:
        yield from source_families("renteseg_file_loads", "load log", self._refresher)
        observation = self._refresher.fresh
        days = observation.value.days if observation else self._expected_days()
        if days != self._deadlines[0]:
            self._deadlines = (days, list(_deadlines(days, self._configuration)))
        yield from self._deadlines[1]

    def _expected_days(self) -> Mapping[Line, date]:
        """Worked out once a day: the calendars give the same answer until midnight."""
        now, configuration = self._clock(), self._configuration
        if self._expected[0] != configuration.today(now):
            lines = expected_lines(configuration)
            days = {line: shown_day(line, {}, configuration, now) for line in lines}
            self._expected = (configuration.today(now), days)
        return self._expected[1]


def _deadlines(days: Mapping[Line, date], configuration: FileLoads) -> Iterator[Metric]:
    yield _moments(
        "renteseg_file_deadline_timestamp_seconds",
        "Until when the file of the current data day is on time, in Unix seconds.",
        {line: configuration.deadline_at(line, day) for line, day in days.items()},
    )
    yield _moments(
        "renteseg_file_late_until_timestamp_seconds",
        "From when the file of the current data day is missing rather than late, in Unix seconds.",
        {line: configuration.late_until_at(line, day) for line, day in days.items()},
    )


def registry(configuration: FileLoads, refresher: Refresher[Shown], clock: Callable[[], datetime]) -> CollectorRegistry:
    """A registry with the source, the deadlines and this process's own figures."""
    own = CollectorRegistry()
    ProcessCollector(registry=own)
    PlatformCollector(registry=own)
    GCCollector(registry=own)
    own.register(SourceCollector(configuration, refresher, clock))
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
    yield _gauge("renteseg_file_newest_rows", "Rows in the newest file of the current data day.", snapshot.rows)
    yield _gauge("renteseg_file_usual_rows", "Rows of a usual file, by the last four weeks.", snapshot.usual)
    yield _gauge(
        "renteseg_file_batch_planned", "1 while a mass block of this line was announced, else 0.", snapshot.planned
    )
    findings = GaugeMetricFamily(
        "renteseg_file_findings",
        "Rows of the current data day and of the queue with something strange about them.",
        labels=["finding"],
    )
    for finding, count in snapshot.findings.items():
        findings.add_metric([finding.value], count)
    yield findings


def _queue_families(snapshot: Snapshot) -> Iterator[Metric]:
    yield _gauge(
        "renteseg_file_queue_files",
        "Files received, in validation or queued that are not being processed, of any day.",
        snapshot.waiting,
    )
    yield _moments(
        "renteseg_file_queue_oldest_timestamp_seconds",
        "When the file that has waited longest came, in Unix seconds; absent while none waits.",
        snapshot.waiting_since,
    )


def _total_families(totals: Totals, nothing: Mapping[Key, int], configuration: FileLoads) -> Iterator[Metric]:
    shown = {**nothing, **totals.shown}
    counters = {
        family: CounterMetricFamily(name, meaning, labels=[*LINE, label])
        for family, (name, meaning, label) in COUNTERS.items()
    }
    withdrawn = GaugeMetricFamily(
        "renteseg_file_loads_withdrawn",
        "Files that the total counts under this outcome and the log no longer has there: processed again or deleted.",
        labels=[*LINE, "outcome"],
    )
    strange = CounterMetricFamily(
        "renteseg_file_log_findings", "Rows of the whole log with something strange about them.", labels=["finding"]
    )
    for key, count in shown.items():
        family, *labels = key
        if family in counters:
            counters[family].add_metric(labels, count)
        if family == OUTCOME:
            withdrawn.add_metric(labels, count - totals.counted.get(key, 0))
        if family == FINDING:
            strange.add_metric(labels, count)
    yield from counters.values()
    yield withdrawn
    yield strange
    yield _processing(shown, configuration)
    yield from _break_families(totals.marks)


def _processing(shown: Mapping[Key, int], configuration: FileLoads) -> Metric:
    family = HistogramMetricFamily(
        "renteseg_file_processing_seconds",
        "From the queue to the end of a processed file, in seconds.",
        labels=["file_type"],
    )
    bounds = [str(bound) for bound in PROCESSING_BOUNDS] + ["+Inf"]
    for file_type in (*configuration.file_types, UNKNOWN):
        heights = accumulate(shown[PROCESSING, file_type, bound] for bound in bounds)
        seconds = shown[PROCESSING_MILLISECONDS, file_type] / 1000
        labelled = [bound if bound == "+Inf" else str(float(bound)) for bound in bounds]
        family.add_metric([file_type], list(zip(labelled, heights, strict=True)), seconds)
    return family


def _break_families(marks: Marks) -> Iterator[Metric]:
    times = CounterMetricFamily(
        "renteseg_file_loads_log_breaks",
        "How often the load log lost some of its past: truncated, restored, or rows deleted.",
        labels=["kind"],
    )
    last = GaugeMetricFamily(
        "renteseg_file_loads_log_break_timestamp_seconds",
        "When the load log was last found to have lost some of its past, in Unix seconds.",
        labels=["kind"],
    )
    for kind in Break:
        times.add_metric([kind.value], marks.breaks.get(kind, 0))
        if kind in marks.broken_at:
            last.add_metric([kind.value], marks.broken_at[kind].timestamp())
    yield times
    yield last


def _gauge(name: str, meaning: str, values: Mapping[Line, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=LINE)
    for line, value in values.items():
        family.add_metric(line, float(value))
    return family


def _moments(name: str, meaning: str, moments: Mapping[Line, datetime]) -> GaugeMetricFamily:
    return _gauge(name, meaning, {line: moment.timestamp() for line, moment in moments.items()})
