"""The daily exchange in one thread: operators send, the processor works, and the database fails on demand."""

import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

import structlog

from simulator import lists
from simulator.database import Database, DatabaseAway
from simulator.faults import Fault, FaultBook
from simulator.folders import Folders
from simulator.handsets import seeded_rows
from simulator.operators import Operators
from simulator.options import Options
from simulator.processor import Processor
from simulator.schedule import withheld_load
from simulator.vocabulary import Operator

log = structlog.get_logger()

ROUND_SECONDS = 0.25


class Exchange:
    """Everything that happens between operators and provider, one round after the other."""

    def __init__(self, folder: Path, database: Database, faults: FaultBook, options: Options) -> None:
        folders = Folders(folder)
        self._database = database
        self._faults = faults
        self._options = options
        self._operators = Operators(folder / "operators.json", folders, database, options)
        self._processor = Processor(database, folders, options.scale)
        self._prepared = False
        self._trouble = ""

    def step(self, now: datetime) -> None:
        """One round; what cannot be done now is tried again in the next."""
        active = self._faults.active(now)
        trouble = self._attempt(lambda: self._database.follow(Fault.DB_DOWN in active))
        trouble = self._attempt(lambda: self._prepare(now)) or trouble
        if self._prepared:
            trouble = self._attempt(lambda: self._operators.step(active, now)) or trouble
            trouble = self._attempt(lambda: self._process(active, now)) or trouble
        if trouble != self._trouble:
            log.warning("exchange in trouble", reason=trouble) if trouble else log.info("exchange works again")
        self._trouble = trouble

    def run(self, stop: threading.Event) -> None:
        """Rounds until `stop`; the last one is finished."""
        while not stop.is_set():
            try:
                self.step(datetime.now(UTC))
            except Exception:  # the outermost loop: a defect must show, not end the simulation
                log.exception("round failed")
            stop.wait(ROUND_SECONDS)
        self._attempt(lambda: self._database.follow(False))

    def _process(self, active: Collection[Fault], now: datetime) -> None:
        self._processor.step(now, stuck=Fault.QUEUE_STUCK in active, withheld=withheld_load(active, now))

    def _prepare(self, now: datetime) -> None:
        if self._prepared:
            return
        self._database.prepare()
        with self._database.begin() as connection:
            if not lists.is_seeded(connection):
                self._operators.begin_anew()
                lines = {operator: seeded_rows(operator, self._options.scale) for operator in Operator}
                lists.seed(connection, lines, now)
        self._prepared = True

    @staticmethod
    def _attempt(work: Callable[[], None]) -> str:
        """Do the work; returns why it could not be done, or nothing."""
        try:
            work()
        except (DatabaseAway, OSError) as error:
            return f"{type(error).__name__}: {error}"
        return ""
