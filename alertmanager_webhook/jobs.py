"""The receiver's share of the worker: reconciliation, the dead-man's switch, silences for maintenance, and the end of
what was kept long enough.

Any number of workers may run on one store: each says only what two of its own polls saw, and the same said twice
changes nothing.
"""

from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from alertmanager_webhook.reconcile import Counters, Peer, Reconciler
from alertmanager_webhook.silences import SilenceCounters, SilenceKeeper, SilencePeer
from groundwork.jobs import Job
from groundwork.settings import Settings
from incident_store.database import StoreUnavailable, reading
from incident_store.deliveries import forget_bodies
from incident_store.domain.heartbeat import SILENCE, judge_heartbeat
from incident_store.domain.policies import SlaPolicy
from incident_store.episode_rows import latest_episodes
from incident_store.signals import Signal, last_signal, send_signal
from incident_store.store import record

log = structlog.get_logger()

PRUNE_EVERY = timedelta(hours=1)


class Heartbeat:
    """Watches the sign of life that the receivers note in the store."""

    def __init__(
        self, engine: Engine, policy: SlaPolicy, interval: timedelta, registry: CollectorRegistry, began: datetime
    ) -> None:
        self._engine = engine
        self._policy = policy
        self._interval = interval
        self._began = began
        self._gauge = Gauge(
            "renteseg_heartbeat_timestamp_seconds",
            "When the dead-man's switch last reached any receiver, or a worker first waited for it.",
            registry=registry,
        )

    def look(self, now: datetime) -> None:
        """Open or end the incident of the silence; raises StoreUnavailable."""
        try:
            with self._engine.begin() as connection:
                last = last_signal(connection, Signal.WATCHDOG)
                if last is None:
                    send_signal(connection, Signal.WATCHDOG, self._began)
                    last = self._began
                known = next(iter(latest_episodes(connection, [SILENCE.fingerprint])), None)
        except SQLAlchemyError as error:
            raise StoreUnavailable(str(error).splitlines()[0]) from error
        self._gauge.set(last.timestamp())
        said = judge_heartbeat(last, self._began, known, self._interval, now)
        if said is None:
            return
        recorded = record(self._engine, [said], [], self._policy, now)
        if recorded.accepted:
            log.warning("sign of life", outcome="silent" if said.ends_at is None else "back", last=last.isoformat())


def jobs(settings: Settings, engine: Engine, policy: SlaPolicy, registry: CollectorRegistry) -> list[Job]:
    """What the worker does for the receiver; a body that Alertmanager cut short brings the next poll forward."""
    peers = [Peer(url, settings.alertmanager_receiver) for url in settings.alertmanagers]
    interval = timedelta(seconds=settings.poll_seconds)
    reconciler = Reconciler(engine, policy, peers, Counters(registry, peers))
    heartbeat = Heartbeat(engine, policy, timedelta(seconds=settings.watchdog_seconds), registry, _now())
    silent = [SilencePeer(url) for url in settings.alertmanagers]
    silences = SilenceKeeper(engine, silent, SilenceCounters(registry, silent))
    return [
        Job("reconciliation", interval, reconciler.poll, lambda since: _was_cut(engine, since)),
        Job("heartbeat", interval, lambda: heartbeat.look(_now())),
        Job("silences", interval, silences.keep),
        Job("bodies", PRUNE_EVERY, lambda: _forget_bodies(engine, timedelta(days=settings.bodies_kept_days))),
    ]


def _was_cut(engine: Engine, since: datetime) -> bool:
    """Whether a receiver got a body that Alertmanager cut short since then."""
    with reading(engine).connect() as connection:
        cut_at = last_signal(connection, Signal.TRUNCATED)
    return cut_at is not None and cut_at > since


def _forget_bodies(engine: Engine, kept: timedelta) -> None:
    with engine.begin() as connection:
        forgotten = forget_bodies(connection, _now() - kept)
    if forgotten:
        log.info("bodies forgotten", bodies=forgotten)


def _now() -> datetime:
    return datetime.now(UTC)
