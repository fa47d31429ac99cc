"""The worker's job: every opening gets its evidence, once, as soon as its minute is over and Prometheus answers.

Everything is asked as of the opening, so evidence taken late is as good. While Prometheus is away nothing is written
and the next try waits longer; after some days what could not be had is recorded as such.
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import Counter as Counted
from sqlalchemy import Engine

from evidence.questions import AFTER, QUESTIONS, Absent, LeftOut, cut_labels
from groundwork.jobs import Job
from groundwork.prometheus import Prometheus, PrometheusAway, QueryRefused
from groundwork.settings import Settings
from incident_store.database import reading
from incident_store.domain.policies import SlaPolicy
from incident_store.evidence import Opening, keep, wanting
from incident_store.snapshots import Alert, Lack, Missing, Snapshot

log = structlog.get_logger()

EVERY = timedelta(seconds=10)
SETTLED = AFTER + timedelta(seconds=10)
"""How long after an opening its minute is over, and scraped."""
TRIES = 3
"""So often a question may find Prometheus away while it answers others; then that part is recorded as missing."""
LONGEST_PAUSE = timedelta(minutes=5)


def gather(server: Prometheus, opening: Opening, now: datetime, *, insist: bool) -> Snapshot:
    """The evidence of an opening; a part that could not be had is named in `missing`.

    While `insist`, raises PrometheusAway when a question was not answered.
    """
    parts: dict[str, object] = {}
    missing: list[Missing] = []
    left_out: LeftOut = {}
    for name, ask in QUESTIONS.items():
        try:
            parts[name] = ask(server, opening, left_out)
        except Absent as error:
            missing.append(Missing(part=name, why=error.why))
        except QueryRefused as error:
            missing.append(_missing(name, Lack.REFUSED, error))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            missing.append(_missing(name, Lack.NOT_UNDERSTOOD, error))
        except PrometheusAway as error:
            if insist:
                raise
            missing.append(_missing(name, Lack.AWAY, error))
    return _snapshot(opening, now, missing, parts, left_out)


def without(opening: Opening, now: datetime, why: Exception) -> Snapshot:
    """What can be said of an opening when Prometheus never answered."""
    return _snapshot(opening, now, [_missing(name, Lack.AWAY, why) for name in QUESTIONS], {}, {})


def _missing(part: str, why: Lack, error: Exception) -> Missing:
    return Missing(part=part, why=why, detail=str(error)[:500])


def _snapshot(
    opening: Opening, now: datetime, missing: list[Missing], parts: dict[str, object], left_out: LeftOut
) -> Snapshot:
    episode = opening.episode
    alert = episode and Alert(
        started_at=episode.started_at,
        labels=cut_labels(episode.labels),
        annotations=cut_labels(episode.annotations),
    )
    return Snapshot.model_validate(
        {
            "incident": opening.number,
            "component": opening.component,
            "moment": opening.moment,
            "taken_at": now,
            "alert": alert,
            "missing": missing,
            "left_out": left_out,
            **parts,
        }
    )


class EvidenceTaker:
    """Looks for openings without evidence and takes it. Any number may run on one store: one of them is first."""

    def __init__(
        self,
        engine: Engine,
        policy: SlaPolicy,
        server: Prometheus,
        patience: timedelta,
        registry: CollectorRegistry,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine, self._policy, self._server, self._patience, self._now = engine, policy, server, patience, now
        self._pause = EVERY
        self._not_before = datetime.min.replace(tzinfo=UTC)
        self._tries: Counter[tuple[int, int]] = Counter()
        self._waiting = Gauge(
            "renteseg_evidence_pending",
            "Openings whose evidence was not taken yet, counted up to 50.",
            registry=registry,
        )
        self._taken = Counted("renteseg_evidence_taken", "Evidence taken, by outcome.", ["outcome"], registry=registry)
        for outcome in ("whole", "partial", "none"):
            self._taken.labels(outcome)

    def look(self) -> None:
        """One round; raises PrometheusAway when it did not answer at all, StoreUnavailable."""
        now = self._now()
        with reading(self._engine).connect() as connection:
            openings = wanting(connection, now - 2 * self._patience)
        due = [one for one in openings if one.moment + SETTLED <= now]
        self._waiting.set(len(openings))
        if not due or now < self._not_before:
            return
        try:
            self._server.instant("vector(1)", now)
        except (PrometheusAway, QueryRefused) as error:
            self._not_before, self._pause = now + self._pause, min(2 * self._pause, LONGEST_PAUSE)
            self._give_up([one for one in due if one.moment + self._patience < now], error, now)
            raise PrometheusAway(str(error)) from error
        self._pause = EVERY
        for opening in due:
            self._take(opening, now)

    def _take(self, opening: Opening, now: datetime) -> None:
        tried = (opening.number, opening.place)
        self._tries[tried] += 1
        try:
            snapshot = gather(self._server, opening, now, insist=self._tries[tried] < TRIES)
        except PrometheusAway as error:
            log.warning("evidence not taken yet", incident=opening.number, reason=str(error))
            return
        del self._tries[tried]
        self._keep(opening, snapshot, "partial" if snapshot.missing else "whole", now)

    def _give_up(self, openings: list[Opening], why: Exception, now: datetime) -> None:
        for opening in openings:
            self._keep(opening, without(opening, now, why), "none", now)

    def _keep(self, opening: Opening, snapshot: Snapshot, outcome: str, now: datetime) -> None:
        if keep(self._engine, opening, snapshot, self._policy, now):
            self._taken.labels(outcome).inc()
            missing = [one.part for one in snapshot.missing]
            log.info("evidence taken", incident=opening.number, outcome=outcome, missing=missing)


def jobs(settings: Settings, engine: Engine, policy: SlaPolicy, registry: CollectorRegistry) -> list[Job]:
    """What the worker does for the evidence."""
    server = Prometheus(settings.prometheus_url)
    patience = timedelta(days=settings.evidence_patience_days)
    return [Job("evidence", EVERY, EvidenceTaker(engine, policy, server, patience, registry).look)]
