"""The process `renteseg worker`: reconciliation, the dead-man's switch, and the end of what was kept long enough.

Any number of workers may run on one store: each says only what two of its own polls saw, and the same said twice
changes nothing.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from alertmanager_webhook.reconcile import Counters, Peer, Reconciler
from groundwork.logs import configure_logs
from groundwork.serving import health_app, serve_beside
from groundwork.settings import Settings
from incident_store.database import StoreUnavailable, open_store, reading, schema_lag
from incident_store.deliveries import forget_bodies
from incident_store.domain.heartbeat import SILENCE, judge_heartbeat
from incident_store.domain.policies import SlaPolicy
from incident_store.episode_rows import latest_episodes
from incident_store.policy_file import read_policy
from incident_store.signals import Signal, last_signal, send_signal
from incident_store.store import record

log = structlog.get_logger()

STEP_SECONDS = 2.0
"""How often the worker looks whether something is due."""
PRUNE_SECONDS = 3600.0


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


class Worker:
    """What is due when, one thing after the other in one thread."""

    def __init__(self, settings: Settings, engine: Engine, policy: SlaPolicy, registry: CollectorRegistry) -> None:
        peers = [Peer(url, settings.alertmanager_receiver) for url in settings.alertmanagers]
        watchdog = timedelta(seconds=settings.watchdog_seconds)
        self._engine = engine
        self._kept = timedelta(days=settings.bodies_kept_days)
        self._interval = settings.poll_seconds
        self._reconciler = Reconciler(engine, policy, peers, Counters(registry, peers))
        self._heartbeat = Heartbeat(engine, policy, watchdog, registry, _now())
        self._polled_at = datetime.min.replace(tzinfo=UTC)
        self._pruned_at = self._polled_at

    def run(self) -> None:
        """Work until the process is ended."""
        while True:
            began = time.monotonic()
            self._attempt(self._step)
            time.sleep(max(0.0, STEP_SECONDS - (time.monotonic() - began)))

    def _step(self) -> None:
        now = _now()
        if (now - self._polled_at).total_seconds() >= self._interval or self._was_cut():
            self._polled_at = now
            self._attempt(lambda: self._heartbeat.look(now))
            self._reconciler.poll()
        if (now - self._pruned_at).total_seconds() >= PRUNE_SECONDS:
            self._pruned_at = now
            self._prune(now)

    def _was_cut(self) -> bool:
        """Whether a receiver got a body that Alertmanager cut short since the last poll."""
        with reading(self._engine).connect() as connection:
            cut_at = last_signal(connection, Signal.TRUNCATED)
        return cut_at is not None and cut_at > self._polled_at

    def _prune(self, now: datetime) -> None:
        with self._engine.begin() as connection:
            forgotten = forget_bodies(connection, now - self._kept)
        if forgotten:
            log.info("bodies forgotten", bodies=forgotten)

    def _attempt(self, work: Callable[[], None]) -> None:
        """Do a piece of work; one that fails is logged, and the next round tries again."""
        try:
            work()
        except (StoreUnavailable, SQLAlchemyError) as error:
            log.error("store unavailable", reason=str(error).splitlines()[0])
        except Exception:
            # The outermost loop: a bug in one round must not end the healing of all others.
            log.exception("a round failed")


def _now() -> datetime:
    return datetime.now(UTC)


def run(settings: Settings) -> None:
    """Work until ended; raises ConfigurationError before that when the configuration is unusable."""
    configure_logs("worker")
    engine, policy, registry = open_store(settings.database_url), read_policy(settings.config), CollectorRegistry()
    worker = Worker(settings, engine, policy, registry)
    serve_beside(health_app("worker", registry, lambda: schema_lag(engine)), settings.host, settings.worker_port)
    worker.run()
