"""Writes deliveries into the store: one transaction each, safe with any number of writers at once.

No locks are taken by hand. Unique constraints say that a fingerprint has one latest episode and a component one open
incident; versions say that nobody changed a row since it was read. Whoever loses starts again.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from incident_store.deliveries import keep_body
from incident_store.domain.episodes import Episode, Notification, take_in
from incident_store.domain.incidents import subject
from incident_store.domain.policies import SlaPolicy
from incident_store.episode_rows import (
    Known,
    Stored,
    delete_episode,
    insert_episodes,
    load_known,
    update_episodes,
)
from incident_store.incident_files import file_away
from incident_store.incident_rows import UnreadableEvent
from incident_store.quarantine import Rejected, quarantine
from incident_store.repeats import Met, met
from incident_store.signals import Signal, send_signal
from incident_store.transactions import Unstorable, in_transaction

UNSTORABLE = "unstorable"
"""The reason for quarantine of an alert that was understood and could not be stored."""


AT_ONCE = 500
"""Alerts of one delivery that are held in memory with all their rows; a longer one goes in parts of one transaction."""


@dataclass(frozen=True)
class Recorded:
    """What one delivery did. `incidents` are the numbers of those it touched; `met` is set when it changed nothing."""

    accepted: int
    duplicates: int
    quarantined: int
    incidents: tuple[int, ...]
    met: Met | None = None


def record(
    engine: Engine,
    notifications: Sequence[Notification],
    rejected: Sequence[Rejected],
    policy: SlaPolicy,
    now: datetime,
    *,
    body: bytes | None = None,
    signals: Sequence[Signal] = (),
) -> Recorded:
    """Commit what a delivery says and what could not be understood of it; raises StoreUnavailable if it could not.

    `body` is kept when it said something new; `signals` are noted with it.
    An alert that the store cannot hold goes to quarantine, and its siblings are recorded (semantics 5).
    """
    try:
        return _commit(engine, notifications, rejected, policy, now, body=body, signals=signals)
    except (Unstorable, ValueError, OverflowError) as error:
        if len(notifications) > 1:
            parts = [record(engine, [one], [], policy, now) for one in notifications]
            return _sum([*parts, _commit(engine, [], rejected, policy, now, body=body, signals=signals)])
        refused = [_unstorable(one, error) for one in notifications]
        return _commit(engine, [], [*rejected, *refused], policy, now, body=body, signals=signals)


def _unstorable(notification: Notification, error: Exception) -> Rejected:
    body = {
        "status": "firing" if notification.ends_at is None else "resolved",
        "labels": dict(notification.labels),
        "annotations": dict(notification.annotations),
        "startsAt": notification.starts_at.isoformat(),
        "endsAt": notification.ends_at and notification.ends_at.isoformat(),
        "fingerprint": notification.fingerprint,
    }
    why = str(error) if isinstance(error, UnreadableEvent) else type(error).__name__
    return Rejected(UNSTORABLE, f"the store cannot hold it: {why}", json.dumps(body).encode())


def _sum(parts: Sequence[Recorded]) -> Recorded:
    return Recorded(
        accepted=sum(part.accepted for part in parts),
        duplicates=sum(part.duplicates for part in parts),
        quarantined=sum(part.quarantined for part in parts),
        incidents=tuple(sorted({number for part in parts for number in part.incidents})),
    )


def _commit(
    engine: Engine,
    notifications: Sequence[Notification],
    rejected: Sequence[Rejected],
    policy: SlaPolicy,
    now: datetime,
    *,
    body: bytes | None = None,
    signals: Sequence[Signal] = (),
) -> Recorded:
    def write(connection: Connection) -> Recorded:
        recorded = _apply(connection, notifications, rejected, policy, now)
        if body is not None and (recorded.accepted or recorded.quarantined):
            keep_body(connection, body, now)
        for signal in signals:
            send_signal(connection, signal, now)
        return recorded

    return in_transaction(engine, write)


def _apply(
    connection: Connection,
    notifications: Sequence[Notification],
    rejected: Sequence[Rejected],
    policy: SlaPolicy,
    now: datetime,
) -> Recorded:
    for entry in rejected:
        quarantine(connection, entry, now)
    if len(notifications) <= AT_ONCE:
        return replace(_take(connection, notifications, policy, now), quarantined=len(rejected))
    # An incident all of whose alerts are in one part is read and written once.
    ordered = sorted(notifications, key=lambda notification: subject(notification.labels))
    parts = (ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE))
    taken = _sum([_take(connection, part, policy, now) for part in parts])
    return replace(taken, quarantined=len(rejected))


def _take(connection: Connection, notifications: Sequence[Notification], policy: SlaPolicy, now: datetime) -> Recorded:
    known = load_known(connection, notifications)
    duplicates = 0
    absorbed: set[int] = set()
    for notification in notifications:
        episodes = known.by_fingerprint[notification.fingerprint]
        intake = take_in(episodes, notification)
        duplicates += intake.episodes == episodes
        absorbed |= {episode.identity for episode in intake.absorbed if episode.identity is not None}
        known.by_fingerprint[notification.fingerprint] = intake.episodes
    if notifications and duplicates == len(notifications):
        return Recorded(0, duplicates, 0, (), _met(duplicates, known))
    touched = _write(connection, known, absorbed, policy, now)
    return Recorded(len(notifications) - duplicates, duplicates, 0, tuple(sorted(touched)))


def _met(alerts: int, known: Known) -> Met | None:
    """The episodes of a delivery that changed nothing; None when some are not the latest: others may come between."""
    stored = known.stored.values()
    versions = sum(one.version for one in stored)
    return met(alerts, known.stored, versions) if all(one.latest for one in stored) else None


def _write(connection: Connection, known: Known, absorbed: Iterable[int], policy: SlaPolicy, now: datetime) -> set[int]:
    """Bring the stored episodes and their incidents in line; returns the numbers of the incidents touched."""
    final = [(episode, episode is episodes[-1]) for episodes in known.by_fingerprint.values() for episode in episodes]
    gone = [known.stored[identity] for identity in sorted(absorbed)]
    for stored in gone:
        delete_episode(connection, stored)
    changed = [
        (episode, latest, known.stored[episode.identity])
        for episode, latest in final
        if episode.identity is not None and _differs(known.stored[episode.identity], episode, latest)
    ]
    update_episodes(connection, [(episode, latest, stored.version) for episode, latest, stored in changed])
    fresh = [(episode, latest) for episode, latest in final if episode.identity is None]
    touched = {stored.incident for stored in gone} | {stored.incident for _, _, stored in changed}
    if not (touched or fresh):
        return set()
    numbers, filed = file_away(connection, touched, [episode for episode, _ in fresh], policy, now)
    insert_episodes(connection, [(episode, latest, numbers[subject(episode.labels)]) for episode, latest in fresh])
    return filed


def _differs(stored: Stored, episode: Episode, latest: bool) -> bool:
    return (stored.episode, stored.latest) != (episode, latest)
