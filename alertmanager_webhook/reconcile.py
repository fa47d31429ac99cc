"""Polls the Alertmanagers and records what they and the store disagree about (semantics 6)."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from alertmanager_webhook.payload import WATCHDOG, Alert
from incident_store.database import StoreUnavailable, reading
from incident_store.domain.episodes import Episode
from incident_store.domain.heartbeat import SILENCE
from incident_store.domain.policies import SlaPolicy
from incident_store.domain.reconciliation import (
    SETTLED_AFTER,
    Findings,
    Outcome,
    Sighting,
    Suspicion,
    View,
    reconcile,
    union,
)
from incident_store.episode_rows import latest_episodes, unsettled_episodes
from incident_store.store import record

log = structlog.get_logger()

TIMEOUT_SECONDS = 10.0
BATCH = 500
"""Conclusions recorded in one transaction: a storm must not hold the store."""


class PeerAway(Exception):
    """An Alertmanager did not answer as it should; the next poll may succeed."""


class Peer:
    """One Alertmanager. `name` is its host and port, without any password of its address."""

    def __init__(self, url: str, receiver: str) -> None:
        parts = urlsplit(url)
        self.name = parts.netloc.rpartition("@")[2]
        self._receiver = receiver
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS)

    def view(self) -> View:
        """What it holds now for our receiver, muted alerts included; raises PeerAway."""
        status, answered_at = self._get("/api/v2/status", {})
        alerts, _ = self._get("/api/v2/alerts", {"receiver": self._receiver, "silenced": "true", "inhibited": "true"})
        try:
            up_for = answered_at - datetime.fromisoformat(status["uptime"])
            return View(self.name, up_for, _sightings(alerts))
        except (KeyError, TypeError, ValueError) as error:
            raise PeerAway(f"the answer is not Alertmanager's: {error!r}") from error

    def _get(self, path: str, query: Mapping[str, str]) -> tuple[Any, datetime]:
        """The JSON of a page, and the moment of the answer by the peer's own clock."""
        try:
            answer = self._client.get(path, params=query)
            answer.raise_for_status()
            return answer.json(), _date(answer)
        except (httpx.HTTPError, ValueError) as error:
            raise PeerAway(str(error) or repr(error)) from error


def _date(answer: httpx.Response) -> datetime:
    try:
        return parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)


def _sightings(alerts: Any) -> dict[str, Sighting]:
    """The active alerts by fingerprint; one that cannot be understood is left out and logged."""
    seen = {}
    for entry in alerts:
        try:
            alert = Alert.model_validate({**entry, "status": "firing"}).notification()
            alert = replace(alert, seen_at=datetime.fromisoformat(entry["updatedAt"]).astimezone(UTC))
            state = entry["status"]["state"]
        except (ValidationError, ValueError, TypeError, KeyError) as error:
            log.warning("an alert in sight was not understood", reason=str(error).replace("\n", " "))
            continue
        if alert.labels.get("alertname") != WATCHDOG:
            seen[alert.fingerprint] = Sighting(alert, suppressed=state != "active")
    return seen


class Counters:
    """The worker's figures of reconciliation, every outcome there from the first scrape."""

    def __init__(self, registry: CollectorRegistry, peers: Sequence[Peer]) -> None:
        self.success = Gauge(
            "renteseg_reconciliation_last_success_timestamp_seconds",
            "When this Alertmanager was last polled and what it holds recorded, in Unix seconds; 0 until then.",
            ["alertmanager"],
            registry=registry,
        )
        self.polls = Counter(
            "renteseg_reconciliation_polls", "Polls, by outcome.", ["alertmanager", "outcome"], registry=registry
        )
        self.changes = Counter(
            "renteseg_reconciliation_changes",
            "Episodes changed by polling, by outcome.",
            ["outcome"],
            registry=registry,
        )
        for peer in peers:
            self.success.labels(peer.name)
            for outcome in ("answered", "away", "unrecorded"):
                self.polls.labels(peer.name, outcome)
        for outcome in Outcome:
            self.changes.labels(outcome.value)


class Reconciler:
    """Polls all peers at once and keeps what one poll suspects for the next. Any number may run on one store."""

    def __init__(
        self,
        engine: Engine,
        policy: SlaPolicy,
        peers: Sequence[Peer],
        counters: Counters,
        *,
        settled_after: timedelta = SETTLED_AFTER,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._policy = policy
        self._peers = peers
        self._counters = counters
        self._settled_after = settled_after
        self._now = now
        self._suspicions: Mapping[Suspicion, datetime | None] = {}
        self._pool = ThreadPoolExecutor(max(1, len(peers)), thread_name_prefix="poll")

    def poll(self) -> Findings:
        """One poll of everything; raises StoreUnavailable when nothing could be recorded.

        What is known is read before the peers are asked, so that nothing newer than their answers is judged by them.
        """
        unsettled = self._read_unsettled()
        polled_at = self._now()
        views = [view for view in self._pool.map(self._ask, self._peers) if view is not None]
        findings = reconcile(
            [*unsettled, *self._read_latest(unsettled, views)], views, self._suspicions, polled_at, self._settled_after
        )
        self._suspicions = findings.suspicions
        self._record(findings, views)
        for view in views:
            self._counters.success.labels(view.alertmanager).set(polled_at.timestamp())
        return findings

    def _ask(self, peer: Peer) -> View | None:
        try:
            view = peer.view()
        except PeerAway as error:
            self._counters.polls.labels(peer.name, "away").inc()
            log.warning("alertmanager away", alertmanager=peer.name, reason=str(error))
            return None
        self._counters.polls.labels(peer.name, "answered").inc()
        return view

    def _read_unsettled(self) -> list[Episode]:
        try:
            with reading(self._engine).connect() as connection:
                found = unsettled_episodes(connection)
        except SQLAlchemyError as error:
            raise StoreUnavailable(str(error).splitlines()[0]) from error
        return [episode for episode in found if episode.fingerprint != SILENCE.fingerprint]

    def _read_latest(self, unsettled: Sequence[Episode], views: Sequence[View]) -> list[Episode]:
        """The latest episodes of the alerts in sight that have none open."""
        open_ones = {episode.fingerprint for episode in unsettled if episode.ended_at is None}
        read = {episode.identity for episode in unsettled}
        try:
            with reading(self._engine).connect() as connection:
                found = latest_episodes(connection, union(views).keys() - open_ones)
        except SQLAlchemyError as error:
            raise StoreUnavailable(str(error).splitlines()[0]) from error
        return [episode for episode in found if episode.identity not in read]

    def _record(self, findings: Findings, views: Sequence[View]) -> None:
        conclusions = findings.conclusions
        for start in range(0, len(conclusions), BATCH):
            batch = conclusions[start : start + BATCH]
            try:
                record(self._engine, [one.notification for one in batch], [], self._policy, self._now())
            except StoreUnavailable:
                for view in views:
                    self._counters.polls.labels(view.alertmanager, "unrecorded").inc()
                raise
            for one in batch:
                self._counters.changes.labels(one.outcome.value).inc()
                alert = one.notification
                name = alert.labels.get("alertname", "")
                log.info("reconciled", outcome=one.outcome.value, alertname=name, fingerprint=alert.fingerprint)
