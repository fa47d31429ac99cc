"""The dead-man's switch: the silence of the Watchdog is itself an incident (semantics 7)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from incident_store.domain.episodes import Episode, Notification

SILENCE = Notification(
    fingerprint="renteseg-watchdog",
    starts_at=datetime.min.replace(tzinfo=UTC),
    ends_at=None,
    labels={
        "alertname": "RentesegWatchdogSilent",
        "component": "vigilancia",
        "service": "monitoreo",
        "owner": "oti",
        "severity": "critical",
    },
    annotations={"summary": "La señal de vida del monitoreo no llega: la cadena de avisos está cortada"},
)
"""What the worker itself says; Alertmanager knows nothing of it, so polling says nothing about it either."""

MISSED = 2
"""So many intervals without a sign of life are silence."""


def judge_heartbeat(
    last: datetime, listening_since: datetime, known: Episode | None, interval: timedelta, now: datetime
) -> Notification | None:
    """What the age of the last sign of life adds to the latest known silence; None when it adds nothing.

    `listening_since` is when this worker began: a silence that nobody could have heard the end of is not counted.
    Two workers with the same `last` say the same. The silence is proven for as long as it took to call it one, so that
    one that follows a single sign of life goes on.
    """
    if known is not None and known.ended_at is None:
        return None if last <= known.started_at else replace(SILENCE, starts_at=known.started_at, ends_at=last)
    if now - max(last, listening_since) < MISSED * interval:
        return None
    return replace(SILENCE, starts_at=last, seen_at=last + MISSED * interval)
