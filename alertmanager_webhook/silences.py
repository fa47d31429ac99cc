"""Keeps every Alertmanager silent about components under maintenance, and about nothing else.

Nothing is remembered between rounds: what should be follows from the store, what is from the Alertmanagers themselves.
A silence that somebody deleted or a restart lost is made again, one whose window was cancelled or shortened ends.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from incident_store.database import StoreUnavailable, reading
from incident_store.domain.intervals import Interval
from incident_store.domain.silences import (
    AHEAD,
    OWNER,
    HeldSilence,
    Silence,
    silence_changes,
    wanted_silences,
)
from incident_store.maintenance import read_windows

log = structlog.get_logger()

TIMEOUT_SECONDS = 10.0


class SilencesAway(Exception):
    """An Alertmanager did not answer as it should; the next round may succeed."""


class SilencePeer:
    """The silences of one Alertmanager. `name` is its host and port, without any password of its address."""

    def __init__(self, url: str) -> None:
        self.name = urlsplit(url).netloc.rpartition("@")[2]
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS)

    def held(self) -> list[HeldSilence]:
        """Our silences there that have not expired; raises SilencesAway."""
        answer = self._ask("GET", "/api/v2/silences")
        try:
            ours = [one for one in answer.json() if one["createdBy"] == OWNER]
            return [_held(one) for one in ours if one["status"]["state"] != "expired"]
        except (ValueError, KeyError, TypeError) as error:
            raise SilencesAway(f"the answer is not Alertmanager's: {error!r}") from error

    def create(self, silence: Silence) -> None:
        """Make a silence; raises SilencesAway."""
        self._ask("POST", "/api/v2/silences", body(silence))

    def expire(self, identity: str) -> None:
        """End a silence; raises SilencesAway."""
        self._ask("DELETE", f"/api/v2/silence/{quote(identity, safe='')}")

    def _ask(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> httpx.Response:
        try:
            return self._client.request(method, path, json=document).raise_for_status()
        except httpx.HTTPStatusError as error:
            reason = error.response.text[:200].strip()
            raise SilencesAway(f"{error.response.status_code}: {reason}") from error
        except httpx.HTTPError as error:
            raise SilencesAway(str(error) or repr(error)) from error


def body(silence: Silence) -> dict[str, Any]:
    """A silence as Alertmanager's API takes it; one whose window has begun begins at once."""
    return {
        "matchers": [
            {"name": name, "value": value, "isRegex": pattern, "isEqual": equal}
            for name, value, pattern, equal in silence.matchers
        ],
        "startsAt": silence.span.start.isoformat(),
        "endsAt": silence.span.end.isoformat(),
        "createdBy": OWNER,
        "comment": silence.comment,
    }


def _held(entry: Mapping[str, Any]) -> HeldSilence:
    start, end = (datetime.fromisoformat(entry[name]).astimezone(UTC) for name in ("startsAt", "endsAt"))
    matchers = tuple((one["name"], one["value"], one["isRegex"], one.get("isEqual", True)) for one in entry["matchers"])
    return HeldSilence(entry["id"], entry["comment"], matchers, Interval(start, max(start, end)))


class SilenceCounters:
    """The worker's figures of silences, every outcome there from the first scrape."""

    def __init__(self, registry: CollectorRegistry, peers: Sequence[SilencePeer]) -> None:
        self.success = Gauge(
            "renteseg_silences_last_success_timestamp_seconds",
            "When this Alertmanager was last in line with the maintenance windows, in Unix seconds; 0 until then.",
            ["alertmanager"],
            registry=registry,
        )
        self.changes = Counter(
            "renteseg_silence_changes",
            "Silences made, ended, and changes that an Alertmanager did not take.",
            ["alertmanager", "outcome"],
            registry=registry,
        )
        for peer in peers:
            self.success.labels(peer.name)
            for outcome in ("created", "expired", "failed"):
                self.changes.labels(peer.name, outcome)


class SilenceKeeper:
    """One round brings every Alertmanager that answers in line. Any number may run on one store."""

    def __init__(
        self,
        engine: Engine,
        peers: Sequence[SilencePeer],
        counters: SilenceCounters,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._peers = peers
        self._counters = counters
        self._now = now

    def keep(self) -> None:
        """Bring all in line; raises StoreUnavailable, and then no silence is touched."""
        now = self._now()
        wanted = self._wanted(now)
        for peer in self._peers:
            try:
                done = self._bring_in_line(peer, wanted, now)
            except SilencesAway as error:
                log.warning("alertmanager away", alertmanager=peer.name, reason=str(error))
                continue
            if done:
                self._counters.success.labels(peer.name).set(now.timestamp())

    def _wanted(self, now: datetime) -> tuple[Silence, ...]:
        try:
            with reading(self._engine).connect() as connection:
                return wanted_silences(read_windows(connection, Interval(now, now + AHEAD)), now)
        except SQLAlchemyError as error:
            raise StoreUnavailable(str(error).splitlines()[0]) from error

    def _bring_in_line(self, peer: SilencePeer, wanted: Iterable[Silence], now: datetime) -> bool:
        """Whether every change was taken; one that was not hinders no other."""
        changes = silence_changes(wanted, peer.held(), now)
        made = [
            self._try(peer, "created", partial(peer.create, one), window=one.window, component=one.component)
            for one in changes.create
        ]
        ended = [self._try(peer, "expired", partial(peer.expire, one), silence=one) for one in changes.expire]
        return all([*made, *ended])

    def _try(self, peer: SilencePeer, outcome: str, change: Callable[[], None], **about: object) -> bool:
        try:
            change()
        except SilencesAway as error:
            self._counters.changes.labels(peer.name, "failed").inc()
            log.warning("silence not changed", wanted=outcome, alertmanager=peer.name, reason=str(error), **about)
            return False
        self._counters.changes.labels(peer.name, outcome).inc()
        log.info("silence", outcome=outcome, alertmanager=peer.name, **about)
        return True
