"""Episodes in the store: what is known of a fingerprint, and writing what changed."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, bindparam, delete, or_, select

from incident_store.bulk import insert_rows, update_rows
from incident_store.domain.episodes import EndedBy, Episode, Notification
from incident_store.models import EpisodeRow

EPISODES: Table = EpisodeRow.__table__  # type: ignore[assignment]
CHUNK = 500
"""Fingerprints asked for at once."""


class Conflict(Exception):
    """Somebody else changed the same row since it was read; read again and start over."""


def episode_of(row: Row[Any]) -> Episode:
    """A row of `episodes` as a value."""
    return Episode(
        fingerprint=row.fingerprint,
        started_at=row.started_at,
        ended_at=row.ended_at,
        ended_by=EndedBy(row.ended_by) if row.ended_by else None,
        labels=row.labels,
        annotations=row.annotations,
        to_verify=row.to_verify,
        identity=row.id,
        seen_until=row.seen_until,
        gone=tuple(datetime.fromisoformat(moment) for moment in row.gone),
    )


def episodes_of_incident(connection: Connection, incident: int) -> list[Episode]:
    """All episodes of one incident, in order of start."""
    query = select(*EpisodeRow.__table__.c).where(EpisodeRow.incident_id == incident)
    return [episode_of(row) for row in connection.execute(query.order_by(EpisodeRow.started_at))]


@dataclass(frozen=True, slots=True)
class Stored:
    """An episode as it was read: whether it is its fingerprint's latest, of which incident, at which version."""

    episode: Episode
    latest: bool
    incident: int
    version: int


@dataclass
class Known:
    """The stored episodes that a delivery can meet, by fingerprint, and each as it was read."""

    by_fingerprint: dict[str, tuple[Episode, ...]]
    stored: dict[int, Stored] = field(default_factory=dict)


def load_known(connection: Connection, notifications: Sequence[Notification]) -> Known:
    """The latest episode of each fingerprint, and all of those fingerprints for which something older arrived."""
    earliest: dict[str, datetime] = {}
    for notification in notifications:
        first = earliest.get(notification.fingerprint, notification.starts_at)
        earliest[notification.fingerprint] = min(first, notification.starts_at)
    stored = _read(connection, _LATEST, earliest)
    old = {
        one.episode.fingerprint for one in stored.values() if earliest[one.episode.fingerprint] < one.episode.started_at
    }
    if old:
        stored |= _read(connection, _ALL, old)
    groups: dict[str, list[Episode]] = defaultdict(list)
    for one in sorted(stored.values(), key=lambda entry: entry.episode.started_at):
        groups[one.episode.fingerprint].append(one.episode)
    return Known({name: tuple(groups[name]) for name in earliest}, stored)


_ALL = select(EPISODES).where(EPISODES.c.fingerprint.in_(bindparam("names", expanding=True)))
_LATEST = _ALL.where(EPISODES.c.latest)


def _read(connection: Connection, query: Select[Any], fingerprints: Collection[str]) -> dict[int, Stored]:
    rows = connection.execute(query, {"names": sorted(fingerprints)})
    return {row.id: Stored(episode_of(row), row.latest, row.incident_id, row.version) for row in rows}


_UNSETTLED = select(EPISODES).where(or_(EPISODES.c.ended_at.is_(None), EPISODES.c.to_verify))


def unsettled_episodes(connection: Connection) -> list[Episode]:
    """The episodes that polling has to look at: those that are open, and those that are to be verified."""
    return [episode_of(row) for row in connection.execute(_UNSETTLED)]


def latest_episodes(connection: Connection, fingerprints: Collection[str]) -> list[Episode]:
    """The latest episode of each of these fingerprints that has one."""
    names = sorted(fingerprints)
    chunks = (names[start : start + CHUNK] for start in range(0, len(names), CHUNK))
    return [episode_of(row) for chunk in chunks for row in connection.execute(_LATEST, {"names": chunk})]


def firing_alerts(connection: Connection, incident: int) -> list[str]:
    """The names of the incident's alerts that are active."""
    active = select(EPISODES.c.labels).where(EPISODES.c.incident_id == incident, EPISODES.c.ended_at.is_(None))
    return [labels.get("alertname", "") for labels in connection.scalars(active)]


def delete_episode(connection: Connection, stored: Stored) -> None:
    """Remove an episode that turned out to be part of another; raises Conflict if somebody changed it."""
    gone = connection.execute(
        delete(EpisodeRow).where(EpisodeRow.id == stored.episode.identity, EpisodeRow.version == stored.version)
    )
    if gone.rowcount != 1:
        raise Conflict


def update_episodes(connection: Connection, changed: Sequence[tuple[Episode, bool, int]]) -> None:
    """Write episodes as they are now, each with whether it is the latest and the version at which it was read.

    Raises Conflict if one is no longer at that version. Those that cease to be the latest are written first, for a
    fingerprint has one latest.
    """
    for now_latest in (False, True):
        rows = [
            {"id": episode.identity, "version": version, "latest": latest, **_told(episode)}
            for episode, latest, version in sorted(changed, key=lambda entry: entry[0].identity or 0)
            if latest is now_latest
        ]
        if update_rows(connection, EPISODES, rows) != len(rows):
            raise Conflict


def insert_episodes(connection: Connection, entries: Sequence[tuple[Episode, bool, int]]) -> None:
    """Store new episodes, each with whether it is the latest and its incident's number."""
    rows = [
        {
            "fingerprint": episode.fingerprint,
            "latest": latest,
            "incident_id": incident,
            "labels": dict(episode.labels),
            "version": 1,
            **_told(episode),
        }
        for episode, latest, incident in entries
    ]
    insert_rows(connection, EPISODES, rows)


def _told(episode: Episode) -> dict[str, Any]:
    """The columns that a later notification may change."""
    return {
        "started_at": episode.started_at,
        "ended_at": episode.ended_at,
        "ended_by": episode.ended_by.value if episode.ended_by else None,
        "to_verify": episode.to_verify,
        "seen_until": episode.seen_until,
        "gone": [moment.isoformat() for moment in episode.gone],
        "annotations": dict(episode.annotations),
    }
