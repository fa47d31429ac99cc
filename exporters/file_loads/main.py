"""The file-load exporter: reads the load log in the background and shows where the daily files stand."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from sqlalchemy import make_url

from exporters.file_loads.claims import Claim
from exporters.file_loads.configuration import FILE, FileLoads, Line, read_file_loads
from exporters.file_loads.counting import Counting
from exporters.file_loads.day_page import add_day_page
from exporters.file_loads.day_reading import read_report, read_usual_rows
from exporters.file_loads.day_report import DayReport
from exporters.file_loads.exposition import Shown, registry, rendered, shown
from exporters.file_loads.ledger import FILE as STATE_FILE
from exporters.file_loads.ledger import Totals, identity_of, open_ledger
from exporters.file_loads.owed import Outage, OwedLoad, days_concerned, owed_loads
from exporters.file_loads.owed_page import add_owed_page
from exporters.file_loads.reader import LoadLogReader, Session
from exporters.file_loads.snapshot import (
    LogRows,
    Snapshot,
    days_to_read,
    snapshot,
    waiting_words,
)
from exporters.refreshing import Circuit, Refresher, SourceError, wall_clock
from groundwork.logs import configure_logs
from groundwork.serving import health_app, serve
from groundwork.settings import Settings, read_settings

log = structlog.get_logger()

SWITCH_INTERVAL = 0.001
"""Seconds after which the interpreter interrupts the thread that reads the load log for one that answers a scrape."""

PAGES = 3
"""Readings for pages that may be under way or wait at the same time; the other threads are kept for scrapes."""

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class LoadLogSource:
    """Reads the load log into a snapshot; what was counted is kept in the state folder."""

    def __init__(self, configuration: FileLoads, state: Path, clock: Callable[[], datetime] = wall_clock) -> None:
        self._configuration = configuration
        self._clock = clock
        self._reader = LoadLogReader(configuration.load_log)
        self._ledger = state / STATE_FILE
        self._claim = Claim(self._ledger)
        self._identity = identity_of(configuration, make_url(configuration.load_log.url).render_as_string())
        self._usual: tuple[date | None, Mapping[Line, float]] = (None, {})
        self._told: frozenset[str] = frozenset()
        self._turn = threading.Lock()

    def owed(self, outage: Outage) -> list[OwedLoad]:
        """The loads that an outage left unprocessed; raises SourceError."""
        with self._in_turn() as session:
            rows = session.of_days(days_concerned(outage, self._configuration))
        return owed_loads(rows, outage, self._configuration)

    def day(self, day: date | None) -> DayReport:
        """How a data day stands, the current one for None; raises SourceError."""
        now = self._clock()
        with self._in_turn() as session:
            return read_report(session, self._configuration, day or self._configuration.data_day(now), now)

    @contextmanager
    def _in_turn(self) -> Iterator[Session]:
        """A reading session for a page; the load log sees one connection, so it takes turns with `read`."""
        if not self._turn.acquire(timeout=self._configuration.load_log.statement_timeout):
            raise SourceError("the load log is being read: ask again")
        try:
            with self._reader.session() as session:
                yield session
        finally:
            self._turn.release()

    def read(self) -> Snapshot:
        """One read of the load log; raises SourceError."""
        now = self._clock()
        with self._turn, self._reader.session() as session:
            rows = self._rows(session, now)
            totals = self._count(session, now)
        found = snapshot(rows, self._configuration, now, totals if totals.marks.complete else None)
        self._tell(found.strange)
        return found

    def _rows(self, session: Session, now: datetime) -> LogRows:
        days = days_to_read(self._configuration, now)
        return LogRows(
            files=tuple(session.of_days(days)),
            waiting=tuple(session.with_status(waiting_words(self._configuration))),
            batches=tuple(session.batches(days)),
            usual=self._usual_rows(session, now),
        )

    def _usual_rows(self, session: Session, now: datetime) -> Mapping[Line, float]:
        """Read once a day: what is usual does not change within it."""
        day = self._configuration.data_day(now)
        if self._usual[0] != day:
            self._usual = (day, read_usual_rows(session, self._configuration, day))
        return self._usual[1]

    def _count(self, session: Session, now: datetime) -> Totals:
        budget = self._configuration.load_log.statement_timeout
        with open_ledger(self._ledger, self._identity, now, self._claim) as ledger:
            return Counting(session, ledger, self._configuration, budget).refresh(now)

    def _tell(self, strange: frozenset[str]) -> None:
        """Log each word once that the load log uses and configuration does not know."""
        for word in sorted(strange - self._told):
            log.warning("load log says what configuration does not know", found=word)
        self._told |= strange


def run(settings: Settings | None = None) -> None:
    """Serve until ended; raises ConfigurationError. A load log that is away is waited for."""
    configure_logs("file-loads")
    settings = settings or read_settings()
    configuration = read_file_loads(settings.config / FILE, {**os.environ, **settings.environment()})
    load_log = configuration.load_log
    sys.setswitchinterval(SWITCH_INTERVAL)
    source = LoadLogSource(configuration, settings.state)
    refresher = Refresher(
        lambda: shown(source.read(), configuration),
        load_log.refresh,
        circuit=Circuit(load_log.circuit_after, load_log.circuit_pause),
    )
    refresher.start()
    own = registry(configuration, refresher, wall_clock)
    app = health_app("file-loads", lambda _accept: pieces(own, refresher), lambda: not_ready(refresher))
    places = threading.BoundedSemaphore(PAGES)
    add_owed_page(app, sparingly(refresher, places, source.owed))
    add_day_page(app, sparingly(refresher, places, source.day))
    serve(app, settings.host, settings.file_loads_port)


def sparingly(
    refresher: Refresher[Shown], places: threading.BoundedSemaphore, read: Callable[[Asked], Told]
) -> Callable[[Asked], Told]:
    """A page's reading, which raises SourceError also while the load log is left alone or others ask too."""

    def read_sparingly(asked: Asked) -> Told:
        if refresher.circuit_open:
            raise SourceError("the load log is left alone after repeated timeouts: ask again later")
        if not places.acquire(blocking=False):
            raise SourceError("the load log is being read for others: ask again")
        try:
            return read(asked)
        finally:
            places.release()

    return read_sparingly


def not_ready(refresher: Refresher[Shown]) -> str | None:
    """Why there are no figures of the load log now."""
    if refresher.fresh:
        return None
    return "the load log cannot be read" if refresher.attempted else "the load log was not read yet"


def pieces(own: CollectorRegistry, refresher: Refresher[Shown]) -> tuple[Sequence[bytes], str]:
    """The page of a scrape: the process's own figures, then the load log's, which are text already."""
    return [generate_latest(own), rendered(refresher)], CONTENT_TYPE_LATEST
