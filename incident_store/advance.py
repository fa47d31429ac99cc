"""People's steps in the store: manual registration, and one step of an incident's life at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from groundwork.problems import Refused
from incident_store.database import StoreUnavailable
from incident_store.domain.incidents import Event, Kind, fold
from incident_store.domain.lifecycle import ATTENDED, EventKind, Role
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import Actor, Refusal, Step, decide
from incident_store.episode_rows import Conflict
from incident_store.incident_rows import append, history, project
from incident_store.models import IncidentRow


class StepRefused(Refused):
    """The rules do not allow the step; `reason` names why and the text says what would be accepted."""

    def __init__(self, refusal: Refusal) -> None:
        self.reason = refusal.reason
        super().__init__(refusal.text)


class Overtaken(Refused):
    """Somebody else changed the incident since it was read; `since` are the events that were added."""

    def __init__(self, since: list[Event]) -> None:
        self.since = since
        changes = ", ".join(f"{event.kind.value} ({event.author})" for event in since) or "its alerts"
        super().__init__(f"the incident changed meanwhile: {changes}; look at it again")


@dataclass(frozen=True)
class Report:
    """What somebody reports by telephone, mail or Mesa de Partes. `detected_at` is UTC."""

    kind: Kind
    component: str
    service: str
    title: str
    severity: Severity
    suspected: Responsible
    channel: str
    detected_at: datetime


def advance(engine: Engine, number: int, step: Step, actor: Actor, now: datetime, seen: int | None = None) -> Event:
    """Record one step. `seen` is how many events the actor had before them, None to take the incident as it is.

    Raises Refused when there is no such incident, StepRefused when the rules do not allow the step, Overtaken when
    somebody was faster, StoreUnavailable when it could not be committed.
    """
    try:
        with engine.begin() as connection:
            return _advance(connection, number, step, actor, now, seen)
    except (Conflict, IntegrityError):
        with engine.begin() as connection:
            return _advance(connection, number, step, actor, now, seen)
    except DBAPIError as error:
        raise StoreUnavailable(str(error.orig).strip()) from error


def _advance(connection: Connection, number: int, step: Step, actor: Actor, now: datetime, seen: int | None) -> Event:
    row = connection.execute(select(IncidentRow.version, IncidentRow.kind).where(IncidentRow.id == number)).first()
    if row is None:
        raise Refused(f"there is no incident {number}")
    past = history(connection, number)
    if seen is not None and seen != len(past):
        raise Overtaken(past[seen:])
    decision = decide(past, Kind(row.kind), step, actor, now)
    if isinstance(decision, Refusal):
        raise StepRefused(decision)
    append(connection, number, [decision])
    project(connection, number, row.version, [*past, decision])
    return decision


def register(engine: Engine, report: Report, actor: Actor, now: datetime) -> int:
    """Record what was reported by hand; returns the new incident's number.

    Raises Refused for a role that may not, a time in the future, and a component whose incident is being attended.
    """
    if actor.role not in {Role.ANALYST, Role.SUPERVISOR}:
        raise Refused(f"{actor.name} is {actor.role.value}: an analyst or a supervisor registers")
    if report.detected_at > now:
        raise Refused(f"{report.detected_at.isoformat()} is in the future")
    events = _registered(report, actor, now)
    opened = fold(events)
    try:
        with engine.begin() as connection:
            attended = report.kind is Kind.INCIDENT and opened.state in ATTENDED
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
    except IntegrityError as error:
        raise Refused(f"{report.component} has an incident being attended: add a note to it instead") from error
    except DBAPIError as error:
        raise StoreUnavailable(str(error.orig).strip()) from error


def _registered(report: Report, actor: Actor, now: datetime) -> list[Event]:
    def event(kind: EventKind, at: datetime, details: Mapping[str, str] | None = None) -> Event:
        return Event(kind, at, now, actor.name, details or {})

    return [
        event(EventKind.FAULT_BEGAN, report.detected_at),
        event(EventKind.DETECTED, report.detected_at),
        event(EventKind.RECORDED, now, {"channel": report.channel}),
        event(EventKind.SEVERITY_SET, now, {"severity": report.severity.value}),
        event(EventKind.SUSPECTED, now, {"responsible": report.suspected.value, "evidence": report.channel}),
    ]
