"""Incidents over the API: lists, one incident, and what is reported by hand."""

from typing import Any

from sqlalchemy import Connection

from console.api.cursors import address_with, cursor_after, read_cursor
from console.api.models import IncidentPage, IncidentQuery, IncidentTold, NewIncident
from console.api.operations import PREFIX, Call, Nothing, Operation, Reply
from console.api.problems import Trouble
from console.desk import desk
from incident_store.advance import NoSuchIncident, Report, open_reported
from incident_store.attachments import attachments
from incident_store.documents import attachment_json, incident_json, regularisation_json
from incident_store.domain.incidents import Kind
from incident_store.domain.step_details import needed
from incident_store.domain.steps import Reason, allowed
from incident_store.queries import Wanted, find_incident, search_incidents
from incident_store.regularisations import of_incident


def list_incidents(call: Call[IncidentQuery, Nothing]) -> Reply:
    """A page of the incidents that match."""
    query = call.query
    wanted = Wanted(
        states=query.state,
        is_open=query.open,
        kinds=query.kind,
        severities=query.severity,
        responsibles=query.responsible,
        component=query.component,
        text=query.text,
    )
    before = None if query.cursor is None else read_cursor(query.cursor)
    found = search_incidents(call.connection, wanted, before=before, limit=query.limit + 1)
    page = found[: query.limit]
    following = address_with(cursor=cursor_after(page[-1].number)) if len(found) > len(page) else None
    told = [incident_json(record, None, desk().policy, call.now) for record in page]
    return Reply({"incidents": told, "next": following})


def show_incident(call: Call[Nothing, Nothing]) -> Reply:
    """One incident as the asking person may act on it."""
    told = told_incident(call.connection, call.place["incident"], call)
    return Reply(told, etag(told))


def report_incident(call: Call[Nothing, NewIncident]) -> Reply:
    """Record what was reported by hand."""
    given = call.body
    report = Report(
        kind=given.kind,
        component=given.component,
        service=given.service,
        title=given.title,
        severity=given.severity,
        suspected=given.responsible,
        channel=given.channel,
        detected_at=given.detected_at or call.now,
    )
    number = open_reported(call.connection, report, call.actor, call.now, desk().subjects())
    told = told_incident(call.connection, number, call)
    return Reply(told, {**etag(told), "Location": f"{PREFIX}/incidents/{number}"})


def told_incident(connection: Connection, number: int, call: Call[Any, Any]) -> dict[str, Any]:
    """An incident with its episodes and the steps that are open to the asking person; raises NoSuchIncident."""
    found = find_incident(connection, number)
    if found is None:
        raise NoSuchIncident(number)
    record, episodes = found
    kind = Kind(record.kind)
    steps = allowed(record.events, kind, call.actor.role)
    return {
        **incident_json(record, episodes, desk().policy, call.now),
        "attachments": [attachment_json(one) for one in attachments(record.events)],
        "regularisations": [regularisation_json(one, call.now) for one in of_incident(connection, number)],
        "allowed": [{"kind": step.value, "needs": list(needed(step, kind))} for step in steps],
    }


def etag(told: dict[str, Any]) -> dict[str, str]:
    """The header that names the incident's version."""
    return {"ETag": f'"{told["version"]}"'}


OPERATIONS = (
    Operation("GET", "/incidents", "Incidents, newest first", IncidentPage, list_incidents, query=IncidentQuery),
    Operation(
        "POST",
        "/incidents",
        "Register an incidencia or a consulta by hand",
        IncidentTold,
        report_incident,
        body=NewIncident,
        refusals=(Reason.WRONG_ROLE, Trouble.BEING_ATTENDED, Reason.FUTURE, Reason.UNKNOWN_COMPONENT),
        headers={"ETag": "its version", "Location": "its address"},
    ),
    Operation(
        "GET",
        "/incidents/<int:incident>",
        "One incident: facts, times, clocks, alerts, and the steps open to you",
        IncidentTold,
        show_incident,
        headers={"ETag": "its version"},
    ),
)
