"""The report: what was gathered, put through the rules, with a note of everything the reader must know."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from incident_store.domain.lifecycle import EventKind
from incident_store.domain.minute_sets import Span
from incident_store.domain.months import MINUTE
from reports.digests import inputs_of
from reports.gathering import LIMA, Gathered
from reports.incident_rows import compliance, incident_rows
from reports.monthly_report import Component, Incident, MonthlyReport, Note, Regularisation, Status
from reports.outage_rows import exclusions, filled, maintenance, outages
from reports.reckoning import component_of, services, subjects, terms_of
from reports.regularisation_rows import regularisations

LATE = timedelta(hours=1)
"""A component whose first known minute is later than this after the month began is named."""


def build(gathered: Gathered) -> MonthlyReport:
    """The month's figures; the same that was gathered always gives the same report."""
    found, terms = subjects(gathered), terms_of(gathered)
    bounds = gathered.horizon.month.interval(LIMA)
    components = tuple(component_of(gathered, subject, terms) for subject in found)
    rows = incident_rows(gathered, found)
    return MonthlyReport(
        month=str(gathered.horizon.month),
        time_zone=LIMA.key,
        starts_at=bounds.start,
        ends_at=bounds.end,
        minutes=bounds.duration // MINUTE,
        as_of=gathered.as_of,
        status=_status(gathered),
        relapse_window_seconds=gathered.policy.relapse_window.total_seconds(),
        services=tuple(services(gathered, found, terms)),
        components=components,
        outages=tuple(outages(gathered, found)),
        maintenance=tuple(maintenance(gathered, found)),
        exclusions=tuple(exclusions(gathered, found)),
        filled=tuple(filled(gathered)),
        incidents=rows,
        compliance=compliance(rows),
        loads=tuple(gathered.loads),
        regularisations=tuple(_owed(gathered, rows)),
        notes=tuple(_notes(gathered, components, rows)),
        inputs=inputs_of(gathered),
    )


def _owed(gathered: Gathered, rows: Sequence[Incident]) -> Iterator[Regularisation]:
    """What the month's incidents left owed, and what older ones did that was not processed before the month."""
    bounds, shown = gathered.horizon.month.interval(LIMA), {row.number for row in rows}
    known = [one for one in gathered.incidents if one.incident.times[EventKind.DETECTED] < bounds.end]
    for owed in regularisations(known, gathered.as_of):
        if owed.incident in shown or owed.settled_at is None or owed.settled_at >= bounds.start:
            yield owed


def _status(gathered: Gathered) -> Status:
    if not gathered.complete:
        return Status.INCOMPLETE
    over = gathered.horizon.month.interval(LIMA).end <= gathered.as_of
    return Status.FINAL if over else Status.PROVISIONAL


def _notes(gathered: Gathered, components: Sequence[Component], rows: Sequence[Incident]) -> Iterator[Note]:
    bounds, as_of = gathered.horizon.month.interval(LIMA), gathered.as_of
    if as_of < bounds.end:
        yield Note(kind="provisional", detail=as_of.isoformat())
    yield from gathered.notes
    yield from _about_data(components, Span(bounds.start, bounds.duration // MINUTE), gathered)
    for row in rows:
        if not row.restored and row.kind == "incidencia" and row.state != "descartada":
            yield Note(kind="without_restoration", subject=str(row.number), detail=row.component)
        if row.without_target:
            detail = f"{', '.join(row.without_target)} ({row.severity})"
            yield Note(kind="without_target", subject=str(row.number), detail=detail)


def _about_data(components: Sequence[Component], month: Span, gathered: Gathered) -> Iterator[Note]:
    """Since when there is data, and which components have none, begin late or end early."""
    over = min(month.end, gathered.as_of)
    known = [one.known_from for one in components if one.known_from is not None]
    since = min(known, default=None)
    if since is not None and since > month.start + LATE:
        yield Note(kind="data_from", subject=str((since - month.start) // MINUTE), detail=since.isoformat())
    for one in components:
        if one.known_from is None:
            yield Note(kind="never_seen", subject=one.name)
            continue
        if one.known_from > (since or month.start) + LATE:
            yield Note(kind="seen_from", subject=one.name, detail=one.known_from.isoformat())
        if one.known_until is not None and one.known_until < over - LATE:
            yield Note(kind="seen_until", subject=one.name, detail=one.known_until.isoformat())
        if not one.declared:
            yield Note(kind="undeclared", subject=one.name)
