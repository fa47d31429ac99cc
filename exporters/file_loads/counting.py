"""Counts the load log piece by piece, so that a refresh costs the same whatever the log's history.

Each refresh counts again the slices in which something changed since the watermark (less the overlap, for clocks that
differ and commits that come late), whatever stands behind the last counted key, and a few old slices in turn: that
round finds what no time of change betrays, such as a row deleted by hand. The first time, the whole log is counted
in portions, and until its end is reached there are no totals.
"""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from exporters.file_loads.configuration import FileLoads
from exporters.file_loads.ledger import Ledger, Marks, Totals
from exporters.file_loads.reader import FileRow, Head, Session
from exporters.file_loads.relations import SLICE
from exporters.file_loads.tally import Key, follow, tally
from exporters.file_loads.vocabulary import Break

log = structlog.get_logger()

PORTION = 5 * SLICE
"""Rows read in one statement while the log is walked through."""
AUDITED = 2 * SLICE
"""Rows of the old part that are counted again in each refresh."""


@dataclass(frozen=True)
class Piece:
    """Whole slices of the log, read in one go: those that begin from `first` up to, not including, `stop`."""

    first: int
    stop: int | None
    rows: tuple[FileRow, ...]


class Counting:
    """One refresh of the ledger within one session; `budget` is how many seconds it may read on."""

    def __init__(self, session: Session, ledger: Ledger, configuration: FileLoads, budget: float) -> None:
        self._session = session
        self._ledger = ledger
        self._configuration = configuration
        self._end = time.monotonic() + budget
        self._lost = 0

    def refresh(self, now: datetime) -> Totals:
        """Count what may have changed; returns the totals."""
        head = self._session.head()
        marks, kind = after_head(self._ledger.marks, head, now)
        if kind:
            log.error("the load log lost its past: counted anew, totals stay", kind=kind.value)
        if head.newest is not None and self._ledger.marks.newest is not None:
            marks = self._follow_changes(marks, head, now)
        elif marks.newest is None and head.newest is not None:
            marks = marks.model_copy(update={"newest": min(head.newest, now)})
        marks = self._walk(marks, head)
        marks = self._audit(marks)
        if self._lost and not (kind or self._ledger.marks.recounting or marks.recounting):
            log.error("rows disappeared from the load log: totals stay", rows=self._lost)
            marks = marks.broken(Break.DELETED, now)
        self._ledger.save_marks(marks)
        return self._ledger.totals()

    def _follow_changes(self, marks: Marks, head: Head, now: datetime) -> Marks:
        """Count the changed slices again; the watermark moves only when all of them were, in one refresh or more."""
        assert marks.newest is not None
        assert head.newest is not None
        since = marks.newest - timedelta(seconds=self._configuration.load_log.overlap)
        tail = _slice_of(marks.counted)
        changed = self._session.changed_slices(since, head.spelling)
        done, began = marks.followed, marks.following or min(head.newest, now)
        for first in sorted(first for first in changed if first < tail and (done is None or first > done)):
            self._count(Piece(first, first + SLICE, tuple(self._session.within(first, first + SLICE))))
            if self._out_of_time():
                return marks.model_copy(update={"followed": first, "following": began})
        return marks.model_copy(update={"newest": began, "followed": None, "following": None})

    def _walk(self, marks: Marks, head: Head) -> Marks:
        """Count from the last counted slice to the end of the log, or until the time is up."""
        counted = marks.counted
        while True:
            piece = self._piece(_slice_of(counted), PORTION)
            self._count(piece)
            if piece.stop is None:
                done = {"counted": max(head.last or 0, 0), "complete": True, "recounting": False}
                return marks.model_copy(update=done)
            counted = piece.stop
            if self._out_of_time():
                return marks.model_copy(update={"counted": counted})

    def _audit(self, marks: Marks) -> Marks:
        """Count the next old slices again; from the last one on it goes on with the first."""
        tail = _slice_of(marks.counted)
        if not marks.complete or marks.audited >= tail or self._out_of_time():
            return marks.model_copy(update={"audited": 0})
        piece = self._piece(_slice_of(marks.audited), AUDITED)
        stop = tail if piece.stop is None else min(piece.stop, tail)
        self._count(Piece(piece.first, stop, tuple(row for row in piece.rows if row.id < stop)))
        return marks.model_copy(update={"audited": stop})

    def _piece(self, first: int, limit: int) -> Piece:
        """The slices from this one on, as many as are whole within `limit` rows."""
        rows = self._session.after(first, limit)
        if len(rows) < limit:
            return Piece(first, None, tuple(rows))
        stop = _slice_of(rows[-1].id)
        if stop <= _slice_of(rows[0].id):  # more rows than keys: the source repeats its files
            stop = _slice_of(rows[0].id) + SLICE
            return Piece(first, stop, tuple(self._session.within(first, stop)))
        return Piece(first, stop, tuple(row for row in rows if row.id < stop))

    def _count(self, piece: Piece) -> None:
        """Bring the ledger's slices of this piece to what the log says now."""
        by_slice: defaultdict[int, list[FileRow]] = defaultdict(list)
        for row in piece.rows:
            by_slice[_slice_of(row.id)].append(row)
        errors = self._session.row_errors_within(piece.rows[0].id, piece.rows[-1].id + 1) if piece.rows else []
        errors_by_slice = defaultdict(list)
        for error in errors:
            errors_by_slice[_slice_of(error.file_id)].append(error)
        growth, change = Counter[Key](), Counter[Key]()
        for first in sorted({*by_slice, *self._ledger.slices_between(piece.first, piece.stop)}):
            before = self._ledger.slice(first)
            counts = tally(by_slice[first], errors_by_slice[first], self._configuration)
            found, grown = follow(before, len(by_slice[first]), counts)
            self._lost += max(0, before.rows - found.rows)
            if found != before:
                self._ledger.put(first, found)
                growth.update(grown)
                change.update(counts)
                change.subtract(before.counts)
        self._ledger.grow(growth, change)

    def _out_of_time(self) -> bool:
        return time.monotonic() >= self._end


def after_head(marks: Marks, head: Head, now: datetime) -> tuple[Marks, Break | None]:
    """The marks after a look at the ends of the log, and how it lost its past, if it did."""
    kind = break_of(marks, head)
    if kind:
        again = {
            **{"counted": 0, "recounting": True, "audited": 0, "followed": None, "following": None},
            "newest": head.newest and min(head.newest, now),
        }
        marks = marks.broken(kind, now).model_copy(update=again)
    return marks.model_copy(update={"origin": head.first, "last": head.last}), kind


def break_of(marks: Marks, head: Head) -> Break | None:
    """How a log that was counted up to these marks lost its past, or None.

    That its newest change became older says that it was restored; a key that went back alone does not, for the newest
    row may have been deleted by itself.
    """
    if marks.origin is None:
        return None
    if head.first is None or head.first > marks.origin:
        return Break.TRUNCATED
    if marks.newest and (head.newest is None or head.newest < marks.newest):
        return Break.RESTORED
    return None


def _slice_of(key: int) -> int:
    return key - key % SLICE
