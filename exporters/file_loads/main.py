"""The file-load exporter: reads the load log in the background and shows where the daily files stand."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from exporters.file_loads.configuration import FILE, FileLoads, read_file_loads
from exporters.file_loads.exposition import registry
from exporters.file_loads.reader import read_rows
from exporters.file_loads.snapshot import Snapshot, Totals, never_less, snapshot
from exporters.refreshing import Refresher, wall_clock
from groundwork.logs import configure_logs
from groundwork.serving import health_app, serve
from groundwork.settings import Settings, read_settings

log = structlog.get_logger()


class LoadLogSource:
    """Reads the load log into a snapshot; remembers what was counted, so that no counter goes back."""

    def __init__(self, configuration: FileLoads, clock: Callable[[], datetime] = wall_clock) -> None:
        self._configuration = configuration
        self._clock = clock
        self._counted: Totals | None = None
        self._shown: Totals | None = None
        self._told: frozenset[str] = frozenset()

    def read(self) -> Snapshot:
        """One read of the load log; raises SourceError."""
        now = self._clock()
        rows = read_rows(self._configuration.load_log, self._configuration.data_day(now))
        found = snapshot(rows, self._configuration, now)
        self._tell(found.strange)
        return replace(found, totals=self._never_less(found.totals))

    def _never_less(self, totals: Totals) -> Totals:
        if self._shown and self._counted:
            self._shown = never_less(self._shown, self._counted, totals)
        else:
            self._shown = totals
        self._counted = totals
        return self._shown

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
    refresher = Refresher(LoadLogSource(configuration).read, configuration.load_log.refresh)
    refresher.start()
    app = health_app("file-loads", registry(configuration, refresher, wall_clock), lambda: not_ready(refresher))
    serve(app, settings.host, settings.file_loads_port)


def not_ready(refresher: Refresher[Snapshot]) -> str | None:
    """Why there are no figures of the load log now."""
    if refresher.fresh:
        return None
    return "the load log cannot be read" if refresher.attempted else "the load log was not read yet"
