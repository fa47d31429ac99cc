"""The tables that hold chains of events: what a checkpoint seals and the audit reads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Row, Table

from incident_store.domain import incidents, maintenance
from incident_store.domain.lifecycle import EventKind
from incident_store.incident_rows import event_of
from incident_store.maintenance import window_event_of
from incident_store.models import EventRow, IncidentRow, MaintenanceEventRow, MaintenanceWindowRow
from incident_store.projections import IncidentProjections, Projections, WindowProjections


@dataclass(frozen=True)
class Chains:
    """Chains of one kind: `of` says what each is of, `owner` is the column of its number, `seal` a row's due hash,
    `projections` what other tables hold of them; `with_files` are the kinds of events whose details name the SHA-256 of
    bytes that are kept."""

    of: str
    events: Table
    owner: str
    parents: Table
    seal: Callable[[str, int, Row[Any]], str]
    projections: Callable[[Connection], Projections]
    with_files: tuple[str, ...] = ()

    @property
    def owners(self) -> Column[int]:
        """The column of the events that holds the chain's number."""
        return self.events.c[self.owner]


def seal_of_row(previous: str, number: int, row: Row[Any]) -> str:
    """The hash that this row of an incident should bear."""
    return incidents.seal(previous, number, row.sequence, event_of(row))


def seal_of_window(previous: str, number: int, row: Row[Any]) -> str:
    """The hash that this row of a maintenance window should bear."""
    return maintenance.seal(previous, number, row.sequence, window_event_of(row))


FILES = (EventKind.ATTACHED, EventKind.EVIDENCE_TAKEN)


def _table(rows: Any) -> Table:
    table: Table = rows.__table__
    return table


CHAINS = (
    Chains(
        "incident",
        _table(EventRow),
        "incident_id",
        _table(IncidentRow),
        seal_of_row,
        IncidentProjections,
        with_files=tuple(kind.value for kind in FILES),
    ),
    Chains(
        "maintenance window",
        _table(MaintenanceEventRow),
        "window_id",
        _table(MaintenanceWindowRow),
        seal_of_window,
        WindowProjections,
    ),
)
