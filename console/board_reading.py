"""Reads the board: Prometheus and the store, at most once every few seconds however many browsers look."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Engine

from console.board import Board, Instant, Month, Readings, make_board
from console.desk import Watched
from console.month_so_far import ReadReport, read_month
from groundwork.prometheus import Prometheus, PrometheusAway, QueryRefused, Sample
from incident_store.database import reading
from incident_store.domain.availability import is_up
from incident_store.domain.intervals import Interval
from incident_store.domain.maintenance import Window, under_maintenance
from incident_store.domain.minute_sets import Span
from incident_store.domain.months import MINUTE
from incident_store.incident_rows import open_incidents
from incident_store.maintenance import read_windows

log = structlog.get_logger()

DAY = 24 * 60
FRESH = timedelta(seconds=5)
MONTH_FRESH = timedelta(minutes=5)
DEADLINE_SECONDS = 8.0
READ_AGAIN = 3
"""Minutes at the end of the strip that are asked again: a late scrape may still have changed them."""
MILLISECOND = timedelta(milliseconds=1)


NOW = "max by (component) (renteseg_component_up)"
SINCE = "max by (component) (renteseg_component_state_since_timestamp_seconds)"
LATENCY = "max by (component) (renteseg_probe_last_duration_seconds)"
SLOW = "max by (component) (component:renteseg_probe_slow:now) == 1"
WHY = "sum by (component, reason) (increase(renteseg_probe_failures_total[10m])) > 0"


class MinuteStrip:
    """The last day of every component by minute, as sets; what is known already is not asked again."""

    def __init__(self) -> None:
        self.span = Span(datetime(2000, 1, 1, tzinfo=UTC), DAY)
        self.up: dict[str, int] = {}
        self.down: dict[str, int] = {}

    def renew(self, prometheus: Prometheus, now: datetime) -> None:
        """Move to the day that ends now; raises PrometheusAway, QueryRefused, and is then as it was."""
        end = now.replace(second=0, microsecond=0)
        span = Span(end - DAY * MINUTE, DAY)
        passed = (span.start - self.span.start) // MINUTE
        if passed <= 0 and self.up:
            return
        known = max(0, DAY - passed - READ_AGAIN)
        window = "60000ms" if prometheus.left_open(now) else "59999ms"
        samples = f"over_time(renteseg_component_up[{window}])"
        share = f"sum by (component) (sum_{samples}) / sum by (component) (count_{samples})"
        asked = (span.moment(known + 1) - MILLISECOND, span.moment(DAY) - MILLISECOND)
        series = prometheus.range(share, *asked, MINUTE)
        kept = (1 << known) - 1
        self.up = {name: minutes >> passed & kept for name, minutes in self.up.items()}
        self.down = {name: minutes >> passed & kept for name, minutes in self.down.items()}
        self.span = span
        for one in series:
            for moment, mean in one.points:
                self._note(one.labels.get("component", ""), 1 << span.index(moment), up=is_up(mean))

    def _note(self, component: str, minute: int, *, up: bool) -> None:
        minutes = self.up if up else self.down
        minutes[component] = minutes.get(component, 0) | minute


class BoardReader:
    """The board, read again when it is asked for and no longer fresh; whoever comes meanwhile gets the last one."""

    def __init__(
        self, engine: Engine, prometheus_url: str, watched: Watched, read_report: ReadReport | None = None
    ) -> None:
        self._engine, self._watched, self._read_report = engine, watched, read_report
        self._prometheus = Prometheus(prometheus_url, DEADLINE_SECONDS)
        self._strip, self._instants = MinuteStrip(), dict[str, Instant]()
        self._month: Month | None = None
        self._month_at = datetime.min.replace(tzinfo=UTC)
        self._board: Board | None = None
        self._seen_at: datetime | None = None
        self._reading, self._reckoning = threading.Lock(), threading.Lock()

    def board(self) -> Board:
        """The board as it was at most a few seconds ago; raises DBAPIError while the store is away."""
        now = datetime.now(UTC)
        if self._board is not None and now - self._board.at < FRESH:
            return self._board
        if self._reading.acquire(blocking=self._board is None):
            try:
                if self._board is None or now - self._board.at >= FRESH:
                    self._board = self._read(now)
            finally:
                self._reading.release()
        assert self._board is not None
        return self._board

    def _read(self, now: datetime) -> Board:
        self._renew_month(now)
        trouble = self._read_metrics(now)
        components = self._watched()
        span = self._strip.span
        with reading(self._engine).connect() as connection:
            windows = read_windows(connection, Interval(span.start, now + MINUTE))
            incidents = open_incidents(connection, {one["name"] for one in components})
        read = Readings(
            at=now,
            span=span,
            instants=self._instants if trouble is None else {},
            up=self._strip.up,
            down=self._strip.down,
            maintenance=_maintenance(windows, span),
            in_maintenance=under_maintenance(windows, now),
            incidents=incidents,
            month=self._month,
            trouble=trouble,
        )
        return make_board(components, read)

    def _read_metrics(self, now: datetime) -> str | None:
        try:
            self._strip.renew(self._prometheus, now)
            self._instants = read_instants(self._prometheus, now)
        except PrometheusAway as error:
            log.error("board without metrics", reason=str(error))
            since = f" El último dato es de hace {(now - self._seen_at).seconds // 60} min." if self._seen_at else ""
            return f"Prometheus no responde: el estado de ahora no se conoce.{since}"
        except QueryRefused as error:
            log.error("board without metrics", reason=str(error))
            return f"Prometheus rechaza la pregunta: {error}"
        self._seen_at = now
        return None

    def _renew_month(self, now: datetime) -> None:
        """Have the month reckoned again, beside the answers that wait for nothing."""
        if self._read_report is None or now - self._month_at < MONTH_FRESH:
            return
        if self._reckoning.acquire(blocking=False):
            self._month_at = now
            threading.Thread(target=self._reckon, args=(self._read_report, now), name="month", daemon=True).start()

    def _reckon(self, read_report: ReadReport, now: datetime) -> None:
        try:
            self._month = read_month(read_report(now))
        except Exception:
            # The thread's outermost net: the page lives on with the last month, and the log says why it is old.
            log.exception("the month could not be reckoned")
        finally:
            self._reckoning.release()


def read_instants(prometheus: Prometheus, now: datetime) -> dict[str, Instant]:
    """What the metrics say of every component now; raises PrometheusAway, QueryRefused."""
    up, since, seconds, slow = (_by_component(prometheus.instant(query, now)) for query in (NOW, SINCE, LATENCY, SLOW))
    why = _reasons(prometheus.instant(WHY, now))
    return {
        name: Instant(
            up=None if name not in up else up[name] == 1,
            since=datetime.fromtimestamp(since[name], UTC) if name in since else None,
            seconds=seconds.get(name),
            slow=name in slow,
            why=tuple(why.get(name, ())),
        )
        for name in up.keys() | since.keys() | why.keys()
    }


def _by_component(samples: Sequence[Sample]) -> dict[str, float]:
    return {sample.labels.get("component", ""): sample.value for sample in samples}


def _reasons(samples: Sequence[Sample]) -> dict[str, list[str]]:
    """The reasons of each component's failures, the most frequent first."""
    found: dict[str, list[str]] = {}
    for sample in sorted(samples, key=lambda one: -one.value):
        found.setdefault(sample.labels.get("component", ""), []).append(sample.labels.get("reason", ""))
    return found


def _maintenance(windows: Sequence[Window], span: Span) -> Mapping[str, int]:
    spans: dict[str, list[Interval]] = {}
    for window in windows:
        for component in window.components if window.counts else ():
            spans.setdefault(component, []).append(window.span)
    return {component: span.mostly_in(found) for component, found in spans.items()}
