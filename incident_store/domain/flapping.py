"""An alert that comes and goes too often: worth one remark on its incident, not an incident each time."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from incident_store.domain.episodes import Episode
from incident_store.domain.policies import Flapping


def flapping_since(episodes: Iterable[Episode], limit: Flapping) -> datetime | None:
    """When one alert first began more than `limit.episodes` times within `limit.within`; None while none has."""
    starts: dict[str, list[datetime]] = defaultdict(list)
    for episode in episodes:
        starts[episode.fingerprint].append(episode.started_at)
    moments = (moment for begun in starts.values() for moment in _too_many(sorted(begun), limit))
    return min(moments, default=None)


def _too_many(starts: list[datetime], limit: Flapping) -> Iterable[datetime]:
    for first, last in zip(starts, starts[limit.episodes :], strict=False):
        if last - first <= limit.within:
            yield last
