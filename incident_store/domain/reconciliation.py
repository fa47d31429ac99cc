"""What the known episodes and the alerts that the Alertmanagers hold now say of each other (semantics 6).

Nothing is concluded from one poll: what two in a row say counts. An end is concluded only while a peer answers that
has been up long enough for Prometheus to have sent it every active alert again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from incident_store.domain.episodes import Episode, Notification

SETTLED_AFTER = timedelta(seconds=75)
"""Prometheus sends an active alert again after a minute (--rules.alert.resend-delay), plus one evaluation."""


@dataclass(frozen=True)
class Sighting:
    """An active alert as an Alertmanager holds it; `suppressed` when a silence or another alert mutes it.

    `alert.seen_at` is when Prometheus last refreshed it there, and nothing is proven after that: Alertmanager keeps an
    alert for minutes after Prometheus fell silent.
    """

    alert: Notification
    suppressed: bool


@dataclass(frozen=True)
class View:
    """What one Alertmanager that answered holds, by fingerprint, and how long it has been up."""

    alertmanager: str
    up_for: timedelta
    sightings: Mapping[str, Sighting]


class Outcome(StrEnum):
    """What a conclusion does to an episode."""

    OPENED = "opened"
    REOPENED = "reopened"
    MOVED = "moved"
    ENDED = "ended"
    CONFIRMED = "confirmed"


class Kind(StrEnum):
    """What a poll may find to disagree with what is known."""

    ABSENT = "absent"
    PRESENT = "present"


@dataclass(frozen=True)
class Suspicion:
    """A disagreement that the next poll must confirm: which alert, and the start it is about."""

    kind: Kind
    fingerprint: str
    starts_at: datetime


@dataclass(frozen=True)
class Conclusion:
    """What two polls say: the notification to take in, and what it amounts to."""

    outcome: Outcome
    notification: Notification


@dataclass(frozen=True)
class Findings:
    """One poll's conclusions, and what the next one has to remember: each suspicion with the moment it first held.

    The moment is None while no peer had been up long enough to be believed.
    """

    conclusions: tuple[Conclusion, ...] = ()
    suspicions: Mapping[Suspicion, datetime | None] = field(default_factory=dict)


def reconcile(
    known: Sequence[Episode],
    views: Sequence[View],
    before: Mapping[Suspicion, datetime | None],
    now: datetime,
    settled_after: timedelta = SETTLED_AFTER,
) -> Findings:
    """Compare the unsettled episodes, and the latest of each alert in sight, with what the Alertmanagers hold.

    `views` are of those that answered; `before` are the suspicions of the poll before this one.
    """
    if not views:
        return Findings(suspicions=before)
    seen = union(views)
    settled = any(view.up_for >= settled_after for view in views)
    suspicions: dict[Suspicion, datetime | None] = {}
    conclusions: list[Conclusion] = []
    for episode in known:
        if episode.fingerprint in seen or not _unsettled(episode):
            continue
        suspicion = Suspicion(Kind.ABSENT, episode.fingerprint, episode.started_at)
        suspicions[suspicion] = before.get(suspicion) or (now if settled else None)
        if settled and suspicion in before:
            conclusions.append(_gone(episode, suspicions[suspicion] or now))
    latest = {one.fingerprint: one for one in sorted(known, key=lambda one: one.started_at)}
    conclusions += _superseded(known, latest)
    for fingerprint, sighting in seen.items():
        outcome = _judge(latest.get(fingerprint), sighting)
        if outcome is None:
            continue
        suspicion = Suspicion(Kind.PRESENT, fingerprint, sighting.alert.starts_at)
        suspicions[suspicion] = before.get(suspicion) or now
        if suspicion in before:
            conclusions.append(Conclusion(outcome, sighting.alert))
    return Findings(tuple(conclusions), suspicions)


def union(views: Iterable[View]) -> dict[str, Sighting]:
    """Every alert that some Alertmanager holds: its earliest start, its latest refresh, muted when any peer says so."""
    seen: dict[str, Sighting] = {}
    for view in views:
        for fingerprint, sighting in view.sightings.items():
            other = seen.get(fingerprint)
            seen[fingerprint] = sighting if other is None else _merged(other, sighting)
    return seen


def _merged(one: Sighting, other: Sighting) -> Sighting:
    earlier = min(one, other, key=lambda sighting: sighting.alert.starts_at)
    refreshed = max((moment for moment in (one.alert.seen_at, other.alert.seen_at) if moment), default=None)
    return Sighting(replace(earlier.alert, seen_at=refreshed), one.suppressed or other.suppressed)


def _unsettled(episode: Episode) -> bool:
    return episode.ended_at is None or episode.to_verify


def _gone(episode: Episode, missed_at: datetime) -> Conclusion:
    """An open episode ended when it was first missed; the end of a doubtful one is confirmed as it stands."""
    outcome = Outcome.ENDED if episode.ended_at is None else Outcome.CONFIRMED
    gone_at = episode.ended_at or max(missed_at, episode.proven_until)
    return Conclusion(outcome, _about(episode, gone_at))


def _about(episode: Episode, gone_at: datetime) -> Notification:
    return Notification(
        episode.fingerprint, episode.started_at, None, episode.labels, episode.annotations, gone_at=gone_at
    )


def _superseded(known: Sequence[Episode], latest: Mapping[str, Episode]) -> Iterator[Conclusion]:
    """A doubtful episode that another one followed has certainly ended."""
    for episode in known:
        follower = latest[episode.fingerprint]
        if episode.to_verify and episode.ended_at is not None and episode.started_at < follower.started_at:
            yield _gone(episode, episode.ended_at)


def _judge(episode: Episode | None, sighting: Sighting) -> Outcome | None:
    """What an alert in sight adds to the latest episode known of it; None when it adds nothing.

    An unknown alert that is muted opens nothing: a component behind a dead link is no incident of its own.
    """
    starts_at = sighting.alert.starts_at
    if episode is None or (episode.ended_at is not None and starts_at > episode.ended_at):
        return None if sighting.suppressed else Outcome.OPENED
    if episode.ended_at is not None:
        refreshed = sighting.alert.seen_at is not None and sighting.alert.seen_at > episode.ended_at
        return Outcome.REOPENED if refreshed else None
    within = episode.started_at <= starts_at <= episode.proven_until
    return None if within else Outcome.MOVED
