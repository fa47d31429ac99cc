"""Takes the configuration over: at the start, on SIGHUP, on `POST /-/reload`, and when a followed file changes.

What is asked for is read and validated whole before anything changes; when it is wrong, all stays as it was.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from exporters.availability.board import Board
from exporters.availability.check import unusable_files
from exporters.availability.followed import Followed, Stamp
from exporters.availability.places import Places
from exporters.availability.probes.table import make_ready
from exporters.availability.scheduler import Scheduler
from exporters.availability.targets import Targets, read_targets
from groundwork.problems import ConfigurationError, Problem
from groundwork.settings import Settings

log = structlog.get_logger()

FILE = "targets.yml"
FOLLOW_EVERY = 2.0


class Reloader:
    """Knows the file as it was last taken over, and the files it follows."""

    def __init__(self, settings: Settings, environment: dict[str, str]) -> None:
        self._path, self._environment = settings.config / FILE, environment
        self._followed = Followed(settings.config)
        self._base = Targets.model_construct()
        self._stamp: Stamp = ()
        self._lock = asyncio.Lock()

    def read(self) -> "Reading":
        """The file and what it follows; raises ConfigurationError when the file itself is wrong."""
        base = read_targets(self._path, self._environment)
        reading = self._with_found(base)
        self._base = base
        return reading

    @property
    def places(self) -> Places:
        """Where the components of the last reading are written."""
        return Places(self._path, self._environment, self._followed.given)

    async def reload(self, board: Board, scheduler: Scheduler, clock: Callable[[], datetime]) -> list[Problem]:
        """Read everything anew and take it over; returns the problems, which may concern followed entries alone."""
        async with self._lock:
            try:
                reading = await asyncio.to_thread(self.read)
            except ConfigurationError as error:
                log.error("reload refused: the configuration stays as it was", problems=str(error))
                board.reloaded(False, clock())
                return error.problems
            _take_over(reading, board, scheduler, clock)
            return reading.left_out

    async def follow(self, board: Board, scheduler: Scheduler, clock: Callable[[], datetime]) -> None:
        """Take over what other programs write, soon after they do; until cancelled."""
        complaint = ""
        while True:
            await asyncio.sleep(FOLLOW_EVERY)
            async with self._lock:
                try:
                    if await asyncio.to_thread(self._followed.stamp, self._base) != self._stamp or complaint:
                        reading = await asyncio.to_thread(self._with_found, self._base)
                        _take_over(reading, board, scheduler, clock)
                    complaint = ""
                except ConfigurationError as error:
                    if str(error) != complaint:
                        log.error("followed files cannot be looked at: all stays as it was", problems=str(error))
                        board.reloaded(False, clock())
                    complaint = str(error)

    def _with_found(self, base: Targets) -> "Reading":
        self._stamp = self._followed.stamp(base)  # before they are read: what changes meanwhile is read again
        found, problems = self._followed.found(base)
        targets = base.with_found(found)
        make_ready(targets.components)
        return Reading(targets, problems, list(unusable_files(targets.components, self.places)))


@dataclass(frozen=True)
class Reading:
    """What was read: the targets, the entries of followed files that are left out, files that cannot be used yet."""

    targets: Targets
    left_out: list[Problem]
    unusable: list[Problem]

    def tell(self) -> None:
        """Log what is wrong, one line each."""
        for problem in self.left_out:
            log.error("entry left out", problem=str(problem))
        for problem in self.unusable:
            log.error("component cannot be probed yet", problem=str(problem))


def _take_over(reading: Reading, board: Board, scheduler: Scheduler, clock: Callable[[], datetime]) -> None:
    reading.tell()
    board.replace(reading.targets, clock())
    board.reloaded(not reading.left_out, clock())
    scheduler.watch(reading.targets.components, reading.targets.limits)
    log.info("configuration taken over", components=len(reading.targets.components), problems=len(reading.left_out))
