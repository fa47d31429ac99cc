"""The receiver: `POST /api/v1/alerts` for Alertmanager, and the health pages."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import Flask, Response, jsonify, request
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import Engine

from alertmanager_webhook.payload import Delivery, read_delivery
from groundwork.serving import health_app
from incident_store.database import StoreUnavailable, schema_lag
from incident_store.domain.policies import SlaPolicy
from incident_store.repeats import Repeats
from incident_store.signals import Signal
from incident_store.store import Recorded, record

log = structlog.get_logger()

LARGEST_BODY = 32 * 1024 * 1024
Answer = tuple[Response, int]


class Counters:
    """The receiver's own figures, every outcome there from the first scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.notifications = Counter(
            "renteseg_webhook_notifications",
            "Deliveries received, by outcome.",
            ["outcome"],
            registry=registry,
        )
        self.alerts = Counter("renteseg_webhook_alerts", "Alerts received, by outcome.", ["outcome"], registry=registry)
        self.truncated = Counter(
            "renteseg_webhook_truncated_alerts", "Alerts that Alertmanager left out of a delivery.", registry=registry
        )
        self.watchdog = Gauge(
            "renteseg_webhook_watchdog_timestamp_seconds",
            "When the dead-man's switch last arrived; 0 until it does.",
            registry=registry,
        )
        for outcome in ("accepted", "quarantined", "unauthorized", "unavailable"):
            self.notifications.labels(outcome)
        for outcome in ("accepted", "duplicate", "quarantined", "watchdog"):
            self.alerts.labels(outcome)

    def count(self, delivery: Delivery, recorded: Recorded, now: datetime) -> None:
        """Count one committed delivery."""
        self.notifications.labels("quarantined" if recorded.quarantined else "accepted").inc()
        self.alerts.labels("accepted").inc(recorded.accepted)
        self.alerts.labels("duplicate").inc(recorded.duplicates)
        self.alerts.labels("quarantined").inc(recorded.quarantined)
        self.truncated.inc(delivery.truncated)
        if delivery.watchdog:
            self.alerts.labels("watchdog").inc()
            self.watchdog.set(now.timestamp())


def create_app(
    engine: Engine, policy: SlaPolicy, token: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Flask:
    """The receiver on this store. `token` is what Alertmanager must send as `Authorization: Bearer`."""
    registry = CollectorRegistry()
    counters, repeats = Counters(registry), Repeats(engine)
    app = health_app("webhook", registry, lambda: schema_lag(engine))
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY

    @app.post("/api/v1/alerts")
    def alerts() -> Answer:
        if not _authorized(token):
            counters.notifications.labels("unauthorized").inc()
            return _refused()
        received_at = now()
        try:
            delivery, recorded = _take(engine, repeats, policy, request.get_data(), received_at)
        except StoreUnavailable as error:
            counters.notifications.labels("unavailable").inc()
            log.error("store unavailable", reason=str(error))
            return jsonify(error=f"the store is away: {error}"), 503
        counters.count(delivery, recorded, received_at)
        _log(delivery, recorded)
        return jsonify(_answer(recorded)), 200

    return app


def _take(engine: Engine, repeats: Repeats, policy: SlaPolicy, body: bytes, now: datetime) -> tuple[Delivery, Recorded]:
    """Commit what a body says, unless it only repeats what is known; raises StoreUnavailable."""
    repeated = repeats.recognise(body)
    if repeated is not None:
        return Delivery(), Recorded(accepted=0, duplicates=repeated, quarantined=0, incidents=())
    delivery = read_delivery(body)
    signals = _signals(delivery)
    recorded = record(engine, delivery.notifications, delivery.rejected, policy, now, body=body, signals=signals)
    if recorded.met is not None and not signals and not delivery.rejected:
        repeats.remember(body, recorded.met)
    return delivery, recorded


def _signals(delivery: Delivery) -> list[Signal]:
    """What the worker waits for: the dead-man's switch, and a body that was cut short (semantics 5)."""
    heard = {Signal.WATCHDOG: delivery.watchdog, Signal.TRUNCATED: delivery.truncated > 0}
    return [signal for signal, came in heard.items() if came]


def _authorized(token: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), token.encode())


def _refused() -> Answer:
    response = jsonify(error="send the bearer token of RENTESEG_WEBHOOK_TOKEN_FILE")
    response.headers["WWW-Authenticate"] = "Bearer"
    return response, 401


def _answer(recorded: Recorded) -> dict[str, Any]:
    return {
        "accepted": recorded.accepted,
        "duplicates": recorded.duplicates,
        "quarantined": recorded.quarantined,
        "incidents": list(recorded.incidents),
    }


def _log(delivery: Delivery, recorded: Recorded) -> None:
    for entry in delivery.rejected:
        log.warning("quarantined", reason=entry.reason, detail=entry.detail)
    if recorded.accepted:
        log.info("delivery recorded", **_answer(recorded))
