"""Incidents, windows and regularisations as plain JSON values, the same on the command line and in the API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from incident_store.attachments import Attachment
from incident_store.clock_lines import render_reading, seconds, utc_text
from incident_store.domain.episodes import Episode
from incident_store.domain.incident_clocks import Clock, EarlierDue, earlier_dues, read_clocks
from incident_store.domain.incidents import Event
from incident_store.domain.maintenance import Window, WindowEvent
from incident_store.domain.policies import SlaPolicy
from incident_store.domain.regularisations import Regularisation
from incident_store.queries import IncidentRecord


def incident_json(
    record: IncidentRecord, episodes: Sequence[Episode] | None, policy: SlaPolicy, now: datetime
) -> dict[str, Any]:
    """An incident as plain JSON values; episodes and events only when `episodes` is given."""
    incident, clocks = record.incident, read_clocks(record.events, policy, now)
    document: dict[str, Any] = {
        "incident": record.number,
        "version": len(record.events),
        "component": record.component,
        "service": record.service,
        "kind": record.kind,
        "title": record.title,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "responsible": incident.responsible.value,
        "validated": incident.validated,
        "times": {kind.value: utc_text(at) for kind, at in incident.times.items()},
        "proposed_restoration": incident.proposed_restoration and utc_text(incident.proposed_restoration),
        "clocks": {
            clock.name.value: {
                "target_seconds": seconds(clock.target.target),
                "contractual": clock.target.contractual,
                **render_reading(clock.reading),
            }
            for clock in clocks
        },
    }
    if episodes is not None:
        earlier = earlier_dues(record.events, policy)
        for clock in clocks:
            document["clocks"][clock.name.value] |= _shares_and_dues(clock, earlier)
        document["episodes"] = [episode_json(episode) for episode in episodes]
        document["events"] = [event_json(event, number) for number, event in enumerate(record.events, 1)]
    return document


def _shares_and_dues(clock: Clock, earlier: Sequence[EarlierDue]) -> dict[str, Any]:
    """Whose the counted time was, and when the clock was due before it was judged anew (semantics 16, 20)."""
    return {
        "seconds_by_responsible": {who.value: seconds(span) for who, span in clock.by_responsible.items()},
        "earlier_dues": [
            {
                "due": utc_text(one.due),
                "severity": one.severity.value,
                "responsible": one.responsible.value,
                "until": utc_text(one.until),
            }
            for one in earlier
            if one.clock is clock.name
        ],
    }


def episode_json(episode: Episode) -> dict[str, Any]:
    """An episode of an alert as plain JSON values."""
    return {
        "fingerprint": episode.fingerprint,
        "started_at": utc_text(episode.started_at),
        "ended_at": episode.ended_at and utc_text(episode.ended_at),
        "ended_by": episode.ended_by and episode.ended_by.value,
        "to_verify": episode.to_verify,
        "labels": dict(episode.labels),
    }


def event_json(event: Event, number: int) -> dict[str, Any]:
    """An event as plain JSON values; `number` is its place in the incident's history, from 1."""
    return {
        "number": number,
        "kind": event.kind.value,
        "at": utc_text(event.at),
        "recorded_at": utc_text(event.recorded_at),
        "author": event.author,
        "details": dict(event.details),
    }


def window_json(window: Window, now: datetime) -> dict[str, Any]:
    """A window as plain JSON values."""
    approval = window.approval
    return {
        "window": window.number,
        "components": list(window.components),
        "service": window.service,
        "from": utc_text(window.span.start),
        "to": utc_text(window.span.end),
        "reason": window.reason,
        "stage": window.stage(now).value,
        "counts": window.counts,
        "planned_by": window.planned_by,
        "planned_at": utc_text(window.planned_at),
        "approved_by": approval and approval.by,
        "approved_at": approval and utc_text(approval.at),
        "approval_reason": approval and approval.reason,
        "announced_at": window.announced_at and utc_text(window.announced_at),
        "cancelled_at": window.cancelled_at and utc_text(window.cancelled_at),
    }


def window_event_json(event: WindowEvent) -> dict[str, Any]:
    """An event of a window as plain JSON values."""
    return {
        "kind": event.kind.value,
        "recorded_at": utc_text(event.recorded_at),
        "author": event.author,
        "details": dict(event.details),
    }


def regularisation_json(one: Regularisation, now: datetime) -> dict[str, Any]:
    """A regularisation as plain JSON values."""
    return {
        "incident": one.incident,
        "operator": one.load.operator,
        "file_type": one.load.file_type,
        "data_day": one.load.data_day.isoformat(),
        "due": utc_text(one.due_at),
        "processed_at": one.processed_at and utc_text(one.processed_at),
        "standing": one.standing(now).value,
    }


def attachment_json(one: Attachment) -> dict[str, Any]:
    """A file of an incident, without its bytes, as plain JSON values."""
    return {
        "attachment": one.place,
        "name": one.name,
        "sha256": one.blob.sha256,
        "size": one.blob.size,
        "media_type": one.media_type,
        "purpose": one.purpose.value,
        "author": one.author,
        "at": utc_text(one.at),
    }
