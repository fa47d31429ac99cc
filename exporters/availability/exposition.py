"""The board as metric families, built anew for each scrape from what the probes found."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import accumulate

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from exporters.availability.accounting import State, advanced
from exporters.availability.board import Board
from exporters.availability.probes.result import ProbeResult
from exporters.availability.probes.table import KINDS
from exporters.availability.tally import BUCKETS, Tally
from exporters.availability.watched import Watched

PHASES_HELP = "Seconds the last probe spent in each phase it reached; they sum to its duration."
DURATION_HELP = "Duration of the last probe in seconds, failed or not."


class BoardCollector(Collector):
    """Renders the board as it is when Prometheus asks; nothing is probed."""

    def __init__(self, board: Board, clock: Callable[[], datetime]) -> None:
        self._board = board
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        now = self._clock()
        rows = [(component, self._board.tally(component)) for component in self._board.components]
        yield from _states(rows, now)
        yield from _descriptions(rows)
        yield from _last_probes(rows)
        yield from _counters(rows)


Rows = list[tuple[Watched, Tally]]


def registry(board: Board, clock: Callable[[], datetime]) -> CollectorRegistry:
    """A registry with the board and this process's own figures."""
    own = CollectorRegistry()
    ProcessCollector(registry=own)
    PlatformCollector(registry=own)
    GCCollector(registry=own)
    own.register(BoardCollector(board, clock))
    return own


def _states(rows: Rows, now: datetime) -> Iterator[Metric]:
    up = GaugeMetricFamily(
        "renteseg_component_up",
        "1 when the last probe succeeded, 0 when it failed; absent while the state is unknown.",
        labels=["component", "service", "owner", "link"],
    )
    seconds = CounterMetricFamily(
        "renteseg_component_state_seconds",
        "Seconds in each state since the account began; they sum to wall time and survive restarts.",
        labels=["component", "service", "owner", "state"],
    )
    since = GaugeMetricFamily(
        "renteseg_component_state_since_timestamp_seconds",
        "When the component entered its present state, in Unix seconds.",
        labels=["component"],
    )
    for component, tally in rows:
        account = advanced(tally.account, now)
        identity = [component.name, component.service, component.owner]
        if account.state is not State.UNKNOWN:
            up.add_metric([*identity, component.link or ""], float(account.state is State.UP))
        for state, span in account.spans.items():
            seconds.add_metric([*identity, state.value], span.total_seconds())
        since.add_metric([component.name], account.since.timestamp())
    yield from (up, seconds, since)


def _descriptions(rows: Rows) -> Iterator[Metric]:
    described = GaugeMetricFamily(
        "renteseg_component_info",
        "Each watched component, always 1.",
        labels=["component", "service", "owner", "kind", "link"],
    )
    slow_after = GaugeMetricFamily(
        "renteseg_component_slow_after_seconds",
        "The configured duration above which the component counts as slow.",
        labels=["component"],
    )
    for component, _ in rows:
        described.add_metric(
            [component.name, component.service, component.owner, component.kind, component.link or ""], 1
        )
        if component.slow_after is not None:
            slow_after.add_metric([component.name], component.slow_after)
    yield from (described, slow_after)


def _last_probes(rows: Rows) -> Iterator[Metric]:
    phases = GaugeMetricFamily("renteseg_probe_phase_seconds", PHASES_HELP, labels=["component", "phase"])
    duration = GaugeMetricFamily("renteseg_probe_last_duration_seconds", DURATION_HELP, labels=["component"])
    ran_at = GaugeMetricFamily(
        "renteseg_probe_last_run_timestamp_seconds",
        "When the last probe ended, in Unix seconds.",
        labels=["component"],
    )
    expiry = GaugeMetricFamily(
        "renteseg_tls_certificate_expiry_timestamp_seconds",
        "When the certificate last seen expires, in Unix seconds; also of one that is expired or untrusted.",
        labels=["component"],
    )
    for component, tally in rows:
        if tally.last and tally.last_run_at:
            _add_times(phases, duration, component, tally.last)
            ran_at.add_metric([component.name], tally.last_run_at.timestamp())
        if tally.certificate_expires_at:
            expiry.add_metric([component.name], tally.certificate_expires_at.timestamp())
    yield from (phases, duration, ran_at, expiry)


def _add_times(phases: GaugeMetricFamily, duration: GaugeMetricFamily, component: Watched, result: ProbeResult) -> None:
    for phase, seconds in result.phases.items():
        phases.add_metric([component.name, phase.value], seconds)
    duration.add_metric([component.name], result.duration)


def _counters(rows: Rows) -> Iterator[Metric]:
    runs = CounterMetricFamily("renteseg_probe_runs", "Probes that ended, failed or not.", labels=["component"])
    failures = CounterMetricFamily(
        "renteseg_probe_failures",
        "Probes that failed, by the one reason of each.",
        labels=["component", "reason"],
    )
    durations = HistogramMetricFamily(
        "renteseg_probe_duration_seconds",
        "Duration of the probes, failed or not.",
        labels=["component"],
    )
    bounds = [str(bound) for bound in BUCKETS] + ["+Inf"]
    for component, tally in rows:
        runs.add_metric([component.name], tally.runs)
        for reason, count in tally.failures.items():
            failures.add_metric([component.name, reason.value], count)
        cumulative = [float(count) for count in accumulate(tally.durations)]
        durations.add_metric([component.name], list(zip(bounds, cumulative, strict=True)), tally.seconds)
    yield from (runs, failures, durations)


class ResultCollector(Collector):
    """One probe's result by itself, for `/probe`."""

    def __init__(self, component: Watched, result: ProbeResult) -> None:
        self._component = component
        self._result = result

    def collect(self) -> Iterator[Metric]:
        name, result = self._component.name, self._result
        success = GaugeMetricFamily("renteseg_probe_success", "Whether this probe succeeded.", labels=["component"])
        success.add_metric([name], float(result.success))
        reasons = GaugeMetricFamily(
            "renteseg_probe_failure_reason",
            "1 for the reason this probe failed for, 0 for every other.",
            labels=["component", "reason"],
        )
        for reason in sorted(KINDS[self._component.kind].reasons):
            reasons.add_metric([name, reason.value], float(reason is result.reason))
        phases = GaugeMetricFamily("renteseg_probe_phase_seconds", PHASES_HELP, labels=["component", "phase"])
        duration = GaugeMetricFamily("renteseg_probe_last_duration_seconds", DURATION_HELP, labels=["component"])
        _add_times(phases, duration, self._component, result)
        yield from (success, reasons, phases, duration)
        if result.certificate_expires_at:
            expiry = GaugeMetricFamily(
                "renteseg_tls_certificate_expiry_timestamp_seconds",
                "When the certificate expires, in Unix seconds.",
                labels=["component"],
            )
            expiry.add_metric([name], result.certificate_expires_at.timestamp())
            yield expiry
