"""What Alertmanager says becomes episodes: each word is kept as a proof, so order and number change nothing.

A firing proves that the alert was active at its startsAt; a resolved, that it was from startsAt to endsAt and then
ended; seen by polling, that it was from startsAt until then; gone by polling, that it was no more at that moment.
Proofs of one fingerprint that touch are one episode (semantics 1). A proof of activity outweighs an end that lies
before it: such an end was false. What is left open is the last episode without an end; an earlier one without an
end was not seen to end, and did so no later than the next one began.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class EndedBy(StrEnum):
    """How it is known that an episode ended: Alertmanager said so, polling found it gone, or the next one began."""

    RESOLVED = "resolved"
    RECONCILED = "reconciled"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Notification:
    """What is said of one alert. Times are UTC.

    A delivery sets `ends_at` when the alert is resolved. Polling sets `seen_at` when it found the alert active, or
    `gone_at` when it found it no more; at most one of the three is set.
    """

    fingerprint: str
    starts_at: datetime
    ends_at: datetime | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    seen_at: datetime | None = None
    gone_at: datetime | None = None

    @property
    def is_firing(self) -> bool:
        """Whether this is a delivery's firing, which says nothing of any moment after the start."""
        return self.ends_at is None and self.seen_at is None and self.gone_at is None


@dataclass(frozen=True, slots=True)
class Episode:
    """One continuous firing of one alert. `ended_at` is None while it is open.

    `identity` is the store's key, None before it is stored. `to_verify` is set when a firing came after the
    end that covers it: a continuation or a stale replay, which only Alertmanager itself can tell (semantics 3).
    `seen_until` is the last moment at which polling saw it, kept while no resolved is as late; `gone` are the moments
    after that at which polling missed it.
    """

    fingerprint: str
    started_at: datetime
    ended_at: datetime | None
    ended_by: EndedBy | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    to_verify: bool = False
    identity: int | None = None
    seen_until: datetime | None = None
    gone: tuple[datetime, ...] = ()

    @property
    def resolved_at(self) -> datetime | None:
        """The end that Alertmanager announced, if that is how it ended."""
        return self.ended_at if self.ended_by is EndedBy.RESOLVED else None

    @property
    def proven_until(self) -> datetime:
        """The last moment at which the alert is known to have been active."""
        return self.resolved_at or self.seen_until or self.started_at


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
    ordered = sorted([*apart, joined], key=lambda episode: episode.started_at)
    place = ordered.index(joined)
    episodes = _conclude(ordered)
    episodes[place] = touched = _doubt(episodes[place], notification)
    absorbed = tuple(episode for episode in met if episode.identity != joined.identity)
    return Intake(tuple(episodes), absorbed, touched)


def _episode(notification: Notification) -> Episode:
    starts_at = notification.starts_at
    ends_at, seen_at, gone_at = (
        moment and max(moment, starts_at)
        for moment in (notification.ends_at, notification.seen_at, notification.gone_at)
    )
    return Episode(
        fingerprint=notification.fingerprint,
        started_at=starts_at,
        ended_at=ends_at,
        ended_by=None if ends_at is None else EndedBy.RESOLVED,
        labels=notification.labels,
        annotations=notification.annotations,
        seen_until=None if seen_at == starts_at else seen_at,
        gone=() if gone_at is None else (gone_at,),
    )


def _touch(first: Episode, second: Episode) -> bool:
    return first.started_at <= second.proven_until and second.started_at <= first.proven_until


def _join(met: Sequence[Episode], arrived: Episode) -> Episode:
    """One episode of all that touch: the earliest start, the latest proof, the oldest identity."""
    if not met:
        return arrived
    oldest = min(met, key=lambda episode: episode.started_at)
    parts = (*met, arrived)
    resolved_at = max((part.resolved_at for part in parts if part.resolved_at), default=None)
    seen_until = max((part.seen_until for part in parts if part.seen_until), default=None)
    if resolved_at is not None and seen_until is not None:
        resolved_at, seen_until = (None, seen_until) if seen_until > resolved_at else (resolved_at, None)
    return replace(
        oldest,
        annotations=min((episode.annotations for episode in (*met, arrived)), key=_rank),
        started_at=min(oldest.started_at, arrived.started_at),
        ended_at=resolved_at,
        ended_by=None if resolved_at is None else EndedBy.RESOLVED,
        to_verify=any(episode.to_verify for episode in met),
        seen_until=seen_until,
        gone=tuple(sorted({moment for part in parts for moment in part.gone})),
    )


def _rank(annotations: Mapping[str, str]) -> list[tuple[str, str]]:
    """An order among annotations, so that which ones are kept does not depend on which came first."""
    return sorted(annotations.items())


def _conclude(ordered: Sequence[Episode]) -> list[Episode]:
    """How each ended: announced, else missed by polling, else unseen before the next; only the last may be open."""
    gone = sorted({moment for episode in ordered for moment in episode.gone})
    concluded = []
    for episode, following in itertools.zip_longest(ordered, ordered[1:]):
        limit = following.started_at if following else None
        missed = tuple(one for one in gone if episode.proven_until <= one and (limit is None or one < limit))
        concluded.append(_ended(episode, missed, limit))
    return concluded


def _ended(episode: Episode, missed: tuple[datetime, ...], limit: datetime | None) -> Episode:
    ended_at, ended_by = episode.ended_at, episode.ended_by
    if ended_by is not EndedBy.RESOLVED and missed:
        ended_at, ended_by = missed[0], EndedBy.RECONCILED
    elif ended_by is not EndedBy.RESOLVED:
        ended_at, ended_by = limit, None if limit is None else EndedBy.UNSEEN
    if (episode.gone, episode.ended_at, episode.ended_by) == (missed, ended_at, ended_by):
        return episode  # as nearly all are
    return replace(episode, gone=missed, ended_at=ended_at, ended_by=ended_by)


def _doubt(touched: Episode, notification: Notification) -> Episode:
    """A firing within an episode that ended is to be verified; polling settles that either way (semantics 3)."""
    if notification.is_firing:
        late = touched.ended_by in (EndedBy.RESOLVED, EndedBy.RECONCILED)
        return replace(touched, to_verify=True) if late else touched
    if notification.ends_at is None and touched.to_verify:
        return replace(touched, to_verify=False)
    return touched
