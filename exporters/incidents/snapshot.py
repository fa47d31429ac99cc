"""What the store holds at one moment, as metric families; pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from exporters.incidents.mail import Mail, mail_families
from incident_store.domain.incident_clocks import Clock, read_clocks
from incident_store.domain.incidents import Kind
from incident_store.domain.lifecycle import State
from incident_store.domain.maintenance import Window, under_maintenance
from incident_store.domain.policies import Responsible, Severity, SlaPolicy
from incident_store.domain.regularisations import Regularisation, by_line
from incident_store.queries import IncidentCount, IncidentRecord

OPEN_LABELS = ("kind", "severity", "responsible", "state")
TOTAL_LABELS = ("kind", "severity", "responsible")
LINE_LABELS = ("operator", "file_type")
CLOCK_LABELS = ("incident", "clock", "severity", "responsible")


@dataclass(frozen=True)
class Snapshot:
    """The incidents of which a clock may run, the counts of the open ones and of all, the maintenance windows of these
    days, and what is owed; `lines` are every operator and file type of which something was owed once."""

    running: Sequence[IncidentRecord]
    open_counts: Sequence[IncidentCount]
    totals: Sequence[IncidentCount]
    quarantined: int
    windows: Sequence[Window] = ()
    owed: Sequence[Regularisation] = ()
    lines: Collection[tuple[str, str]] = ()
    mail: Mail | None = None


def families(snapshot: Snapshot, policy: SlaPolicy, now: datetime) -> Iterator[Metric]:
    """Every family, every combination of closed label values present, 0 where there is none."""
    yield _open(snapshot.open_counts)
    yield _total(snapshot.totals)
    yield GaugeMetricFamily(
        "renteseg_quarantine_entries",
        "Different bodies and alerts that wait in quarantine.",
        value=snapshot.quarantined,
    )
    yield _maintenance(snapshot.windows, now)
    yield from _regularisations(snapshot)
    yield from _clocks(snapshot.running, policy, now)
    if snapshot.mail is not None:
        yield from mail_families(snapshot.mail)


def _regularisations(snapshot: Snapshot) -> Iterator[Metric]:
    open_ones = GaugeMetricFamily(
        "renteseg_regularisations_open",
        "Loads that confirmed outages left owed; absent for an operator and file type that never owed one.",
        labels=LINE_LABELS,
    )
    deadline = GaugeMetricFamily(
        "renteseg_regularisation_deadline_timestamp_seconds",
        "Until when the load that is owed longest is to be processed, in Unix seconds; absent when none is owed.",
        labels=LINE_LABELS,
    )
    owed = by_line(snapshot.owed)
    for line in sorted(snapshot.lines):
        open_ones.add_metric(line, len({one.load for one in owed.get(line, ())}))
        if line in owed:
            deadline.add_metric(line, min(one.due_at for one in owed[line]).timestamp())
    yield open_ones
    yield deadline


def _maintenance(windows: Sequence[Window], now: datetime) -> Metric:
    family = GaugeMetricFamily(
        "renteseg_maintenance_active",
        "1 while the component is in a maintenance window that counts for the figures; absent without a window nearby.",
        labels=["component"],
    )
    active = under_maintenance(windows, now)
    for component in sorted({component for window in windows for component in window.components}):
        family.add_metric([component], float(component in active))
    return family


def _open(counts: Sequence[IncidentCount]) -> Metric:
    family = GaugeMetricFamily("renteseg_incidents_open", "Open incidents.", labels=OPEN_LABELS)
    values = dict.fromkeys(product(Kind, Severity, Responsible, State), 0)
    for count in counts:
        words = (Kind(count.kind), Severity(count.severity), Responsible(count.responsible), State(count.state))
        values[words] += count.incidents
    for words, incidents in values.items():
        family.add_metric([word.value for word in words], incidents)
    return family


def _total(counts: Sequence[IncidentCount]) -> Metric:
    family = CounterMetricFamily("renteseg_incidents", "Incidents recorded so far.", labels=TOTAL_LABELS)
    values = dict.fromkeys(product(Kind, Severity, Responsible), 0)
    for count in counts:
        values[Kind(count.kind), Severity(count.severity), Responsible(count.responsible)] += count.incidents
    for words, incidents in values.items():
        family.add_metric([word.value for word in words], incidents)
    return family


def _clocks(records: Sequence[IncidentRecord], policy: SlaPolicy, now: datetime) -> Iterator[Metric]:
    deadline = GaugeMetricFamily(
        "renteseg_incident_sla_deadline_timestamp_seconds",
        "When a clock is due, in Unix seconds; of open incidents, and of closed ones whose technical report is owed; "
        "absent while an open pause hides it.",
        labels=CLOCK_LABELS,
    )
    consumed = GaugeMetricFamily(
        "renteseg_incident_sla_consumed_ratio",
        "Share of its target that a clock has used, 1 being the limit; of the same incidents.",
        labels=CLOCK_LABELS,
    )
    for record in records:
        incident = record.incident
        for clock in read_clocks(record.events, policy, now):
            if incident.state is State.CLOSED and clock.stopped:
                continue
            words = [str(record.number), clock.name.value, incident.severity.value, incident.responsible.value]
            consumed.add_metric(words, _consumed(clock))
            if clock.reading.due is not None and not clock.stopped:
                deadline.add_metric(words, clock.reading.due.timestamp())
    yield deadline
    yield consumed


def _consumed(clock: Clock) -> float:
    return clock.reading.elapsed / clock.target.target
