"""Evidence in the store: which openings still want theirs, and writing it with the suspicion that follows from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, or_, select

from incident_store.blobs import get, put_bytes
from incident_store.domain.attribution import Attribution, attribute
from incident_store.domain.episodes import Episode
from incident_store.domain.incidents import MONITORING, SETS_RESPONSIBLE, Event, Kind, corrected, first_of
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import SlaPolicy
from incident_store.episode_rows import episodes_of_incident
from incident_store.incident_rows import append, history, project
from incident_store.models import EventRow, IncidentRow
from incident_store.queries import ENDED
from incident_store.snapshots import Snapshot
from incident_store.transactions import in_transaction

BATCH = 50
LONGEST_LIST = 1000
"""Characters of a list of components in an event; the document has them all."""


@dataclass(frozen=True)
class Opening:
    """An opening, or reopening, of an incident without evidence; `place` counts them from 0. `episode` opened it."""

    number: int
    place: int
    component: str
    moment: datetime
    episode: Episode | None


def wanting(connection: Connection, since: datetime) -> list[Opening]:
    """The openings without evidence of incidents that are open or were detected after `since`, the oldest first."""
    found = connection.execute(_wanting(since))
    return [_opening(connection, row.id, row.component) for row in found]


def _wanting(since: datetime) -> Select[int, str]:
    openings = _count(EventKind.RECORDED, EventKind.REOPENED)
    recent = or_(IncidentRow.state.not_in(ENDED), IncidentRow.detected_at > since)
    query = select(IncidentRow.id, IncidentRow.component).where(recent, IncidentRow.kind == Kind.INCIDENT.value)
    return query.where(openings > _count(EventKind.EVIDENCE_TAKEN)).order_by(IncidentRow.id).limit(BATCH)


def _count(*kinds: EventKind) -> Any:
    of_kind = EventRow.kind.in_([kind.value for kind in kinds])
    counted = select(func.count()).where(EventRow.incident_id == IncidentRow.id, of_kind)
    return counted.correlate(IncidentRow).scalar_subquery()


def _opening(connection: Connection, number: int, component: str) -> Opening:
    events, episodes = history(connection, number), episodes_of_incident(connection, number)
    place = sum(event.kind is EventKind.EVIDENCE_TAKEN for event in events)
    moment = _moments(events)[place]
    return Opening(number, place, component, moment, _opened_by(episodes, moment, reopened=place > 0))


def _opened_by(episodes: Sequence[Episode], moment: datetime, *, reopened: bool) -> Episode | None:
    """The alert behind an opening, the first of all, or behind a reopening, the last that had begun by then."""
    began = [one for one in episodes if one.started_at <= moment]
    if reopened and began:
        return max(began, key=lambda one: (one.started_at, one.fingerprint))
    return first_of(episodes) if episodes else None


def _moments(events: Sequence[Event]) -> list[datetime]:
    """When the incident opened and each time it reopened; the detection with its corrections."""
    effective = corrected(events)
    detected = [event.at for event in effective if event.kind is EventKind.DETECTED]
    return [detected[-1], *(event.at for event in effective if event.kind is EventKind.REOPENED)]


def keep(engine: Engine, opening: Opening, snapshot: Snapshot, policy: SlaPolicy, now: datetime) -> bool:
    """Write the evidence and the suspicion that follows from it; False when somebody else did so first."""

    def write(connection: Connection) -> bool:
        row = connection.execute(select(IncidentRow.version).where(IncidentRow.id == opening.number)).one()
        past = history(connection, opening.number)
        if sum(event.kind is EventKind.EVIDENCE_TAKEN for event in past) != opening.place:
            return False
        blob = put_bytes(connection, snapshot.canonical(), now)
        added = [_taken(snapshot, blob.sha256, blob.size, now)]
        if _still_a_suspicion(past):
            added.append(_suspected(snapshot, policy, blob.sha256, now))
        append(connection, opening.number, added)
        project(connection, opening.number, row.version, [*past, *added])
        return True

    return in_transaction(engine, write)


def _taken(snapshot: Snapshot, sha256: str, size: int, now: datetime) -> Event:
    details = {"sha256": sha256, "size": str(size), "moment": snapshot.moment.isoformat()}
    if snapshot.missing:
        details["missing"] = _joined(one.part for one in snapshot.missing)
    return Event(EventKind.EVIDENCE_TAKEN, now, now, MONITORING, details)


def _still_a_suspicion(events: Sequence[Event]) -> bool:
    """Whether only the monitoring has spoken of a responsible yet: people's word stands."""
    last = next((event for event in reversed(events) if event.kind in SETS_RESPONSIBLE), None)
    return last is not None and last.author == MONITORING


def attribution_of(snapshot: Snapshot, policy: SlaPolicy) -> Attribution:
    """Who is suspected by a snapshot, and why."""
    owner = snapshot.alert.labels.get("owner", "") if snapshot.alert else ""
    owners, blind = policy.at(snapshot.moment).owners, bool(snapshot.monitor_blind)
    return attribute(snapshot.component, owner, snapshot.seen(), blind=blind, owners=owners)


def _suspected(snapshot: Snapshot, policy: SlaPolicy, sha256: str, now: datetime) -> Event:
    attribution = attribution_of(snapshot, policy)
    reasons = {one.ground.value: _joined(one.names) or "true" for one in attribution.indications}
    details = {"responsible": attribution.responsible.value, **reasons, "snapshot": sha256}
    return Event(EventKind.SUSPECTED, now, now, MONITORING, details)


def _joined(names: Iterable[str]) -> str:
    text = ", ".join(names)
    return text if len(text) <= LONGEST_LIST else f"{text[:LONGEST_LIST]}…"


def read_evidence(connection: Connection, events: Sequence[Event]) -> list[Snapshot]:
    """The documents of an incident, in order; raises Damaged when one is not what was kept."""
    taken = [event for event in events if event.kind is EventKind.EVIDENCE_TAKEN]
    return [Snapshot.model_validate_json(get(connection, event.details["sha256"])) for event in taken]
