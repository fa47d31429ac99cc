"""People's steps in the store: manual registration, and one step of an incident's life at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine, exists, insert, select

from groundwork.problems import Refused
from incident_store.domain.incidents import Event, Kind, fold
from incident_store.domain.lifecycle import ATTENDED, EventKind
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.refusals import Reason
from incident_store.domain.steps import ENDING, Actor, Refusal, Step, decide, decide_report
from incident_store.domain.subjects import ANYTHING, Subjects
from incident_store.episode_rows import firing_alerts
from incident_store.incident_rows import append, history, open_incidents, project
from incident_store.models import IncidentRow
from incident_store.outbox import write_due
from incident_store.regularisations import note_outage
from incident_store.transactions import in_transaction


class NoSuchIncident(Refused):
    """There is no incident with this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no incident {number}")


class BeingAttended(Refused):
    """The component has an incident that is being attended, `number`, and can have no second one."""

    def __init__(self, component: str, number: int) -> None:
        self.number = number
        super().__init__(f"{component} has incident {number} being attended: add a note to it instead")


class StepRefused(Refused):
    """The rules do not allow the step; `reason` names why and the text says what would be accepted."""

    def __init__(self, refusal: Refusal) -> None:
        self.reason = refusal.reason
        super().__init__(refusal.text)


class UnknownComponent(StepRefused):
    """An incident is reported of what nobody here knows; `near` are the known names that are most like it."""

    def __init__(self, name: str, near: Sequence[str]) -> None:
        self.near = tuple(near)
        like = f"the likest are {', '.join(near)}" if near else "none is like it"
        where = "write a component of targets.yml, or an operator or operator/type of file_loads.yml"
        super().__init__(Refusal(Reason.UNKNOWN_COMPONENT, f"{name!r} is no component; {like}: {where}"))


class Overtaken(Refused):
    """The incident is not as it was read; `since` are the events that were added to the `seen` ones."""

    def __init__(self, since: list[Event], seen: int) -> None:
        self.since, self.seen = since, seen
        changes = ", ".join(f"{event.kind.value} ({event.author})" for event in since)
        what = f"changed meanwhile: {changes}" if since else f"has fewer than {seen} events"
        super().__init__(f"the incident {what}; look at it again")


@dataclass(frozen=True)
class Report:
    """What somebody reports by telephone, mail or Mesa de Partes. `detected_at` is UTC, `message` a mail's number."""

    kind: Kind
    component: str
    service: str
    title: str
    severity: Severity
    suspected: Responsible
    channel: str
    detected_at: datetime
    message: int | None = None


def advance(engine: Engine, number: int, step: Step, actor: Actor, now: datetime, seen: int | None = None) -> Event:
    """Record one step, as `take_step` does, in a transaction of its own; raises StoreUnavailable if it could not."""
    return in_transaction(engine, lambda connection: take_step(connection, number, step, actor, now, seen))


def take_step(
    connection: Connection, number: int, step: Step, actor: Actor, now: datetime, seen: int | None = None
) -> Event:
    """Add one step to an incident, with the notices that it calls for. `seen` is how many events the actor had before
    them, None to take it as it is.

    Raises NoSuchIncident, StepRefused when the rules do not allow the step, Overtaken when somebody was faster.
    """
    row = connection.execute(select(IncidentRow.version, IncidentRow.kind).where(IncidentRow.id == number)).first()
    if row is None:
        raise NoSuchIncident(number)
    past = history(connection, number)
    if seen is not None and seen != len(past):
        raise Overtaken(past[seen:], seen)
    firing = firing_alerts(connection, number) if step.kind in ENDING else ()
    decision = decide(past, Kind(row.kind), step, actor, now, firing)
    if isinstance(decision, Refusal):
        raise StepRefused(decision)
    append(connection, number, [decision])
    project(connection, number, row.version, [*past, decision])
    note_outage(connection, number, [*past, decision])
    write_due(connection, number, past, decision, Kind(row.kind), now)
    return decision


def register(engine: Engine, report: Report, actor: Actor, now: datetime, known: Subjects = ANYTHING) -> int:
    """Record what was reported by hand, as `open_reported` does, in a transaction of its own."""
    return in_transaction(engine, lambda connection: open_reported(connection, report, actor, now, known))


def open_reported(
    connection: Connection, report: Report, actor: Actor, now: datetime, known: Subjects = ANYTHING
) -> int:
    """Record what was reported by hand; returns the new incident's number. A service that was not said is that of the
    component.

    Raises StepRefused for a role that may not and for a time in the future, UnknownComponent for an incident of what
    is not `known` and had none before, BeingAttended when the component has an incident already.
    """
    if refusal := decide_report(report.detected_at, actor, now):
        raise StepRefused(refusal)
    if report.kind is Kind.INCIDENT and not known.knows(report.component) and not _had(connection, report.component):
        raise UnknownComponent(report.component, known.near(report.component))
    report = replace(report, service=known.service(report.component, report.service))
    events = _registered(report, actor, now)
    opened = fold(events)
    attended = report.kind is Kind.INCIDENT and opened.state in ATTENDED
    if attended and (others := open_incidents(connection, {report.component})):
        raise BeingAttended(report.component, others[report.component])
    number: int = connection.execute(
        insert(IncidentRow)
        .values(
            component=report.component,
            open_component=report.component if attended else None,
            kind=report.kind.value,
            service=report.service,
            title=report.title,
            state=opened.state.value,
            severity=opened.severity.value,
            responsible=opened.responsible.value,
            detected_at=report.detected_at,
            version=1,
        )
        .returning(IncidentRow.id)
    ).scalar_one()
    append(connection, number, events)
    return number


def _had(connection: Connection, component: str) -> bool:
    """Whether it had an incident: alerts are also about what is watched by others."""
    before = exists().where(IncidentRow.component == component, IncidentRow.kind == Kind.INCIDENT.value)
    return bool(connection.execute(select(before)).scalar())


def _registered(report: Report, actor: Actor, now: datetime) -> list[Event]:
    def event(kind: EventKind, at: datetime, details: Mapping[str, str] | None = None) -> Event:
        return Event(kind, at, now, actor.name, details or {})

    source = {} if report.message is None else {"message": str(report.message)}
    return [
        *([event(EventKind.FAULT_BEGAN, report.detected_at)] if report.kind is Kind.INCIDENT else []),
        event(EventKind.DETECTED, report.detected_at),
        event(EventKind.RECORDED, now, {"channel": report.channel, **source}),
        event(EventKind.SEVERITY_SET, now, {"severity": report.severity.value}),
        event(EventKind.SUSPECTED, now, {"responsible": report.suspected.value, "evidence": report.channel}),
    ]
