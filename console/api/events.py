"""The events of an incident over the API: its history, and one more step."""

import re

from flask import request

from console.api.cursors import address_with
from console.api.failures import overtaken
from console.api.incidents import etag, told_incident
from console.api.models import EventPage, EventQuery, EventRecorded, NewEvent
from console.api.operations import PREFIX, VERSION_TAG, Call, Nothing, Operation, Reply, invalid
from console.api.problems import Trouble
from incident_store.advance import NoSuchIncident, Overtaken, take_step
from incident_store.documents import event_json
from incident_store.domain.steps import Reason, Step
from incident_store.queries import find_incident


def list_events(call: Call[EventQuery, Nothing]) -> Reply:
    """A page of an incident's history."""
    found = find_incident(call.connection, call.place["incident"])
    if found is None:
        raise NoSuchIncident(call.place["incident"])
    events, first = found[0].events, call.query.after
    last = min(first + call.query.limit, len(events))
    told = [event_json(event, number) for number, event in enumerate(events[first:last], first + 1)]
    return Reply({"events": told, "next": address_with(after=last) if last < len(events) else None})


def record_event(call: Call[Nothing, NewEvent]) -> Reply:
    """Take one step, if the rules allow it and the incident is as the asking person saw it."""
    number, body = call.place["incident"], call.body
    matched = _version_matched()
    if matched is not None and body.seen not in (None, matched):
        raise invalid("seen", f"says another version than If-Match, which is {matched}")
    step, seen = Step(body.kind, body.at or call.now, body.details), body.seen if matched is None else matched
    try:
        event = take_step(call.connection, number, step, call.actor, call.now, seen)
    except Overtaken as error:
        raise overtaken(error, Trouble.OVERTAKEN if matched is None else Trouble.PRECONDITION_FAILED) from error
    told = told_incident(call.connection, number, call)
    location = f"{PREFIX}/incidents/{number}/events?after={told['version'] - 1}"
    value = {"event": event_json(event, told["version"]), "incident": told}
    return Reply(value, {**etag(told), "Location": location})


def _version_matched() -> int | None:
    """The version that If-Match demands, None when any will do."""
    header = request.headers.get("If-Match", "*").strip()
    if header == "*":
        return None
    if not re.fullmatch(VERSION_TAG, header):
        raise invalid("If-Match", 'must be the ETag of the incident, such as "7", or *')
    return int(header.strip('"'))


OPERATIONS = (
    Operation(
        "GET",
        "/incidents/<int:incident>/events",
        "The events of an incident, in order",
        EventPage,
        list_events,
        query=EventQuery,
    ),
    Operation(
        "POST",
        "/incidents/<int:incident>/events",
        "Take one step of an incident's life",
        EventRecorded,
        record_event,
        body=NewEvent,
        refusals=(*Reason, Trouble.OVERTAKEN, Trouble.PRECONDITION_FAILED),
        headers={"ETag": "the incident's new version", "Location": "the event's address"},
    ),
)
