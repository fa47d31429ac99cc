"""Short ways to say what tests need: times, alerts, bodies, policies."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from incident_store.append_only import APPEND_ONLY, allow_changes, refuse_changes
from incident_store.domain.episodes import Notification
from incident_store.domain.policies import SlaPolicy
from incident_store.policy_file import read_policy

ROOT = Path(__file__).resolve().parent.parent
NOON = datetime(2026, 10, 5, 17, 0, tzinfo=UTC)
"""Monday 5 October 2026, 12:00 in Lima."""


def at(minutes: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def shipped_policy() -> SlaPolicy:
    """The policy of the shipped `sla.yml`."""
    return read_policy(ROOT / "config")


PORTAL_DOWN = {
    "alertname": "RentesegComponentDown",
    "component": "portal-web",
    "service": "consulta",
    "owner": "provider",
    "severity": "critical",
}


def firing(start: float, labels: Mapping[str, str] = PORTAL_DOWN, fingerprint: str = "f1") -> Notification:
    """A firing alert that started so many minutes after noon."""
    return Notification(fingerprint, at(start), None, labels, {"summary": "portal-web no responde"})


def resolved(
    start: float, end: float, labels: Mapping[str, str] = PORTAL_DOWN, fingerprint: str = "f1"
) -> Notification:
    """A resolved alert, both times in minutes after noon."""
    return Notification(fingerprint, at(start), at(end), labels, {"summary": "portal-web no responde"})


def seen(start: float, until: float, labels: Mapping[str, str] = PORTAL_DOWN, fingerprint: str = "f1") -> Notification:
    """An alert that polling found active at `until`; times in minutes after noon."""
    return replace(firing(start, labels, fingerprint), seen_at=at(until))


def gone(start: float, missed: float, labels: Mapping[str, str] = PORTAL_DOWN, fingerprint: str = "f1") -> Notification:
    """An alert that polling missed at `missed`; times in minutes after noon."""
    return replace(firing(start, labels, fingerprint), gone_at=at(missed))


def alert_body(*alerts: Mapping[str, Any], **fields: Any) -> bytes:
    """A delivery as Alertmanager posts it."""
    return json.dumps(
        {
            "version": "4",
            "groupKey": '{}:{alertname="RentesegComponentDown"}',
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "incidencias",
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.example",
            "alerts": list(alerts),
            **fields,
        }
    ).encode()


def alert(
    start: float = 0, end: float | None = None, labels: Mapping[str, str] = PORTAL_DOWN, **fields: Any
) -> dict[str, Any]:
    """One alert of a delivery; resolved when it has an end (minutes after noon)."""
    return {
        "status": "firing" if end is None else "resolved",
        "labels": dict(labels),
        "annotations": {"summary": "portal-web no responde"},
        "startsAt": at(start).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z" if end is None else at(end).isoformat(),
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": "f1",
        **fields,
    }


def tamper(engine: Engine, *statements: str) -> None:
    """Do what the triggers refuse, as somebody does who rules over the database."""
    with engine.begin() as connection:
        for table in APPEND_ONLY:
            allow_changes(connection, table)
        for statement in statements:
            connection.execute(text(statement))
        for table in APPEND_ONLY:
            refuse_changes(connection, table)
