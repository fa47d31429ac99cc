"""Takes the configuration over: at the start, on SIGHUP, on `POST /-/reload`, and when a followed file changes.

What is asked for is read and validated whole before anything changes; when it is wrong, all stays as it was.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from exporters.availability.board import Board
from exporters.availability.check import unusable_files
from exporters.availability.followed import Followed
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
        self._lock = asyncio.Lock()

    def read(self) -> tuple[Targets, list[Problem]]:
        """The file and what it follows; raises ConfigurationError when the file itself is wrong."""
        base = read_targets(self._path, self._environment)
        self._base = base
        return self._with_found()

    async def reload(self, board: Board, scheduler: Scheduler, clock: Callable[[], datetime]) -> list[Problem]:
        """Read everything anew and take it over; returns the problems, which may concern followed entries alone."""
        async with self._lock:
            try:
                targets, problems = await asyncio.to_thread(self.read)
            except ConfigurationError as error:
                log.error("reload refused: the configuration stays as it was", problems=str(error))
                board.reloaded(False, clock())
                return error.problems
            self._take_over(targets, problems, board, scheduler, clock)
            return problems

    async def follow(self, board: Board, scheduler: Scheduler, clock: Callable[[], datetime]) -> None:
        """Take over what other programs write, soon after they do; until cancelled."""
        stamp = await asyncio.to_thread(self._followed.stamp, self._base)
        while True:
            await asyncio.sleep(FOLLOW_EVERY)
            async with self._lock:
                now = await asyncio.to_thread(self._followed.stamp, self._base)
                if now != stamp:
                    stamp = now
                    targets, problems = await asyncio.to_thread(self._with_found)
                    self._take_over(targets, problems, board, scheduler, clock)

    def _with_found(self) -> tuple[Targets, list[Problem]]:
        found, problems = self._followed.found(self._base)
        targets = self._base.with_found(found)
        return targets, problems

    def _take_over(
        self,
        targets: Targets,
        problems: list[Problem],
        board: Board,
        scheduler: Scheduler,
        clock: Callable[[], datetime],
    ) -> None:
        for problem in problems:
            log.error("entry left out", problem=str(problem))
        for problem in unusable_files(targets, self._path):
            log.error("component cannot be probed yet", problem=str(problem))
        board.replace(targets, clock())
        board.reloaded(not problems, clock())
        scheduler.watch(targets.components, targets.limits)
        log.info("configuration taken over", components=len(targets.components), problems=len(problems))
