"""The incidents, and one incident."""

from collections.abc import Sequence
from datetime import UTC, datetime

from flask import Blueprint, abort, render_template
from flask_login import login_required

from console.desk import desk
from incident_store.database import reading
from incident_store.domain.incident_clocks import Clock, read_clocks
from incident_store.queries import find_incident, list_incidents

incident_pages = Blueprint("incidents", __name__)


@incident_pages.get("/")
@login_required  # type: ignore[untyped-decorator]
def incidents() -> str:
    """The newest incidents with their clocks."""
    now = datetime.now(UTC)
    with reading(desk().engine).connect() as connection:
        records = list_incidents(connection, limit=200)
    policy = desk().policy
    rows = [(record, record.incident, _by_name(read_clocks(record.events, policy, now))) for record in records]
    return render_template("incidents.html", rows=rows, now=now)


@incident_pages.get("/incidencias/<int:number>")
@login_required  # type: ignore[untyped-decorator]
def incident(number: int) -> str:
    """One incident: its facts, clocks, alerts and events."""
    now = datetime.now(UTC)
    with reading(desk().engine).connect() as connection:
        found = find_incident(connection, number)
    if found is None:
        abort(404)
    record, episodes = found
    clocks = read_clocks(record.events, desk().policy, now)
    return render_template(
        "incident.html", record=record, incident=record.incident, episodes=episodes, clocks=clocks, now=now
    )


def _by_name(clocks: Sequence[Clock]) -> dict[str, Clock]:
    return {clock.name.value: clock for clock in clocks}
