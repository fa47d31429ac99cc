"""What a notice may say: the fields of its template, gathered from the store. Every value is one line of plain text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from incident_store.domain.incident_clocks import read_clocks
from incident_store.domain.incidents import Event, Incident
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.notices import NoticeKind
from incident_store.domain.personal import masked
from incident_store.domain.policies import SlaPolicy
from incident_store.inbox import Message, list_messages
from incident_store.outbox import Notice
from incident_store.queries import IncidentRecord, find_incident
from incident_store.words import CLOCK_STATES, CLOCKS, RESPONSIBLES, STATES

LIMA = ZoneInfo("America/Lima")
LONGEST = 2000


@dataclass(frozen=True)
class Deadline:
    """One SLA clock: its name, when it is due (empty in a pause) and how it stands."""

    name: str
    due_at: str
    state: str


@dataclass(frozen=True)
class IncidentFacts:
    """An incident as its notices may name it. What is not known is empty. `cause`, `tests` and `dispatched_to` are of
    the last diagnosis, restoration and dispatch; `reason` and `text` are of the event that caused the notice."""

    number: str
    kind: str
    title: str
    component: str
    service: str
    severity: str
    state: str
    responsible: str
    fault_began_at: str
    detected_at: str
    dispatched_at: str
    restored_at: str
    closed_at: str
    dispatched_to: str
    cause: str
    tests: str
    reason: str
    text: str
    deadlines: tuple[Deadline, ...]


@dataclass(frozen=True)
class MailFacts:
    """The mail that reported it; all empty when it was not reported by mail."""

    sender: str
    subject: str
    received_at: str


@dataclass(frozen=True)
class OwedFacts:
    """What an operator has to regularise: each load, and until when."""

    operator: str
    loads: tuple[str, ...]
    until: str


@dataclass(frozen=True)
class ReportFacts:
    """A month's report, as `octubre de 2026`."""

    month: str


Fields = Mapping[str, object]
"""The fields of a template by name: `incident` and `mail` (and `owed`), or `report`; and `note`, `link`."""

WRITTEN = frozenset({NoticeKind.MAINTENANCE, NoticeKind.RCA_REQUEST})
"""Notices that the incident store drafts itself; they have no template."""
ABOUT_INCIDENT = frozenset(set(NoticeKind) - {NoticeKind.MAINTENANCE, NoticeKind.MONTHLY_REPORT})

_SAMPLE_INCIDENT = IncidentFacts(
    **{name: "x" for name in IncidentFacts.__dataclass_fields__ if name != "deadlines"},
    deadlines=(Deadline("x", "x", "x"),),
)
_SAMPLE_MAIL = MailFacts("x", "x", "x")


def sample(kind: NoticeKind) -> Fields:
    """Fields of the same names and types as the real ones, to try a template with."""
    common = {"note": "x", "link": "x"}
    if kind is NoticeKind.MONTHLY_REPORT:
        return {**common, "report": ReportFacts("x")}
    about = {**common, "incident": _SAMPLE_INCIDENT, "mail": _SAMPLE_MAIL}
    return {**about, "owed": OwedFacts("x", ("x",), "x")} if kind is NoticeKind.REGULARISATION else about


def gather(connection: Connection, notice: Notice, policy: SlaPolicy, console_url: str, now: datetime) -> Fields:
    """The fields of a notice, from the store as it is now."""
    note = told(str(notice.facts.get("note", "")))
    if notice.kind not in ABOUT_INCIDENT:
        return {"note": note, "link": console_url, "report": ReportFacts(told(str(notice.facts.get("month", ""))))}
    found = find_incident(connection, notice.incident or 0)
    assert found is not None, "a notice refers to its incident by a foreign key"
    record, _episodes = found
    return {
        "note": note,
        "link": f"{console_url}/incidents/{record.number}",
        "incident": _incident(record, notice.sequence, policy, now),
        "mail": _mail(reported_by(connection, record.number)),
        **({"owed": _owed(notice.facts)} if notice.kind is NoticeKind.REGULARISATION else {}),
    }


def reported_by(connection: Connection, incident: int) -> Message | None:
    """The first mail that people took for a report of this incident."""
    messages = list_messages(connection, waiting_only=False, incident=incident)
    return next((one for one in reversed(messages) if one.verdict is not None), None)


def _owed(facts: Mapping[str, Any]) -> OwedFacts:
    loads = tuple(told(str(one)) for one in facts["loads"])
    return OwedFacts(told(str(facts["operator"])), loads, lima(datetime.fromisoformat(facts["until"])))


def _mail(message: Message | None) -> MailFacts:
    if message is None:
        return MailFacts("", "", "")
    return MailFacts(
        told(message.sender_name or message.sender_address), told(message.subject), lima(message.received_at)
    )


def _incident(record: IncidentRecord, sequence: int | None, policy: SlaPolicy, now: datetime) -> IncidentFacts:
    incident, events = record.incident, record.events
    cause = events[sequence - 1] if sequence and sequence <= len(events) else None
    return IncidentFacts(
        number=str(record.number),
        kind=record.kind,
        title=told(record.title),
        component=told(record.component),
        service=told(record.service),
        severity=incident.severity.value.capitalize(),
        state=STATES[incident.state],
        responsible=RESPONSIBLES[incident.responsible],
        fault_began_at=_time(incident, EventKind.FAULT_BEGAN),
        detected_at=_time(incident, EventKind.DETECTED),
        dispatched_at=_time(incident, EventKind.DISPATCHED),
        restored_at=_time(incident, EventKind.RESTORED),
        closed_at=_time(incident, EventKind.CLOSED),
        dispatched_to=_said(events, EventKind.DISPATCHED, "to"),
        cause=_said(events, EventKind.DIAGNOSED, "cause"),
        tests=_said(events, EventKind.RESTORED, "tests"),
        reason=told(cause.details.get("reason", "")) if cause else "",
        text=told(cause.details.get("text", "")) if cause else "",
        deadlines=tuple(
            Deadline(
                CLOCKS[clock.name],
                lima(clock.reading.due) if clock.reading.due else "",
                CLOCK_STATES[clock.reading.state],
            )
            for clock in read_clocks(events, policy, now)
        ),
    )


def _said(events: tuple[Event, ...], kind: EventKind, detail: str) -> str:
    last = next((event for event in reversed(events) if event.kind is kind), None)
    return told(last.details.get(detail, "")) if last else ""


def _time(incident: Incident, kind: EventKind) -> str:
    at = incident.times.get(kind)
    return lima(at) if at else ""


def lima(moment: datetime) -> str:
    """A time as people in Lima write it."""
    return moment.astimezone(LIMA).strftime("%d/%m/%Y %H:%M:%S")


def told(text: str) -> str:
    """What somebody said, fit to leave the house: one line, with personal data hidden."""
    return masked(plain(text))


def plain(text: str) -> str:
    """One line without control characters, of bounded length: what comes from labels and mails is not ours."""
    words = " ".join("".join(one if one.isprintable() else " " for one in text[: 2 * LONGEST]).split())
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}…"
