"""Deliveries that say again what is known, recognised by their bytes: a repeat costs one look at versions.

What a delivery makes of an episode follows from that episode alone (`domain.episodes.take_in`). So a body that once
changed nothing changes nothing again while the episodes that it met are still the latest and at the same versions.
"""

import hashlib
import threading
from array import array
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Engine, bindparam, func, select
from sqlalchemy.exc import DBAPIError

from incident_store.database import StoreUnavailable, reading
from incident_store.models import EpisodeRow

MOST_EPISODES = 500_000
"""Met by all bodies that are remembered, at eight bytes each; the bodies longest unseen are forgotten first."""
MOST_OF_ONE_BODY = 10_000


@dataclass(frozen=True)
class Met:
    """What a delivery met: so many alerts, the keys of their episodes, and the sum of the versions, which only grow."""

    alerts: int
    episodes: "array[int]"
    versions: int


def met(alerts: int, keys: Collection[int], versions: int) -> Met | None:
    """What is remembered of a delivery; None for one of too many alerts."""
    return Met(alerts, array("q", sorted(keys)), versions) if alerts <= MOST_OF_ONE_BODY else None


class Repeats:
    """The bodies of this process that changed nothing when they last came. Safe with many threads."""

    def __init__(self, engine: Engine) -> None:
        self._store = reading(engine)
        self._bodies: OrderedDict[bytes, Met] = OrderedDict()
        self._episodes = 0
        self._lock = threading.Lock()

    def remember(self, body: bytes, found: Met) -> None:
        """Remember that this body changed nothing."""
        digest = _digest(body)
        with self._lock:
            self._forget(digest)
            self._bodies[digest] = found
            self._episodes += len(found.episodes)
            while self._episodes > MOST_EPISODES:
                self._forget(next(iter(self._bodies)))

    def recognise(self, body: bytes) -> int | None:
        """How many alerts this body repeats, when it still says nothing new; else None. Raises StoreUnavailable."""
        digest = _digest(body)
        with self._lock:
            found = self._bodies.get(digest)
        if found is None or not _unchanged(self._store, found):
            return None
        return found.alerts

    def _forget(self, digest: bytes) -> None:
        gone = self._bodies.pop(digest, None)
        self._episodes -= len(gone.episodes) if gone else 0


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


_VERSIONS = (
    select(func.count(), func.sum(EpisodeRow.version))
    .where(EpisodeRow.latest)
    .where(EpisodeRow.id.in_(bindparam("keys", expanding=True)))
)


def _unchanged(store: Engine, found: Met) -> bool:
    try:
        with store.connect() as connection:
            count, versions = connection.execute(_VERSIONS, {"keys": found.episodes.tolist()}).one()
    except DBAPIError as error:
        raise StoreUnavailable(str(error.orig).strip()) from error
    return (count, int(versions or 0)) == (len(found.episodes), found.versions)
