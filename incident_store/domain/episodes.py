"""Alertmanager's notifications become episodes: what each says is kept as a set, so order and number change nothing.

A firing proves that the alert was active at its startsAt; a resolved, that it was active from startsAt to endsAt.
Proofs of one fingerprint that touch are one episode (semantics 1). What is left open is the last episode without an
end; an earlier one without an end was not seen to end, and did so no later than the next one began.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class EndedBy(StrEnum):
    """How it is known that an episode ended."""

    RESOLVED = "resolved"
    UNSEEN = "unseen"


@dataclass(frozen=True)
class Notification:
    """What one alert of one delivery says. `ends_at` is set only when it is resolved. Times are UTC."""

    fingerprint: str
    starts_at: datetime
    ends_at: datetime | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class Episode:
    """One continuous firing of one alert. `ended_at` is None while it is open.

    `identity` is the store's key, None before it is stored. `to_verify` is set when a firing came after the
    resolved that covers it: a continuation or a stale replay, which only Alertmanager itself can tell (semantics 3).
    """

    fingerprint: str
    started_at: datetime
    ended_at: datetime | None
    ended_by: EndedBy | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    to_verify: bool = False
    identity: int | None = None

    @property
    def proven_until(self) -> datetime:
        """The last moment at which the alert is known to have been active."""
        resolved = self.ended_by is EndedBy.RESOLVED and self.ended_at is not None
        return self.ended_at if resolved and self.ended_at else self.started_at


@dataclass(frozen=True)
class Intake:
    """What a notification makes of the known episodes of its fingerprint.

    `episodes` is the new set in order of start; `absorbed` are known ones that turned out to be part of another.
    """

    episodes: tuple[Episode, ...]
    absorbed: tuple[Episode, ...]
    touched: Episode


def take_in(known: Sequence[Episode], notification: Notification) -> Intake:
    """The episodes of a fingerprint after one more notification; the same whatever the order (semantics 2)."""
    arrived = _episode(notification)
    met = [episode for episode in known if _touch(episode, arrived)]
    joined = _join(met, arrived)
    apart = [episode for episode in known if episode not in met]
    episodes = _end_unseen(sorted([*apart, joined], key=lambda episode: episode.started_at))
    absorbed = tuple(episode for episode in met if episode.identity != joined.identity)
    touched = next(episode for episode in episodes if episode.started_at == joined.started_at)
    return Intake(episodes, absorbed, touched)


def _episode(notification: Notification) -> Episode:
    ends_at = notification.ends_at
    if ends_at is not None:
        ends_at = max(ends_at, notification.starts_at)
    return Episode(
        fingerprint=notification.fingerprint,
        started_at=notification.starts_at,
        ended_at=ends_at,
        ended_by=None if ends_at is None else EndedBy.RESOLVED,
        labels=notification.labels,
        annotations=notification.annotations,
    )


def _touch(first: Episode, second: Episode) -> bool:
    return first.started_at <= second.proven_until and second.started_at <= first.proven_until


def _join(met: Sequence[Episode], arrived: Episode) -> Episode:
    """One episode of all that touch: the earliest start, the latest proven end, the oldest identity."""
    if not met:
        return arrived
    oldest = min(met, key=lambda episode: episode.started_at)
    ends = [episode.ended_at for episode in (*met, arrived) if episode.ended_by is EndedBy.RESOLVED]
    ended_at = max((end for end in ends if end is not None), default=None)
    late = arrived.ended_by is None and ended_at is not None
    return replace(
        oldest,
        annotations=min((episode.annotations for episode in (*met, arrived)), key=_rank),
        started_at=min(oldest.started_at, arrived.started_at),
        ended_at=ended_at,
        ended_by=None if ended_at is None else EndedBy.RESOLVED,
        to_verify=late or any(episode.to_verify for episode in met),
    )


def _rank(annotations: Mapping[str, str]) -> list[tuple[str, str]]:
    """An order among annotations, so that which ones are kept does not depend on which came first."""
    return sorted(annotations.items())


def _end_unseen(episodes: Iterable[Episode]) -> tuple[Episode, ...]:
    """Only the last may be open; an earlier one without a seen end ended no later than the next began."""
    ordered = list(episodes)
    for index, (episode, following) in enumerate(itertools.pairwise(ordered)):
        if episode.ended_by is not EndedBy.RESOLVED:
            ordered[index] = replace(episode, ended_at=following.started_at, ended_by=EndedBy.UNSEEN)
    return tuple(ordered)
