"""The tables that hold chains of events: what a checkpoint seals and the audit reads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Row, Table

from incident_store.domain import incidents, maintenance
from incident_store.domain.lifecycle import EventKind
from incident_store.incident_rows import event_of
from incident_store.maintenance import window_event_of
from incident_store.models import EventRow, IncidentRow, MaintenanceEventRow, MaintenanceWindowRow


@dataclass(frozen=True)
class Chains:
    """Chains of one kind: `of` says what each is of, `owner` is the column of its number, `seal` a row's due hash;
    `with_files` are the kinds of events whose details name the SHA-256 of bytes that are kept."""

    of: str
    events: Table
    owner: str
    parents: Table
    seal: Callable[[str, int, Row[Any]], str]
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


def _chains(
    of: str, events: Any, owner: str, parents: Any, seal: Callable[[str, int, Row[Any]], str], *with_files: EventKind
) -> Chains:
    return Chains(of, events.__table__, owner, parents.__table__, seal, tuple(kind.value for kind in with_files))


FILES = (EventKind.ATTACHED, EventKind.EVIDENCE_TAKEN)

CHAINS = (
    _chains("incident", EventRow, "incident_id", IncidentRow, seal_of_row, *FILES),
    _chains("maintenance window", MaintenanceEventRow, "window_id", MaintenanceWindowRow, seal_of_window),
)
