"""Episodes in the store: what is known of a fingerprint, and writing what changed."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, or_, select, update

from incident_store.domain.episodes import EndedBy, Episode, Notification
from incident_store.models import EpisodeRow

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


@dataclass(frozen=True)
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
    stored = _read(connection, EpisodeRow.fingerprint.in_(earliest), EpisodeRow.latest)
    old = {
        one.episode.fingerprint for one in stored.values() if earliest[one.episode.fingerprint] < one.episode.started_at
    }
    if old:
        stored |= _read(connection, EpisodeRow.fingerprint.in_(old))
    groups: dict[str, list[Episode]] = defaultdict(list)
    for one in sorted(stored.values(), key=lambda entry: entry.episode.started_at):
        groups[one.episode.fingerprint].append(one.episode)
    return Known({name: tuple(groups[name]) for name in earliest}, stored)


def _read(connection: Connection, *conditions: ColumnElement[bool] | Any) -> dict[int, Stored]:
    rows = connection.execute(select(*EpisodeRow.__table__.c).where(*conditions))
    return {row.id: Stored(episode_of(row), row.latest, row.incident_id, row.version) for row in rows}


def unsettled_episodes(connection: Connection) -> list[Episode]:
    """The episodes that polling has to look at: those that are open, and those that are to be verified."""
    query = select(*EpisodeRow.__table__.c).where(or_(EpisodeRow.ended_at.is_(None), EpisodeRow.to_verify))
    return [episode_of(row) for row in connection.execute(query)]


def latest_episodes(connection: Connection, fingerprints: Collection[str]) -> list[Episode]:
    """The latest episode of each of these fingerprints that has one."""
    names = sorted(fingerprints)
    found: list[Episode] = []
    for start in range(0, len(names), CHUNK):
        query = select(*EpisodeRow.__table__.c).where(
            EpisodeRow.latest, EpisodeRow.fingerprint.in_(names[start : start + CHUNK])
        )
        found += [episode_of(row) for row in connection.execute(query)]
    return found


def delete_episode(connection: Connection, stored: Stored) -> None:
    """Remove an episode that turned out to be part of another; raises Conflict if somebody changed it."""
    gone = connection.execute(
        delete(EpisodeRow).where(EpisodeRow.id == stored.episode.identity, EpisodeRow.version == stored.version)
    )
    if gone.rowcount != 1:
        raise Conflict


def update_episode(connection: Connection, episode: Episode, latest: bool, version: int) -> None:
    """Write an episode as it is now; raises Conflict if it is no longer at `version`."""
    written = connection.execute(
        update(EpisodeRow)
        .where(EpisodeRow.id == episode.identity, EpisodeRow.version == version)
        .values(
            latest=latest,
            started_at=episode.started_at,
            ended_at=episode.ended_at,
            ended_by=episode.ended_by.value if episode.ended_by else None,
            to_verify=episode.to_verify,
            seen_until=episode.seen_until,
            gone=_gone(episode),
            version=version + 1,
        )
    )
    if written.rowcount != 1:
        raise Conflict


def insert_episodes(connection: Connection, entries: Sequence[tuple[Episode, bool, int]]) -> None:
    """Store new episodes, each with whether it is the latest and its incident's number."""
    connection.execute(
        insert(EpisodeRow),
        [
            {
                "fingerprint": episode.fingerprint,
                "latest": latest,
                "incident_id": incident,
                "started_at": episode.started_at,
                "ended_at": episode.ended_at,
                "ended_by": episode.ended_by.value if episode.ended_by else None,
                "to_verify": episode.to_verify,
                "labels": dict(episode.labels),
                "annotations": dict(episode.annotations),
                "seen_until": episode.seen_until,
                "gone": _gone(episode),
                "version": 1,
            }
            for episode, latest, incident in entries
        ],
    )


def _gone(episode: Episode) -> list[str]:
    return [moment.isoformat() for moment in episode.gone]
