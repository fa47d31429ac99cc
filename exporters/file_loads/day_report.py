"""The inconsistencies of one data day, from the same rows and by the same functions as the metrics. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from exporters.file_loads.configuration import FileLoads, Line
from exporters.file_loads.reader import Batch, FileRow, RowErrors
from exporters.file_loads.snapshot import (
    duplicates,
    expected_lines,
    is_announced,
    is_unusual,
    newest_files,
    state_of,
)
from exporters.file_loads.tally import findings_of
from exporters.file_loads.vocabulary import UNKNOWN, WAITING, FileState


class Kind(StrEnum):
    """What can be wrong about a day, in the order in which it is told."""

    MISSING = "missing"
    LATE = "late"
    QUEUED = "queued"
    REJECTED = "rejected"
    HELD = "held"
    FAILED = "failed"
    ROW_ERRORS = "row_errors"
    UNUSUAL = "unusual"
    DUPLICATE = "duplicate"
    STRANGE = "strange"


@dataclass(frozen=True)
class DayRows:
    """What was read for a report: the day's files and those without a day that came while it was due."""

    files: tuple[FileRow, ...] = ()
    undated: tuple[FileRow, ...] = ()
    row_errors: tuple[RowErrors, ...] = ()
    batches: tuple[Batch, ...] = ()
    usual: Mapping[Line, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Load:
    """One line of the day: what its newest file says, how many files came, what was left out."""

    operator: str
    file_type: str
    state: FileState
    files: int
    deadline_at: datetime
    received_at: datetime | None
    processed_at: datetime | None
    rows_total: int | None
    rows_ok: int | None
    rows_error: int | None
    usual: float | None
    planned: bool
    row_errors: Mapping[str, int]


@dataclass(frozen=True)
class Inconsistency:
    """One thing wrong; what does not apply to its kind is None."""

    kind: Kind
    operator: str
    file_type: str
    state: FileState | None = None
    sequence: int | None = None
    reason: str | None = None
    rows: int | None = None
    usual: float | None = None
    received_at: datetime | None = None
    lasting: timedelta | None = None


@dataclass(frozen=True)
class DayReport:
    """A data day as the log told it at `at`."""

    day: date
    at: datetime
    loads: tuple[Load, ...]
    inconsistencies: tuple[Inconsistency, ...]

    @property
    def states(self) -> Counter[FileState]:
        """How many lines stand in each state."""
        return Counter(load.state for load in self.loads)


def day_report(rows: DayRows, configuration: FileLoads, day: date, now: datetime) -> DayReport:
    """The report of a data day, as of `now`."""
    loads = tuple(_load(line, rows, configuration, day, now) for line in expected_lines(configuration))
    found = [
        *(thing for load in loads for thing in _of_load(load, rows, now)),
        *(thing for row in (*rows.files, *rows.undated) for thing in _of_file(row, rows, configuration, now)),
        *_duplicates(rows),
    ]
    order = list(Kind)
    found.sort(key=lambda thing: (order.index(thing.kind), thing.operator, thing.file_type, thing.sequence or 0))
    return DayReport(day, now, loads, tuple(found))


def _load(line: Line, rows: DayRows, configuration: FileLoads, day: date, now: datetime) -> Load:
    mine = [row for row in rows.files if (row.operator, row.file_type) == line]
    newest = newest_files(mine).get((line, day))
    return Load(
        operator=line[0],
        file_type=line[1],
        state=state_of(newest, configuration.load_log.statuses),
        files=sum(row.received_at is not None for row in mine),
        deadline_at=configuration.deadline_at(line, day),
        received_at=newest.received_at if newest else None,
        processed_at=newest.processed_at if newest else None,
        rows_total=newest.rows_total if newest else None,
        rows_ok=newest.rows_ok if newest else None,
        rows_error=newest.rows_error if newest else None,
        usual=rows.usual.get(line),
        planned=is_announced(newest, rows.batches) or configuration.is_planned(line, _arrival(newest, now)),
        row_errors=_row_errors(mine, rows.row_errors),
    )


def _arrival(row: FileRow | None, now: datetime) -> datetime:
    return row.received_at if row and row.received_at else now


def _row_errors(files: Iterable[FileRow], errors: Iterable[RowErrors]) -> dict[str, int]:
    keys, counts = {row.id for row in files}, defaultdict[str, int](int)
    for error in errors:
        if error.file_id in keys:
            counts[error.reason] += error.rows or 0
    return dict(sorted(counts.items()))


def _of_load(load: Load, rows: DayRows, now: datetime) -> Iterator[Inconsistency]:
    """What is wrong with the line as a whole."""
    line = (load.operator, load.file_type)
    overdue = now - load.deadline_at
    if load.state in {FileState.EXPECTED, FileState.MISSING} and overdue > timedelta(0):
        yield Inconsistency(Kind.MISSING, *line, state=load.state, lasting=overdue)
    arrivals = [row for row in rows.files if (row.operator, row.file_type) == line and row.received_at]
    first = min(arrivals, key=lambda row: row.received_at or now, default=None)
    if first and first.received_at and first.received_at > load.deadline_at:
        yield Inconsistency(
            Kind.LATE,
            *line,
            state=load.state,
            sequence=first.sequence,
            received_at=first.received_at,
            lasting=first.received_at - load.deadline_at,
        )
    for reason, count in load.row_errors.items():
        yield Inconsistency(Kind.ROW_ERRORS, *line, state=load.state, reason=reason, rows=count)
    if is_unusual(load.rows_total, load.usual) and not load.planned:
        yield Inconsistency(
            Kind.UNUSUAL,
            *line,
            state=load.state,
            rows=load.rows_total,
            usual=load.usual,
            received_at=load.received_at,
        )


def _of_file(row: FileRow, rows: DayRows, configuration: FileLoads, now: datetime) -> Iterator[Inconsistency]:
    """What is wrong with one file."""
    state = state_of(row, configuration.load_log.statuses)
    about = Inconsistency(
        Kind.STRANGE,
        row.operator or UNKNOWN,
        row.file_type or UNKNOWN,
        state=state,
        sequence=row.sequence,
        reason=row.reason,
        rows=row.rows_total,
        received_at=row.received_at,
    )
    kinds = {FileState.REJECTED: Kind.REJECTED, FileState.REPROCESSING: Kind.HELD, FileState.FAILED: Kind.FAILED}
    if state in kinds:
        usual = rows.usual.get((about.operator, about.file_type)) if state is FileState.REPROCESSING else None
        yield _replaced(about, kind=kinds[state], usual=usual)
    waited = now - row.received_at if row.received_at else None
    if state in WAITING and waited and waited.total_seconds() > configuration.queue_limit:
        yield _replaced(about, kind=Kind.QUEUED, lasting=waited)
    for finding in sorted(findings_of(row, configuration)):
        yield _replaced(about, reason=finding.value)


def _duplicates(rows: DayRows) -> Iterator[Inconsistency]:
    for ((operator, file_type), _, sequence), extra in duplicates(rows.files).items():
        yield Inconsistency(Kind.DUPLICATE, operator, file_type, sequence=sequence, rows=extra + 1)


def _replaced(thing: Inconsistency, **changes: Any) -> Inconsistency:
    return replace(thing, **changes)


def month_matrix(
    rows: Iterable[FileRow], configuration: FileLoads, days: Iterable[date], today: date
) -> dict[Line, dict[date, FileState]]:
    """The state of each line on each data day of a month; days that are not over are left out."""
    newest = newest_files(rows)
    statuses = configuration.load_log.statuses
    over = [day for day in days if day < today]
    return {
        line: {day: state_of(newest.get((line, day)), statuses) for day in over}
        for line in expected_lines(configuration)
    }
