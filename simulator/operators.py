"""The operators at work: they write what the schedule says into their outboxes and remember it."""

import random
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import structlog

from simulator import load_log, schedule
from simulator.database import Database
from simulator.faults import Fault
from simulator.file_format import LAST_SEQUENCE, FileName, parse_name, render
from simulator.folders import Folders
from simulator.handsets import batch_rows, rows, rows_of_the_day, with_defects
from simulator.notebook import Sent, read_notebook, save_notebook
from simulator.options import Options
from simulator.schedule import Delivery, Kind

log = structlog.get_logger()

CARELESS = 0.1
"""The share of files with some defective rows; in a file of fewer rows than this even one would be above 5 %."""
ROWS_FOR_A_DEFECT = 50
HEALTHY = (Kind.GOOD, Kind.BATCH)


class Operators:
    """All operators. What they remember is kept in `path`; a restart continues it."""

    def __init__(self, path: Path, folders: Folders, database: Database, options: Options) -> None:
        self._path = path
        self._folders = folders
        self._database = database
        self._options = options
        self._chance = random.Random()
        self._notebook = read_notebook(path, options.scale)
        self._resume()

    def begin_anew(self) -> None:
        """Forget everything: the register is empty, and no handset of old is on its lists."""
        self._path.unlink(missing_ok=True)
        self._notebook = read_notebook(self._path, self._options.scale)

    def step(self, active: Collection[Fault], now: datetime) -> None:
        """Send what is due and, while the link is up, deliver it. Raises DatabaseAway, OSError."""
        self._keep_track(active, now)
        for delivery in schedule.due(self._notebook, active, self._options.speed, now):
            self._send(delivery, now)
        if Fault.LINK_DOWN not in active:
            self._folders.deliver()

    def _resume(self) -> None:
        """Send the prepared files that are remembered as sent; the others are prepared again when due."""
        for operator, text in self._folders.prepared():
            name = parse_name(text)
            if name and self._notebook.of(name.load).sequence >= name.sequence:
                self._folders.send(operator, text)
            else:
                self._folders.forget(operator, text)

    def _keep_track(self, active: Collection[Fault], now: datetime) -> None:
        self._notebook.answered &= set(active)
        withheld = schedule.withheld_load(active, now)
        if withheld and not self._notebook.of(withheld).owed:
            sent = self._notebook.of(withheld)
            self._notebook.note(withheld, sent.model_copy(update={"owed": True}))
            save_notebook(self._path, self._notebook)

    def _send(self, delivery: Delivery, now: datetime) -> None:
        load = delivery.load
        name = FileName(load, self._notebook.of(load).sequence + 1)
        if name.sequence > LAST_SEQUENCE:
            self._remember(delivery, name.sequence - 1, now)
            log.warning("no number left today", operator=load.operator, file_type=load.file_type)
            return
        if delivery.kind is Kind.BATCH:
            with self._database.begin() as connection:
                load_log.announce_batch(connection, load, name.sequence, now)
        # Prepared, remembered, sent: whatever is killed in between, `_resume` knows which of the three it was.
        body, reported = self._write(delivery, name, now)
        self._folders.prepare(load.operator, str(name), body)
        if delivery.kind in HEALTHY:
            self._notebook.reported_up_to(load.operator, load.file_type, reported.stop)
        self._remember(delivery, name.sequence, now)
        self._folders.send(load.operator, str(name))
        log.info("file sent", operator=load.operator, file_type=load.file_type, number=name.sequence)

    def _write(self, delivery: Delivery, name: FileName, now: datetime) -> tuple[bytes, range]:
        """The file, and the handsets it reports; a damaged file takes those that the next good one will report."""
        load, kind, scale = delivery.load, delivery.kind, self._options.scale
        wanted = batch_rows(scale, self._chance) if kind is Kind.BATCH else rows_of_the_day(load, scale, self._chance)
        numbers = self._notebook.next_numbers(load.operator, load.file_type, wanted)
        lines = list(rows(load, numbers, self._chance))
        if kind not in HEALTHY:
            return _damage(render(name, now, lines), kind), numbers
        if len(lines) >= ROWS_FOR_A_DEFECT and self._chance.random() < CARELESS:
            lines = with_defects(lines, self._chance.randint(1, len(lines) // ROWS_FOR_A_DEFECT), self._chance)
        return render(name, now, lines), numbers

    def _remember(self, delivery: Delivery, sequence: int, now: datetime) -> None:
        before = self._notebook.of(delivery.load)
        good = delivery.kind in HEALTHY
        sent = Sent(day=delivery.load.day, sequence=sequence, at=now, bad=0 if good else before.bad + 1, owed=not good)
        self._notebook.note(delivery.load, sent)
        if delivery.answers:
            self._notebook.answered.add(delivery.answers)
        save_notebook(self._path, self._notebook)


def _damage(body: bytes, kind: Kind) -> bytes:
    """The file with a trailer that counts one row too many, or with bytes that are no UTF-8."""
    if kind is Kind.UNDECODABLE:
        return body.replace(b"|", b"\xff|", 3)
    head, _, trailer = body.rstrip(b"\n").rpartition(b"\n")
    mark, count, digest = trailer.split(b"|")
    return b"\n".join((head, b"|".join((mark, b"%d" % (int(count) + 1), digest)), b""))
