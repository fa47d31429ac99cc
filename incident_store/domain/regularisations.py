"""Regularisations: loads that a confirmed outage left owed, until when, and what became of each (semantics 33)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from incident_store.domain.clocks import read_clock
from incident_store.domain.incidents import Event, Incident
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import Terms
from incident_store.domain.step_details import Unavailability

SEPARATOR = ", "


@dataclass(frozen=True, order=True)
class Load:
    """What an operator owes: one file type of one data day."""

    operator: str
    file_type: str
    data_day: date

    def __str__(self) -> str:
        return f"{self.operator} {self.file_type} {self.data_day.isoformat()}"


@dataclass(frozen=True)
class OwedLoad:
    """A load that an outage touched: when it was processed (None while it is not), and whether that left it owed."""

    load: Load
    processed_at: datetime | None
    owed: bool = True


class Standing(StrEnum):
    """Where a regularisation stands."""

    OPEN = "open"
    LATE = "late"
    DONE = "done"
    DONE_LATE = "done_late"


@dataclass(frozen=True)
class Regularisation:
    """A load owed because of an incident, until `due_at` included; `processed_at` closes it."""

    incident: int
    load: Load
    due_at: datetime
    processed_at: datetime | None

    def standing(self, now: datetime) -> Standing:
        """Whether it is still owed and whether it is late; processed when due is in time (as semantics 14)."""
        if self.processed_at is None:
            return Standing.LATE if now > self.due_at else Standing.OPEN
        return Standing.DONE_LATE if self.processed_at > self.due_at else Standing.DONE


def outage_of(incident: Incident) -> Interval | None:
    """The time that a restored incident took; None when its times leave none."""
    began, restored = (incident.times.get(kind) for kind in (EventKind.FAULT_BEGAN, EventKind.RESTORED))
    return None if began is None or restored is None or restored <= began else Interval(began, restored)


def confirms_outage(event: Event) -> bool:
    """Whether this closing says that the incident made the service unavailable."""
    return event.kind is EventKind.CLOSED and event.details.get("unavailability") == Unavailability.CONFIRMED


def due_at(terms: Terms, closed_at: datetime) -> datetime:
    """Until when what is owed is to be processed: counted from the closing, whenever the list of it was made."""
    agreed = terms.regularisation
    due = read_clock(agreed.calendar, agreed.target, closed_at, None, [], closed_at).due
    assert due is not None  # only a pause hides a due time
    return due


def opening_events(owed: Sequence[OwedLoad], due: datetime, now: datetime) -> list[Event]:
    """What tells an incident's chain what is owed until when, and what of it was processed already."""
    details = {"loads": SEPARATOR.join(str(one.load) for one in owed), "until": due.isoformat()}
    announced = Event(EventKind.REGULARISATION_ANNOUNCED, now, now, details=details)
    done = [regularised(one.load, one.processed_at, now) for one in owed if one.processed_at is not None]
    return [announced, *done]


def told_regularisations(incident: int, events: Iterable[Event]) -> tuple[Regularisation, ...]:
    """The regularisations that an incident's events tell of; of events up to a moment, as they stood then."""
    found: dict[Load, Regularisation] = {}
    for event in events:
        if event.kind is EventKind.REGULARISATION_ANNOUNCED:
            due = datetime.fromisoformat(event.details["until"])
            for load in filter(None, event.details["loads"].split(SEPARATOR)):
                found[_load(load)] = Regularisation(incident, _load(load), due, None)
        elif event.kind is EventKind.REGULARISED:
            load_done = _load(event.details["load"])
            found[load_done] = replace(found[load_done], processed_at=event.at)
    return tuple(found[load] for load in sorted(found))


def _load(text: str) -> Load:
    operator, file_type, day = text.rsplit(" ", 2)
    return Load(operator, file_type, date.fromisoformat(day))


def regularised(load: Load, processed_at: datetime, now: datetime) -> Event:
    """The event that closes one regularisation."""
    return Event(EventKind.REGULARISED, processed_at, now, details={"load": str(load)})


def by_line(owed: Iterable[Regularisation]) -> dict[tuple[str, str], list[Regularisation]]:
    """What is owed, by operator and file type."""
    lines: dict[tuple[str, str], list[Regularisation]] = defaultdict(list)
    for one in owed:
        lines[one.load.operator, one.load.file_type].append(one)
    return lines
