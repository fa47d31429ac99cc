"""The queue of incidents, what burns first on top, and one incident."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from console.desk import desk
from console.incident_filters import WORDS, Filters, View, read_filters
from console.incident_page import incident_page
from incident_store.database import reading
from incident_store.domain.incident_clocks import Clock, read_clocks
from incident_store.domain.incidents import Incident, Kind
from incident_store.domain.lifecycle import State
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import REGISTERING
from incident_store.domain.urgency import Urgency, urgency
from incident_store.given import LARGEST_NUMBER
from incident_store.queries import IncidentRecord, search_incidents

incident_pages = Blueprint("incidents", __name__)

MOST_OPEN = 500
"""Open incidents that are put in order of urgency; of more, the newest."""
AT_ONCE = 50


@dataclass(frozen=True)
class Line:
    """One incident in the queue."""

    record: IncidentRecord
    incident: Incident
    clocks: dict[str, Clock]
    urgency: Urgency


@incident_pages.get("/")
@login_required  # type: ignore[untyped-decorator]
def home() -> Response:
    """Where the day begins."""
    return redirect(url_for("operation.operation"))


@incident_pages.get("/incidencias")
@login_required  # type: ignore[untyped-decorator]
def incidents() -> str:
    """The queue: what is open by urgency, anything else newest first; filters live in the address."""
    now = datetime.now(UTC)
    filters = read_filters(request.args)
    by_urgency = filters.view is View.OPEN
    limit = MOST_OPEN if by_urgency else AT_ONCE + 1
    with reading(desk().engine).connect() as connection:
        before = None if by_urgency else filters.before
        records = search_incidents(connection, filters.wanted(), before=before, limit=limit)
    lines = [_line(record, now) for record in records]
    if by_urgency:
        lines.sort(key=lambda line: line.urgency.key)
    following = None if by_urgency or len(lines) <= AT_ONCE else lines[AT_ONCE - 1].record.number
    return render_template(
        "incidents.html",
        lines=lines if by_urgency else lines[:AT_ONCE],
        filters=filters,
        following=address(replace(filters, before=following)) if following else None,
        full=by_urgency and len(lines) == MOST_OPEN,
        choices=_CHOICES,
        address=address,
        views=View,
        replace=replace,
        may_register=current_user.role in REGISTERING,
    )


@incident_pages.get("/incidencias/<int:number>")
@login_required  # type: ignore[untyped-decorator]
def incident(number: int) -> str:
    """One incident: its facts, clocks, alerts, files, events, and what this person may do now."""
    return incident_page(number) if number <= LARGEST_NUMBER else abort(404)


def address(filters: Filters) -> str:
    """The queue's address with these filters."""
    words = {word: getattr(filters, name) for name, (word, _) in WORDS.items()}
    return url_for("incidents.incidents", **{word: value for word, value in words.items() if value})


def _line(record: IncidentRecord, now: datetime) -> Line:
    found, clocks = record.incident, read_clocks(record.events, desk().policy, now)
    return Line(record, found, _by_name(clocks), urgency(clocks, found.severity))


def _by_name(clocks: Sequence[Clock]) -> dict[str, Clock]:
    return {clock.name.value: clock for clock in clocks}


_CHOICES = {"estado": State, "tipo": Kind, "criticidad": Severity, "responsable": Responsible}
