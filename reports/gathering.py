"""Everything a report rests on, read once: samples, incidents, maintenance, loads, configuration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from groundwork.configuration import read_text
from groundwork.problems import Away
from groundwork.prometheus import Prometheus, QueryRefused
from incident_store.domain.intervals import Interval
from incident_store.domain.maintenance import Window, fold_window
from incident_store.domain.minute_sets import Span, between
from incident_store.domain.months import MINUTE, Month
from incident_store.domain.policies import SlaPolicy
from incident_store.maintenance import find_window, read_windows
from incident_store.partial_policy import read_policy_as_far_as_it_goes
from incident_store.queries import IncidentRecord, incidents_of
from reports.declared import Declared, read_declared
from reports.filling import Fill, add_fills, gaps, prove
from reports.loads import read_loads
from reports.monthly_report import Load, Note
from reports.samples import MILLISECOND, Progress, Seen, read_minutes

LIMA = ZoneInfo("America/Lima")
"""The zone of the months (semantics 21)."""
DAY = timedelta(days=1)
INFO = "last_over_time(renteseg_component_info[1d])"
ANSWER_SECONDS = 300.0
LARGEST_ANSWER = 512 * 1024 * 1024
"""Bytes; a day of ten thousand components."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Horizon:
    """The month and a margin around it, for what lies across its edges: gaps, outages that relapse."""

    month: Month
    span: Span
    first: int
    end: int

    @property
    def minutes(self) -> int:
        """The month's own minutes."""
        return between(self.first, self.end)

    def passed(self, now: datetime) -> int:
        """The month's minutes that are over."""
        return self.minutes & between(0, self.span.index(now))


def horizon(month: Month, relapse_window: timedelta) -> Horizon:
    """The month with whole days around it, at least as many as the relapse window."""
    bounds = month.interval(LIMA)
    margin = max(1, ceil(relapse_window / DAY)) * DAY
    first, minutes = margin // MINUTE, bounds.duration // MINUTE
    return Horizon(month, Span(bounds.start - margin, minutes + 2 * first), first, first + minutes)


@dataclass(frozen=True)
class Samples:
    """What the metrics say: minutes and last labels by component, and what counters filled."""

    seen: Mapping[str, Seen] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fills: Sequence[Fill] = ()


@dataclass(frozen=True)
class Gathered:
    """What was read, as it was known at `as_of`."""

    horizon: Horizon
    as_of: datetime
    policy: SlaPolicy
    policy_text: str
    declared: Declared
    seen: Mapping[str, Seen]
    labels: Mapping[str, Mapping[str, str]]
    fills: Sequence[Fill]
    incidents: Sequence[IncidentRecord]
    windows: Sequence[Window]
    loads: Sequence[Load]
    notes: Sequence[Note] = field(default_factory=tuple)

    @property
    def complete(self) -> bool:
        """Whether every source answered."""
        return not any(note.kind in {"prometheus_away", "loads_away"} for note in self.notes)


def gather(
    connection: Connection, prometheus: Prometheus, config: Path, month: Month, as_of: datetime, progress: Progress
) -> Gathered:
    """All of it. A source that does not answer leaves a note, and the rest is read; raises ConfigurationError when
    `sla.yml` cannot be understood, StoreUnavailable when the store is away."""
    policy, gaps_of_policy = read_policy_as_far_as_it_goes(config)
    declared, span = read_declared(config), horizon(month, policy.relapse_window)
    notes = [Note(kind="policy", detail=problem) for problem in gaps_of_policy]
    notes += [Note(kind="targets", detail=problem) for problem in declared.problems]
    samples = _answer(lambda: _samples(prometheus, span, as_of, progress), Samples(), "prometheus_away", notes)
    no_loads: tuple[Load, ...] = ()
    loads = _answer(lambda: read_loads(prometheus, month, LIMA, as_of), no_loads, "loads_away", notes)
    return Gathered(
        horizon=span,
        as_of=as_of,
        policy=policy,
        policy_text=read_text(config / "sla.yml"),
        declared=declared,
        seen=samples.seen,
        labels=samples.labels,
        fills=samples.fills,
        incidents=_incidents(connection, span.span.interval, as_of),
        windows=_windows(connection, span.span.interval, as_of),
        loads=loads,
        notes=tuple(notes),
    )


def _answer(ask: Callable[[], Answer], otherwise: Answer, kind: str, notes: list[Note]) -> Answer:
    try:
        return ask()
    except (Away, QueryRefused) as error:
        notes.append(Note(kind=kind, detail=str(error)))
        return otherwise


def _samples(prometheus: Prometheus, span: Horizon, as_of: datetime, progress: Progress) -> Samples:
    seen = read_minutes(prometheus, span.span, as_of, progress)
    labels = _labels(prometheus, span, as_of)
    fills = tuple(prove(prometheus, span.span, gaps(seen, span.passed(as_of)), progress))
    add_fills(seen, fills)
    return Samples(seen, labels, fills)


def _labels(prometheus: Prometheus, span: Horizon, as_of: datetime) -> Mapping[str, Mapping[str, str]]:
    """What each component was called last, of those that the exporter knew in the month."""
    bounds = span.month.interval(LIMA)
    end = min(bounds.end, as_of)
    if end <= bounds.start:
        return {}
    found: dict[str, tuple[datetime, Mapping[str, str]]] = {}
    for series in prometheus.range(INFO, min(bounds.start + DAY, end) - MILLISECOND, end - MILLISECOND, DAY):
        component, last = series.labels.get("component", ""), series.points[-1][0]
        if component and (component not in found or found[component][0] <= last):
            found[component] = (last, series.labels)
    return {component: labels for component, (_, labels) in found.items()}


def _incidents(connection: Connection, bounds: Interval, as_of: datetime) -> tuple[IncidentRecord, ...]:
    """The incidents as they were written down by `as_of`: what was added later is not known yet."""
    known = (
        replace(record, events=tuple(event for event in record.events if event.recorded_at <= as_of))
        for record in incidents_of(connection, bounds)
    )
    return tuple(record for record in known if record.events)


def _windows(connection: Connection, interval: Interval, as_of: datetime) -> tuple[Window, ...]:
    windows = []
    for window in read_windows(connection, interval):
        found = find_window(connection, window.number)
        events = [event for event in found[1] if event.recorded_at <= as_of] if found else []
        if events:
            windows.append(fold_window(window.number, events))
    return tuple(windows)
