"""Confirmed outages and what they left owed, in the store.

A closing that confirms an outage leaves a row here in its own transaction; the worker lists later what is owed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, insert, select, update

from incident_store.domain.incidents import MONITORING, Event, fold
from incident_store.domain.intervals import Interval
from incident_store.domain.notices import NoticeKind
from incident_store.domain.policies import SlaPolicy
from incident_store.domain.regularisations import (
    Load,
    OwedLoad,
    Regularisation,
    confirms_outage,
    due_at,
    opening_events,
    outage_of,
    regularised,
)
from incident_store.incident_rows import append, history, project
from incident_store.models import ConfirmedOutageRow, IncidentRow, RegularisationRow
from incident_store.outbox import post


@dataclass(frozen=True)
class ConfirmedOutage:
    """An outage that a closing confirmed: of which incident, from when to when, and when that was closed."""

    identity: int
    incident: int
    span: Interval
    closed_at: datetime


def note_outage(connection: Connection, number: int, events: Sequence[Event]) -> None:
    """Leave the outage that the last of these events, a closing, confirmed to be listed."""
    span = outage_of(fold(events))
    if confirms_outage(events[-1]) and span is not None:
        connection.execute(
            insert(ConfirmedOutageRow).values(
                incident_id=number, starts_at=span.start, ends_at=span.end, closed_at=events[-1].at, listed=False
            )
        )


def unlisted_outages(connection: Connection) -> list[ConfirmedOutage]:
    """The confirmed outages whose owed loads nobody has listed yet."""
    return _outages(connection, _OUTAGES.where(ConfirmedOutageRow.listed.is_(False)))


def owing_outages(connection: Connection) -> list[ConfirmedOutage]:
    """The outages of which some load is still owed."""
    owing = exists().where(
        RegularisationRow.outage_id == ConfirmedOutageRow.id, RegularisationRow.processed_at.is_(None)
    )
    return _outages(connection, _OUTAGES.where(owing))


_OUTAGES = select(*ConfirmedOutageRow.__table__.c).order_by(ConfirmedOutageRow.id)


def _outages(connection: Connection, query: Select[Any]) -> list[ConfirmedOutage]:
    return [
        ConfirmedOutage(row.id, row.incident_id, Interval(row.starts_at, row.ends_at), row.closed_at)
        for row in connection.execute(query)
    ]


def list_owed(
    connection: Connection, outage: ConfirmedOutage, owed: Sequence[OwedLoad], policy: SlaPolicy, now: datetime
) -> bool:
    """Open the regularisations of an outage and tell it in its incident's chain; False when another worker did."""
    mark = update(ConfirmedOutageRow).where(
        ConfirmedOutageRow.id == outage.identity, ConfirmedOutageRow.listed.is_(False)
    )
    if connection.execute(mark.values(listed=True)).rowcount != 1:
        return False
    known = {one.load for one in of_incident(connection, outage.incident)}
    fresh = [one for one in owed if one.owed and one.load not in known]
    due = due_at(policy.at(outage.closed_at), outage.closed_at)
    if fresh:
        connection.execute(insert(RegularisationRow), [_values(outage, one, due) for one in fresh])
    _tell(connection, outage.incident, opening_events(fresh, due, now))
    _write_notices(connection, outage, fresh, due, now)
    return True


def _write_notices(
    connection: Connection, outage: ConfirmedOutage, owed: Sequence[OwedLoad], due: datetime, now: datetime
) -> None:
    """A notice to each operator of what it owes itself (activity 9)."""
    by_operator: dict[str, list[str]] = defaultdict(list)
    for one in owed:
        if one.processed_at is None:
            by_operator[one.load.operator].append(f"{one.load.file_type} {one.load.data_day.isoformat()}")
    for operator, loads in by_operator.items():
        facts = {"operator": operator, "loads": loads, "until": due.isoformat()}
        key = f"outage:{outage.identity}:{operator}"
        post(connection, NoticeKind.REGULARISATION, MONITORING, now, incident=outage.incident, facts=facts, key=key)


def _values(outage: ConfirmedOutage, owed: OwedLoad, due: datetime) -> dict[str, Any]:
    return {
        "outage_id": outage.identity,
        "incident_id": outage.incident,
        "operator": owed.load.operator,
        "file_type": owed.load.file_type,
        "data_day": owed.load.data_day.isoformat(),
        "due_at": due,
        "processed_at": owed.processed_at,
    }


def close_processed(connection: Connection, outage: ConfirmedOutage, owed: Iterable[OwedLoad], now: datetime) -> int:
    """Close the regularisations of an outage whose load was processed; returns how many were."""
    processed = {one.load: one.processed_at for one in owed if one.processed_at is not None}
    waiting = _BY_LOAD.where(RegularisationRow.outage_id == outage.identity, RegularisationRow.processed_at.is_(None))
    done = [(row, at) for row in connection.execute(waiting).all() if (at := processed.get(_load(row)))]
    for row, at in done:
        connection.execute(update(RegularisationRow).where(RegularisationRow.id == row.id).values(processed_at=at))
    if done:
        _tell(connection, outage.incident, [regularised(_load(row), at, now) for row, at in done])
    return len(done)


def _tell(connection: Connection, number: int, events: Sequence[Event]) -> None:
    """Add to an incident's chain; raises Conflict when somebody else changed the incident meanwhile."""
    version = connection.execute(select(IncidentRow.version).where(IncidentRow.id == number)).scalar_one()
    past = history(connection, number)
    append(connection, number, events)
    project(connection, number, version, [*past, *events])


_BY_LOAD = select(*RegularisationRow.__table__.c).order_by(
    RegularisationRow.due_at, RegularisationRow.operator, RegularisationRow.file_type, RegularisationRow.data_day
)


def of_incident(connection: Connection, number: int) -> list[Regularisation]:
    """What an incident left owed, also what was processed since."""
    query = _BY_LOAD.where(RegularisationRow.incident_id == number)
    return [_regularisation(row) for row in connection.execute(query)]


def open_regularisations(connection: Connection) -> list[Regularisation]:
    """What is still owed, the earliest due first."""
    query = _BY_LOAD.where(RegularisationRow.processed_at.is_(None))
    return [_regularisation(row) for row in connection.execute(query)]


def lines_ever_owed(connection: Connection) -> set[tuple[str, str]]:
    """Every operator and file type of which something was owed once."""
    rows = connection.execute(select(RegularisationRow.operator, RegularisationRow.file_type).distinct())
    return {(row.operator, row.file_type) for row in rows}


def _regularisation(row: Row[Any]) -> Regularisation:
    return Regularisation(row.incident_id, _load(row), row.due_at, row.processed_at)


def _load(row: Row[Any]) -> Load:
    return Load(row.operator, row.file_type, date.fromisoformat(row.data_day))
