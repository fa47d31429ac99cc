"""The lists behind the figures: outages, maintenance, what was excluded and what was filled, each with its reason."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from incident_store.domain.incidents import fold
from incident_store.domain.intervals import Interval, intersect
from incident_store.domain.minute_sets import between, runs
from incident_store.domain.outages import exempt_minutes
from reports.gathering import LIMA, Gathered
from reports.monthly_report import Exclusion, Filled, Maintenance, Outage
from reports.reckoning import Case, Subject

NEAR = timedelta(minutes=5)
"""An incident is told of an outage a little late, and its restoration is confirmed by hand."""


def outages(gathered: Gathered, found: Sequence[Subject]) -> Iterator[Outage]:
    """Every run of minutes seen down, by component and time."""
    for subject in found:
        for first, end in runs(subject.account.seen_down):
            yield _outage(gathered, subject, first, end)


def _outage(gathered: Gathered, subject: Subject, first: int, end: int) -> Outage:
    span, run, account = gathered.horizon.span, between(first, end), subject.account
    case = _case(gathered, subject, Interval(span.moment(first), span.moment(end)))
    incident = fold(case.record.events) if case else None
    return Outage(
        component=subject.name,
        service=subject.words.service,
        starts_at=span.moment(first),
        ends_at=span.moment(end),
        minutes=end - first,
        maintenance=(run & account.maintenance).bit_count(),
        excluded=(run & account.excluded).bit_count(),
        joined_before=_length_before(account.joined, first),
        incident=case.record.number if case else None,
        responsible=incident.responsible.value if incident else "nobody",
        validated=incident is not None and incident.validated,
        cause=cause_of(case) if case else "",
    )


def _length_before(minutes: int, end: int) -> int:
    """How long the run of a set is that ends at a minute."""
    rest = ~minutes & between(0, end)
    return end - rest.bit_length()


def cause_of(case: Case) -> str:
    """The cause that the last diagnosis names."""
    diagnosis = fold(case.record.events).diagnosis
    return diagnosis.details.get("cause", "") if diagnosis else ""


def _case(gathered: Gathered, subject: Subject, outage: Interval) -> Case | None:
    """The incident that shares most time with an outage, or stands next to it."""
    wide = Interval(outage.start - NEAR, outage.end + NEAR)
    best: tuple[timedelta, Case] | None = None
    for case in subject.cases:
        shared = sum(
            (piece.duration for piece in intersect([wide], [one.until(gathered.as_of) for one in case.stretches])),
            timedelta(),
        )
        if shared and (best is None or shared > best[0]):
            best = (shared, case)
    return best[1] if best else None


def maintenance(gathered: Gathered, found: Sequence[Subject]) -> Iterator[Maintenance]:
    """Every counted window in the month, by component and time, with its approver."""
    bounds = gathered.horizon.month.interval(LIMA)
    for subject in found:
        for window in subject.windows:
            for piece in intersect([window.span], [bounds]):
                minutes = gathered.horizon.span.mostly_in([piece]) & subject.account.maintenance
                yield Maintenance(
                    component=subject.name,
                    starts_at=piece.start,
                    ends_at=piece.end,
                    minutes=minutes.bit_count(),
                    window=window.window,
                    reason=window.reason,
                    approved_by=window.approved_by,
                    approval_reason=window.approval_reason,
                )


def exclusions(gathered: Gathered, found: Sequence[Subject]) -> Iterator[Exclusion]:
    """Every stretch that is taken from the provider's account, with who validated that."""
    bounds = gathered.horizon.month.interval(LIMA)
    for subject in found:
        for case in subject.cases:
            for exempt in case.exempt:
                minutes = exempt_minutes([exempt], case.stretches, subject.watched.down, gathered.horizon.span)
                for piece in intersect([exempt.interval], [bounds]):
                    down = minutes & subject.account.excluded
                    first = gathered.horizon.span.moment((down & -down).bit_length() - 1) if down else piece.start
                    yield Exclusion(
                        component=subject.name,
                        starts_at=min(piece.start, first),
                        ends_at=piece.end,
                        down=down.bit_count(),
                        incident=case.record.number,
                        responsible=exempt.responsible.value,
                        reason=exempt.reason,
                        approved_by=exempt.approved_by,
                    )


def filled(gathered: Gathered) -> Iterator[Filled]:
    """Every gap of the month that counters filled, by component and time."""
    horizon = gathered.horizon
    for fill in sorted(gathered.fills, key=lambda one: (one.gap.component, one.gap.first)):
        first, end = max(fill.gap.first, horizon.first), min(fill.gap.end, horizon.end)
        yield Filled(
            component=fill.gap.component,
            starts_at=horizon.span.moment(first),
            ends_at=horizon.span.moment(end),
            minutes=end - first,
            state=fill.state,
        )
