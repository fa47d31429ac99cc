"""What the monitoring itself remarks in an incident's history, beside what its alerts say."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from incident_store.domain.incidents import Event
from incident_store.domain.lifecycle import EventKind
from incident_store.incident_rows import append, history, project
from incident_store.models import IncidentRow


def note(connection: Connection, number: int, details: Mapping[str, str], now: datetime) -> None:
    """Add a remark to an incident that exists; raises Conflict when somebody changed it meanwhile."""
    version = connection.execute(select(IncidentRow.version).where(IncidentRow.id == number)).scalar_one()
    past = history(connection, number)
    event = Event(EventKind.NOTED, now, now, details=dict(details))
    append(connection, number, [event])
    project(connection, number, version, [*past, event])
