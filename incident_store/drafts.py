"""Drafts from the facts: the preliminary report of activity 4 and the request of the provider's report of activity 8.

A draft is a pure function of the case and the time. People read it before it leaves. Whatever somebody wrote, or an
alert says, is put on one line and its personal data is hidden.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection

from groundwork.problems import Refused
from incident_store.advance import NoSuchIncident
from incident_store.announcements import Announcement, flat
from incident_store.attachments import attachments
from incident_store.domain.attribution import Ground
from incident_store.domain.episodes import Episode
from incident_store.domain.incident_clocks import read_clocks
from incident_store.domain.incidents import Event, Incident, corrected
from incident_store.domain.intervals import to_the_second
from incident_store.domain.lifecycle import ATTENDED, EventKind, State
from incident_store.domain.personal import masked
from incident_store.domain.policies import ClockName, Responsible, SlaPolicy
from incident_store.evidence import read_evidence
from incident_store.evidence_words import facts, gaps
from incident_store.explaining import DEFAULT, span, verdict
from incident_store.queries import IncidentRecord, find_incident
from incident_store.snapshots import Snapshot
from incident_store.terminal import lima
from incident_store.words import (
    ANSWERS,
    ENDED_ANSWERS,
    EVENTS,
    GROUNDS,
    RESPONSIBLES,
    STATES,
    VALUES,
)

TOLD = (
    EventKind.FAULT_BEGAN,
    EventKind.DETECTED,
    EventKind.DISPATCHED,
    EventKind.RESPONSIBLE_ANSWERED,
    EventKind.RESTORED,
)
"""The times that a reader outside needs, in order."""
CHECKED = {
    EventKind.NOTED: "text",
    EventKind.DIAGNOSED: "cause",
    EventKind.RESTORED: "tests",
    EventKind.DISCARDED: "reason",
}
"""Where people wrote what they looked at."""


class DraftKind(StrEnum):
    """What can be drafted."""

    PRELIMINARY = "preliminary"
    RCA_REQUEST = "rca-request"


@dataclass(frozen=True)
class Case:
    """All that a draft is made from."""

    record: IncidentRecord
    episodes: Sequence[Episode]
    snapshots: Sequence[Snapshot]


_templates = Environment(  # noqa: S701 - plain text: nothing to escape
    loader=PackageLoader("incident_store"), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
)


def preliminary_report(case: Case, policy: SlaPolicy, now: datetime) -> Announcement:
    """The preliminary report: facts, alerts, deadlines, evidence, who is suspected and why, and a proposed answer."""
    events, incident = case.record.events, case.record.incident
    text = _templates.get_template("preliminary.txt").render(
        **_common(case, now),
        kind=case.record.kind,
        now=lima(now),
        state=STATES[incident.state],
        alerts=[_alert(episode) for episode in case.episodes],
        clocks=[verdict(clock) for clock in read_clocks(events, policy, now)],
        evidence=[_evidence(one) for one in case.snapshots],
        files=[f"{said(one.name)} ({VALUES[one.purpose]}), SHA-256 {one.blob.sha256}" for one in attachments(events)],
        validated=incident.validated,
        responsible=RESPONSIBLES[incident.responsible],
        reasons=list(_reasons(events)),
        checks=list(_checks(events)),
        answer=_answer(case.record),
    )
    return Announcement(f"RENTESEG: informe preliminar de la {case.record.kind} N° {case.record.number}", text)


def rca_request(case: Case, policy: SlaPolicy, now: datetime) -> Announcement:
    """The request of the technical report; raises Refused when the provider is not who is held responsible."""
    incident = case.record.incident
    if incident.responsible is not Responsible.PROVIDER:
        held = incident.responsible.value if incident.responsible is not Responsible.NOBODY else "nobody"
        raise Refused(f"incident {case.record.number} is held against {held}: an RCA is asked of the provider (B)")
    sent_to = [one.details["to"] for one in case.record.events if one.kind is EventKind.DISPATCHED]
    text = _templates.get_template("rca_request.txt").render(
        **_common(case, now),
        addressee=said(sent_to[-1]) if sent_to else "del proveedor",
        deadline=_rca_deadline(case, policy, now),
        facts=[said(fact) for one in case.snapshots for fact in facts(one)],
    )
    return Announcement(f"RENTESEG: solicitud de informe técnico (RCA), incidencia N° {case.record.number}", text)


DRAFTS: Mapping[DraftKind, Callable[[Case, SlaPolicy, datetime], Announcement]] = {
    DraftKind.PRELIMINARY: preliminary_report,
    DraftKind.RCA_REQUEST: rca_request,
}


def read_case(connection: Connection, number: int) -> Case:
    """What the store holds of an incident; raises NoSuchIncident."""
    found = find_incident(connection, number)
    if found is None:
        raise NoSuchIncident(number)
    return Case(*found, read_evidence(connection, found[0].events))


def said(text: str) -> str:
    """What somebody said, fit to be passed on: one line, no personal data."""
    return masked(flat(text))


def _common(case: Case, now: datetime) -> dict[str, object]:
    record, incident = case.record, case.record.incident
    return {
        "number": record.number,
        "title": said(record.title),
        "component": said(record.component),
        "service": said(record.service) or "no indicado",
        "severity": incident.severity.value.capitalize(),
        "times": [(EVENTS[kind], lima(incident.times[kind])) for kind in TOLD if kind in incident.times],
        "outage": _outage(incident, now),
    }


def _outage(incident: Incident, now: datetime) -> str:
    """How long it lasted, or lasts; a consulta, which interrupts nothing, until it was closed."""
    times = incident.times
    began = to_the_second(times.get(EventKind.FAULT_BEGAN, times[EventKind.DETECTED]))
    if incident.state is State.DISCARDED:
        return "Duración: ninguna, el registro fue descartado"
    if incident.state in ATTENDED:
        return f"Duración hasta ahora: {span(to_the_second(now) - began)} (continúa)"
    return f"Duración: {span(to_the_second(times.get(EventKind.RESTORED) or times[EventKind.CLOSED]) - began)}"


def _answer(record: IncidentRecord) -> str:
    """The answer that is proposed while it is attended; after that, what is left to tell."""
    incident = record.incident
    if incident.state in ATTENDED:
        return ANSWERS[incident.responsible]
    restored = incident.times.get(EventKind.RESTORED)
    back = f"El servicio quedó restablecido el {lima(restored)}. " if restored else ""
    return back + ENDED_ANSWERS[incident.state]


def _evidence(snapshot: Snapshot) -> dict[str, object]:
    found = [said(line) for line in (*facts(snapshot), *gaps(snapshot))]
    return {"moment": lima(snapshot.moment), "taken_at": lima(snapshot.taken_at), "facts": found}


def _alert(episode: Episode) -> str:
    end = lima(episode.ended_at) if episode.ended_at else "sigue activa"
    summary = episode.annotations.get("summary", "")
    return said(f"{episode.labels.get('alertname', '')}: de {lima(episode.started_at)} a {end}. {summary}".strip())


def _rca_deadline(case: Case, policy: SlaPolicy, now: datetime) -> str:
    events, incident = case.record.events, case.record.incident
    terms = policy.at(incident.times[EventKind.DETECTED])
    target = terms.targets.get((ClockName.RCA, incident.severity, Responsible.PROVIDER))
    if target is None:
        return "según lo acordado con el proveedor"
    source = "" if target.contractual else f" ({DEFAULT})"
    due = next((one.reading.due for one in read_clocks(events, policy, now) if one.name is ClockName.RCA), None)
    if due is not None:
        return f"{lima(due)}{source}"
    return f"{span(target.target)} del calendario acordado, desde el restablecimiento del servicio{source}"


def _reasons(events: Sequence[Event]) -> Iterator[str]:
    """Why somebody is suspected, in sentences; what people validated is told by its diagnosis."""
    suspicion = next((event for event in reversed(events) if event.kind is EventKind.SUSPECTED), None)
    for name, value in (suspicion.details if suspicion else {}).items():
        if name in {ground.value for ground in Ground}:
            yield said(GROUNDS[Ground(name)].format(VALUES.get(value, value)))
        elif name == "evidence":
            yield said(VALUES.get(value, value))
    diagnosis = next((event for event in reversed(events) if event.kind is EventKind.DIAGNOSED), None)
    if diagnosis is not None:
        proposed = RESPONSIBLES[Responsible(diagnosis.details["responsible"])]
        yield said(f"Diagnóstico de {diagnosis.author}: {proposed}. {diagnosis.details['cause']}")


def _checks(events: Sequence[Event]) -> Iterator[str]:
    for event in corrected(events):
        if event.kind in CHECKED and (words := event.details.get(CHECKED[event.kind], "")):
            yield f"{lima(event.at)}, {said(event.author)}: {said(words)}"
