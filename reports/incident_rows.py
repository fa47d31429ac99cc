"""The SLA control matrix: one row an incident, with every time of semantics 11, its clocks and what they rest on."""

from collections import Counter
from collections.abc import Mapping, Sequence

from incident_store.clock_lines import seconds
from incident_store.domain.clocks import ClockState
from incident_store.domain.incident_clocks import BACK, read_clocks
from incident_store.domain.incident_clocks import Clock as ReadClock
from incident_store.domain.incidents import Event, fold
from incident_store.domain.intervals import Interval, total
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.outages import fault_minutes
from incident_store.domain.policies import Severity
from incident_store.queries import IncidentRecord
from reports.gathering import LIMA, Gathered
from reports.monthly_report import Clock, Compliance, Incident, Pause
from reports.reckoning import Subject

TIMES = (
    EventKind.FAULT_BEGAN,
    EventKind.DETECTED,
    EventKind.RECORDED,
    EventKind.DIAGNOSED,
    EventKind.VALIDATED,
    EventKind.DISPATCHED,
    EventKind.RESPONSIBLE_ANSWERED,
    EventKind.RESTORED,
    EventKind.RCA_ASKED,
    EventKind.RCA_RECEIVED,
    EventKind.CLOSED,
    EventKind.ANNOUNCED,
)
"""Every time that is kept of an incident (semantics 11), in the order of the process."""
ENDS = frozenset({EventKind.RESTORED, EventKind.CLOSED, EventKind.DISCARDED})


def incident_rows(gathered: Gathered, found: Sequence[Subject]) -> tuple[Incident, ...]:
    """The incidents that were detected in the month, or lasted into it, by number."""
    bounds = gathered.horizon.month.interval(LIMA)
    subjects = {subject.name: subject for subject in found}
    rows = (_row(gathered, record, subjects) for record in gathered.incidents if _belongs(record, bounds))
    return tuple(sorted(rows, key=lambda row: row.number))


def _belongs(record: IncidentRecord, bounds: Interval) -> bool:
    """Detected before the month's end, and not over before it began."""
    incident = fold(record.events)
    over = [incident.times[kind] for kind in ENDS if kind in incident.times]
    reopened = incident.times.get(EventKind.REOPENED, bounds.start)
    lasted = not over or max(over) >= bounds.start or reopened > max(over)
    return incident.times[EventKind.DETECTED] < bounds.end and lasted


def _row(gathered: Gathered, record: IncidentRecord, subjects: Mapping[str, Subject]) -> Incident:
    incident = fold(record.events)
    terms = gathered.policy.at(incident.times[EventKind.DETECTED])
    clocks = read_clocks(record.events, gathered.policy, gathered.as_of)
    without = [
        name.value
        for name, rule in terms.clocks.items()
        if (name, incident.severity, incident.responsible) not in terms.targets and rule.concerns(incident.responsible)
    ]
    return Incident(
        number=record.number,
        component=record.component,
        service=record.service,
        kind=record.kind,
        title=record.title,
        severity=incident.severity.value,
        responsible=incident.responsible.value,
        validated=incident.validated,
        state=incident.state.value,
        carried_over=incident.times[EventKind.DETECTED] < gathered.horizon.month.interval(LIMA).start,
        restored=EventKind.RESTORED in incident.times,
        relapses=sum(event.kind is EventKind.REOPENED for event in record.events),
        times={kind.value: incident.times[kind] for kind in TIMES if kind in incident.times},
        clocks=tuple(_clock(clock) for clock in clocks),
        without_target=tuple(without),
        cause=incident.diagnosis.details.get("cause", "") if incident.diagnosis else "",
        dispatched_to=_last_word(record.events, EventKind.DISPATCHED, "to"),
        tests=_last_word(record.events, EventKind.RESTORED, "tests"),
        down_minutes=_down(gathered, record, subjects.get(record.component)),
    )


def _clock(clock: ReadClock) -> Clock:
    reading = clock.reading
    pauses = [(span, reason) for span, reason in reading.pauses if reason != BACK]
    restored = [span for span, reason in reading.pauses if reason == BACK]
    return Clock(
        name=clock.name.value,
        target_seconds=seconds(clock.target.target),
        contractual=clock.target.contractual,
        elapsed_seconds=seconds(reading.elapsed),
        due_at=reading.due,
        state=reading.state.value,
        by_responsible={who.value: seconds(span) for who, span in sorted(clock.by_responsible.items())},
        pauses=tuple(Pause(starts_at=span.start, ends_at=span.end, reason=reason) for span, reason in pauses),
        paused_seconds=seconds(total(span for span, _ in pauses)),
        restored_seconds=seconds(total(restored)),
        working_hours=not clock.target.calendar.always_open,
    )


def _last_word(events: Sequence[Event], kind: EventKind, detail: str) -> str:
    return next((event.details.get(detail, "") for event in reversed(events) if event.kind is kind), "")


def _down(gathered: Gathered, record: IncidentRecord, subject: Subject | None) -> int:
    """The month's minutes seen down while the incident lasted, from where the monitor saw its outages begin."""
    if subject is None:
        return 0
    down, found = subject.watched.down, 0
    for case in subject.cases:
        if case.record.number == record.number:
            found |= fault_minutes(case.stretches, down, gathered.horizon.span, gathered.as_of)
    return (found & subject.account.seen_down).bit_count()


def compliance(rows: Sequence[Incident]) -> tuple[Compliance, ...]:
    """How the clocks ended, by name and severity, of the incidents detected in the month and not discarded."""
    counted: Counter[tuple[str, str, str]] = Counter()
    names: list[str] = []
    for row in rows:
        if row.carried_over or row.state == "descartada":
            continue
        for clock in row.clocks:
            counted[clock.name, row.severity, _ending(clock)] += 1
        for name in row.without_target:
            counted[name, row.severity, "without_target"] += 1
        names += [*(clock.name for clock in row.clocks), *row.without_target]
    order = [one.value for one in sorted(Severity, key=lambda one: -one.weight)]
    return tuple(
        Compliance(
            clock=name,
            severity=severity,
            met=counted[name, severity, "met"],
            breached=counted[name, severity, "breached"],
            open=counted[name, severity, "open"],
            without_target=counted[name, severity, "without_target"],
        )
        for name in dict.fromkeys(names)
        for severity in order
        if any(counted[name, severity, ending] for ending in ("met", "breached", "open", "without_target"))
    )


def _ending(clock: Clock) -> str:
    return clock.state if clock.state in {ClockState.MET, ClockState.BREACHED} else "open"
