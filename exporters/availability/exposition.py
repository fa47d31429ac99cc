"""The board as text for Prometheus, in its own format and in OpenMetrics, written from a snapshot.

A component's lines are kept until it is probed again, and its labels are written once. What depends on the present
moment, the state and its seconds, is written at each scrape. The text is given in pieces, so that no single step holds
up the probes for long.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporters.availability.accounting import State, advanced
from exporters.availability.board import Board
from exporters.availability.pace import BUCKETS as LATENESS
from exporters.availability.tally import BUCKETS, Tally
from exporters.availability.watched import Watched

TEXT = "text/plain; version=0.0.4; charset=utf-8"
PIECE = 500
"""Components written in one piece."""


@dataclass(frozen=True)
class Family:
    """A metric's name without suffix, its type and its help."""

    name: str
    kind: str
    help: str

    def head(self, *, openmetrics: bool) -> str:
        """Its two lines before the samples; only OpenMetrics names a counter without `_total`."""
        name = f"{self.name}_total" if self.kind == "counter" and not openmetrics else self.name
        return f"# HELP {name} {self.help}\n# TYPE {name} {self.kind}\n"


UP = Family(
    "renteseg_component_up",
    "gauge",
    "1 while the component is held to be up, 0 while down; absent while the state is unknown.",
)
SECONDS = Family(
    "renteseg_component_state_seconds",
    "counter",
    "Seconds in each state since the account began; they sum to wall time and survive restarts.",
)
SINCE = Family(
    "renteseg_component_state_since_timestamp_seconds",
    "gauge",
    "When the component entered its present state, in Unix seconds.",
)
INFO = Family("renteseg_component_info", "gauge", "Each watched component, always 1.")
SLOW_AFTER = Family(
    "renteseg_component_slow_after_seconds",
    "gauge",
    "The configured duration above which the component counts as slow.",
)
PHASES = Family(
    "renteseg_probe_phase_seconds",
    "gauge",
    "Seconds the last probe spent in each phase it reached; they sum to its duration.",
)
LAST_DURATION = Family(
    "renteseg_probe_last_duration_seconds", "gauge", "Duration of the last probe in seconds, failed or not."
)
LAST_RUN = Family("renteseg_probe_last_run_timestamp_seconds", "gauge", "When the last probe ended, in Unix seconds.")
EXPIRY = Family(
    "renteseg_tls_certificate_expiry_timestamp_seconds",
    "gauge",
    "When the certificate last seen expires, in Unix seconds; also of one that is expired or untrusted.",
)
BEGINNING = Family(
    "renteseg_tls_certificate_not_before_timestamp_seconds",
    "gauge",
    "When the certificate last seen begins to be valid, in Unix seconds; also of one that is refused.",
)
RUNS = Family("renteseg_probe_runs", "counter", "Probes that ended, failed or not.")
FAILURES = Family("renteseg_probe_failures", "counter", "Probes that failed, by the one reason of each.")
DURATIONS = Family("renteseg_probe_duration_seconds", "histogram", "Duration of the probes, failed or not.")
BLIND = Family(
    "renteseg_monitor_blind",
    "gauge",
    "1 while every canary fails with everything else: failures then say nothing of the components.",
)
LATE = Family(
    "renteseg_probe_start_lateness_seconds", "histogram", "How long after they were due the probes of all started."
)
SKIPPED = Family("renteseg_probe_skipped", "counter", "Probes left out because the one before took too long.")
RELOADED = Family(
    "renteseg_config_last_reload_successful", "gauge", "Whether the last reload of the configuration was taken over."
)
RELOADED_AT = Family(
    "renteseg_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When the configuration was last taken over, in Unix seconds.",
)

PROBED = (PHASES, LAST_DURATION, LAST_RUN, EXPIRY, BEGINNING, RUNS, DURATIONS)
"""Written anew when the component was probed."""
BOUNDS = (*(str(bound) for bound in BUCKETS), "+Inf")


class Exposition:
    """Writes the board; scrapes in other threads wait for one another while they write, never while they send."""

    def __init__(self, board: Board, clock: Callable[[], datetime]) -> None:
        self._board, self._clock = board, clock
        self._own = CollectorRegistry()
        ProcessCollector(registry=self._own)
        PlatformCollector(registry=self._own)
        GCCollector(registry=self._own)
        self._kept: dict[str, _Written] = {}
        self._writing = threading.Lock()

    def render(self, accept: str = "") -> tuple[list[bytes], str]:
        """The pieces of the text and its content type, the best that `accept` allows."""
        openmetrics = "application/openmetrics-text" in accept
        with self._writing:
            pieces = [piece.encode() for piece in self._pieces(openmetrics=openmetrics)]
            own = generate_openmetrics(self._own) if openmetrics else generate_latest(self._own)  # type: ignore[no-untyped-call]
        return [*pieces, own], OPENMETRICS if openmetrics else TEXT

    def _pieces(self, *, openmetrics: bool) -> Iterator[str]:
        now, rows = self._clock(), self._board.rows()
        written = list(map(self._written, rows))
        self._kept = {one.component.name: one for one in written}
        present = [_present(one, now) for one in written]
        for index, family in enumerate((UP, SECONDS, SINCE)):
            yield family.head(openmetrics=openmetrics)
            yield from _joined(lines[index] for lines in present)
        for index, family in enumerate((INFO, SLOW_AFTER)):
            yield family.head(openmetrics=openmetrics)
            yield from _joined(one.constant[index] for one in written)
        for index, family in enumerate(PROBED):
            yield family.head(openmetrics=openmetrics)
            yield from _joined(one.probed[index] for one in written)
        yield FAILURES.head(openmetrics=openmetrics)
        yield from _joined(one.failures for one in written)
        for family, lines in _own_state(self._board):
            yield family.head(openmetrics=openmetrics) + lines

    def _written(self, row: tuple[Watched, Tally]) -> "_Written":
        component, tally = row
        kept = self._kept.get(component.name)
        if kept and kept.tally is tally and kept.component is component:
            return kept
        if kept and kept.component is component:
            failures = kept.failures if kept.tally.failures is tally.failures else _failures(component, tally)
            return _Written(component, tally, kept.prefixes, kept.constant, _probed(component, tally), failures)
        constant = _constant(component)
        return _Written(
            component, tally, _prefixes(component), constant, _probed(component, tally), _failures(component, tally)
        )


@dataclass(frozen=True)
class _Written:
    """One component's lines as they stood when it was last probed."""

    component: Watched
    tally: Tally
    prefixes: tuple[str, str, str, str, str]
    constant: tuple[str, str]
    probed: tuple[str, ...]
    failures: str


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """The lines in pieces of bounded size."""
    gathered: list[str] = []
    for line in lines:
        gathered.append(line)
        if len(gathered) == PIECE:
            yield "".join(gathered)
            gathered = []
    yield "".join(gathered)


def _identity(component: Watched) -> str:
    return f'component="{component.name}",service="{component.service}",owner="{component.owner}"'


def _prefixes(component: Watched) -> tuple[str, str, str, str, str]:
    """What stands before the values that change with time: up, seconds by state, since."""
    identity = _identity(component)
    up, down, unknown = (f'{SECONDS.name}_total{{{identity},state="{state}"}} ' for state in State)
    return (
        f'{UP.name}{{{identity},link="{component.link or ""}"}} ',
        up,
        down,
        unknown,
        f'{SINCE.name}{{component="{component.name}"}} ',
    )


def _present(one: _Written, now: datetime) -> tuple[str, str, str]:
    """The state at this moment."""
    account = advanced(one.tally.account, now)
    is_up, up, down, unknown, since = one.prefixes
    spans = account.spans
    value = "1\n" if account.state is State.UP else "0\n"
    return (
        "" if account.state is State.UNKNOWN else is_up + value,
        f"{up}{spans[State.UP].total_seconds()}\n{down}{spans[State.DOWN].total_seconds()}\n"
        f"{unknown}{spans[State.UNKNOWN].total_seconds()}\n",
        f"{since}{account.since.timestamp()}\n",
    )


def _constant(component: Watched) -> tuple[str, str]:
    info = f'{INFO.name}{{{_identity(component)},kind="{component.kind}",link="{component.link or ""}"}} 1\n'
    if component.slow_after is None:
        return info, ""
    return info, f'{SLOW_AFTER.name}{{component="{component.name}"}} {component.slow_after}\n'


def _probed(component: Watched, tally: Tally) -> tuple[str, ...]:
    """The lines of the families in PROBED, in their order."""
    name, last = f'component="{component.name}"', tally.last
    if last is None or tally.last_run_at is None:
        times = ("", "", "")
    else:
        phases = "".join(f'{PHASES.name}{{{name},phase="{phase}"}} {spent}\n' for phase, spent in last.phases.items())
        at = tally.last_run_at.timestamp()
        times = (phases, f"{LAST_DURATION.name}{{{name}}} {last.duration}\n", f"{LAST_RUN.name}{{{name}}} {at}\n")
    return (
        *times,
        _date(EXPIRY, name, tally.certificate_expires_at),
        _date(BEGINNING, name, tally.certificate_begins_at),
        f"{RUNS.name}_total{{{name}}} {tally.runs}\n",
        _histogram(DURATIONS, name, BOUNDS, tally.durations, tally.seconds),
    )


def _date(family: Family, labels: str, at: datetime | None) -> str:
    return "" if at is None else f"{family.name}{{{labels}}} {at.timestamp()}\n"


def _failures(component: Watched, tally: Tally) -> str:
    before = f'{FAILURES.name}_total{{component="{component.name}",reason="'
    return "".join(f'{before}{reason}"}} {count}\n' for reason, count in tally.failures.items())


def _histogram(family: Family, labels: str, bounds: Iterable[str], counts: Iterable[int], seconds: float) -> str:
    cumulative = list(accumulate(counts))
    before = f'{family.name}_bucket{{{labels}{"," if labels else ""}le="'
    buckets = "".join(f'{before}{bound}"}} {count}\n' for bound, count in zip(bounds, cumulative, strict=True))
    all_labels = f"{{{labels}}}" if labels else ""
    return f"{buckets}{family.name}_count{all_labels} {cumulative[-1]}\n{family.name}_sum{all_labels} {seconds}\n"


def _own_state(board: Board) -> Iterator[tuple[Family, str]]:
    """How the exporter itself is."""
    pace = board.pace
    bounds = (*(str(bound) for bound in LATENESS), "+Inf")
    yield BLIND, f"{BLIND.name} {int(board.sight.blind)}\n"
    yield LATE, _histogram(LATE, "", bounds, tuple(pace.lateness), pace.seconds)
    yield SKIPPED, f"{SKIPPED.name}_total {pace.skipped}\n"
    yield RELOADED, f"{RELOADED.name} {int(board.reloaded_well)}\n"
    yield RELOADED_AT, f"{RELOADED_AT.name} {board.reloaded_at.timestamp()}\n"
