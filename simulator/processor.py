"""The provider's file processor: takes files in, judges them, queues them, loads them.

It holds nothing in memory between two steps. The log says where each file stands and the folder where it lies; a file
whose work was cut short is found in the same state by the next step, or by the next process.
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from simulator import lists, load_log
from simulator.data_days import data_day, today_in_lima
from simulator.database import Database
from simulator.file_format import parse_name
from simulator.folders import Folders
from simulator.handsets import usual_rows
from simulator.load_log import Entry
from simulator.row_rules import against_lists
from simulator.validation import Context, Verdict, judge
from simulator.vocabulary import UNFINISHED, Load, LoadState

log = structlog.get_logger()

SWEEP = timedelta(seconds=10)


class Processor:
    """Moves every file one state further at each step, and at most one file through the lists."""

    def __init__(self, database: Database, folders: Folders, scale: float) -> None:
        self._database = database
        self._folders = folders
        self._scale = scale
        self._swept: datetime | None = None

    def step(self, now: datetime, *, stuck: bool = False, withheld: Load | None = None) -> None:
        """One round. `stuck`: the queue is left alone. Raises DatabaseAway, OSError."""
        self._keep_calendar(now)
        if withheld:
            self._withhold(withheld, now)
        if not stuck:
            self._process_next(now)
        self._validate(now)
        self._folders.take_in(now)
        self._receive(now)

    def _keep_calendar(self, now: datetime) -> None:
        """The rows ESPERADO of the day, NO_RECIBIDO where its time has come, and old files out."""
        day = data_day(now)
        if self._swept and self._swept <= now < self._swept + SWEEP and data_day(self._swept) == day:
            return
        with self._database.begin() as connection:
            load_log.expect(connection, day, now)
            load_log.call_missing(connection, now)
        self._folders.prune(now)
        self._swept = now

    def _withhold(self, load: Load, now: datetime) -> None:
        with self._database.begin() as connection:
            locations = load_log.withhold(connection, load, now)
        for location in locations:
            self._folders.discard(location)

    def _receive(self, now: datetime) -> None:
        """Log the files the log does not know; put those away that it has finished with."""
        arrivals = self._folders.accepted()
        if not arrivals:
            return
        with self._database.begin() as connection:
            known = load_log.known_locations(connection, [arrival.location for arrival in arrivals])
            for arrival in arrivals:
                if arrival.location not in known:
                    load_log.receive(connection, arrival, now)
        for location, state in known.items():
            if state not in UNFINISHED:
                self._folders.archive(location)

    def _validate(self, now: datetime) -> None:
        with self._database.begin() as connection:
            waiting = load_log.to_validate(connection)
        for entry in waiting:
            with self._database.begin() as connection:
                load_log.set_state(connection, entry, LoadState.VALIDANDO, now)
            body = self._read(entry, now)
            if body is None:
                continue
            with self._database.begin() as connection:
                verdict = judge(entry.name, body, self._context(connection, entry, now))
                if verdict.reason:
                    load_log.refuse(connection, entry, verdict, now)
                else:
                    _queue(connection, entry, verdict, now)
            log.info("file judged", operator=entry.operator, verdict=verdict.reason or "queued")

    def _context(self, connection: Connection, entry: Entry, now: datetime) -> Context:
        name = parse_name(entry.name)
        usual = usual_rows(entry.operator, name.load.file_type, self._scale) if name else 0
        return load_log.context_of(connection, entry, today_in_lima(now), usual)

    def _process_next(self, now: datetime) -> None:
        with self._database.begin() as connection:
            queue = load_log.to_process(connection)
            if not queue:
                return
            load_log.set_state(connection, queue[0], LoadState.PROCESANDO, now)
        self._process(queue[0], now)

    def _process(self, entry: Entry, now: datetime) -> None:
        """Rows and state in one transaction: the file is loaded whole or not at all."""
        body = self._read(entry, now)
        name = parse_name(entry.name)
        if body is None or name is None:
            return
        # The context of the day after the data day: a file that has waited long is no worse for it.
        context = Context(entry.operator, name.load.day + timedelta(days=1), 0, planned=True)
        verdict = judge(entry.name, body, context)
        if verdict.checksum != entry.checksum:
            self._fail(entry, "changed in the queue", now)
            return
        file_type = name.load.file_type
        with self._database.begin() as connection:
            listed = lists.listed(connection, file_type, verdict.rows)
            rows, left_out = against_lists(verdict.rows, file_type, listed)
            lists.load(connection, file_type, entry.operator, rows, entry.id, now)
            _finish(connection, entry, verdict, len(rows), now)
            load_log.write_row_errors(connection, entry, verdict.faults + left_out)

    def _read(self, entry: Entry, now: datetime) -> bytes | None:
        try:
            return self._folders.read(entry.location)
        except FileNotFoundError:
            self._fail(entry, "file lost", now)
            return None

    def _fail(self, entry: Entry, why: str, now: datetime) -> None:
        """ERROR_PROCESO: not the operator's fault."""
        log.error("file not processed", operator=entry.operator, load=entry.id, reason=why)
        with self._database.begin() as connection:
            load_log.set_state(connection, entry, LoadState.ERROR_PROCESO, now, procesado_en=now)


def _queue(connection: Connection, entry: Entry, verdict: Verdict, now: datetime) -> None:
    load_log.set_state(
        connection,
        entry,
        LoadState.ENCOLADO,
        now,
        encolado_en=now,
        registros_total=verdict.total,
        huella_sha256=verdict.checksum,
    )


def _finish(connection: Connection, entry: Entry, verdict: Verdict, loaded: int, now: datetime) -> None:
    errors = verdict.total - loaded
    state = LoadState.PROCESADO_CON_OBSERVACIONES if errors else LoadState.PROCESADO
    load_log.set_state(
        connection,
        entry,
        state,
        now,
        procesado_en=now,
        registros_total=verdict.total,
        registros_ok=loaded,
        registros_error=errors,
    )
