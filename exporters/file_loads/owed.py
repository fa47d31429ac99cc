"""Which loads an outage left unprocessed: their deadline or the work on them fell within it (semantics 33).

The provider's log keeps no history of a file, so what stood at the outage's end is worked out from the times of its
rows: a file was processed by then if the log says that it is, and since before then.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from exporters.file_loads.calendars import LONGEST_CLOSURE
from exporters.file_loads.configuration import FileLoads, Line
from exporters.file_loads.reader import FileRow
from exporters.file_loads.snapshot import expected_lines, newest_files, state_of
from exporters.file_loads.vocabulary import DONE, WAITING, FileState

LONGEST_OUTAGE = timedelta(days=100)
WORK_BEHIND = timedelta(days=8)
"""How old the data day of a file may be whose work an outage interrupted."""
UNFINISHED = WAITING | {FileState.PROCESSING, FileState.REPROCESSING}


@dataclass(frozen=True)
class Outage:
    """When the service was away; UTC, the end excluded."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class OwedLoad:
    """A load that the outage touched: whether it left it unprocessed, and when it was processed; None while it is not.

    One that is no longer owed is told too: a log that was put right closes what its earlier word opened.
    """

    operator: str
    file_type: str
    data_day: date
    deadline_at: datetime
    state: FileState
    processed_at: datetime | None
    owed: bool


def days_concerned(outage: Outage, configuration: FileLoads) -> frozenset[date]:
    """The data days whose loads the outage may have held up."""
    zone = ZoneInfo(configuration.time_zone)
    first, last = (moment.astimezone(zone).date() for moment in (outage.start - WORK_BEHIND, outage.end))
    recent = {first + timedelta(days=more) for more in range((last - first).days + 1)}
    older = {first - timedelta(days=back) for back in range(1, LONGEST_CLOSURE + 1)}
    lines = expected_lines(configuration)
    due = {day for day in older if any(_due_within(outage, configuration, line, day) for line in lines)}
    return frozenset(recent | due)


def owed_loads(rows: Iterable[FileRow], outage: Outage, configuration: FileLoads) -> list[OwedLoad]:
    """The loads that the outage touched; `rows` are those of the days concerned."""
    files: dict[tuple[Line, date], list[FileRow]] = defaultdict(list)
    for row in rows:
        if row.operator and row.file_type and row.data_day:
            files[(row.operator, row.file_type), row.data_day].append(row)
    days = sorted(days_concerned(outage, configuration))
    return [
        load
        for line in expected_lines(configuration)
        for day in days
        for load in _owed(line, day, files.get((line, day), []), outage, configuration)
    ]


def _owed(line: Line, day: date, files: list[FileRow], outage: Outage, configuration: FileLoads) -> Iterator[OwedLoad]:
    states = {row.id: state_of(row, configuration.load_log.statuses) for row in files}
    done = {row.id: _moved_at(row) for row in files if states[row.id] in DONE}
    there = [row for row in files if row.received_at and row.received_at < outage.end]
    newest = max(there, key=lambda row: (row.sequence, row.id), default=None)
    held_up = any(_in_work(row, states[row.id], outage) for row in there)
    if not held_up and not _due_within(outage, configuration, line, day):
        return
    since = newest.sequence if newest else 0
    processed_at = min((at for row in files if row.sequence >= since and (at := done.get(row.id))), default=None)
    current = newest_files(files).get((line, day))
    state = state_of(current, configuration.load_log.statuses)
    in_time = newest is not None and (by := done.get(newest.id)) is not None and by <= outage.end
    yield OwedLoad(*line, day, configuration.deadline_at(line, day), state, processed_at, not in_time)


def _moved_at(row: FileRow) -> datetime | None:
    """When the work on a file that is no longer in work ended."""
    return row.processed_at or row.updated_at or row.received_at


def _in_work(row: FileRow, state: FileState, outage: Outage) -> bool:
    """Whether the file waited or was worked on at some moment of the outage; it came before the outage's end."""
    ended_at = None if state in UNFINISHED else _moved_at(row)
    return ended_at is None or ended_at > outage.start


def _due_within(outage: Outage, configuration: FileLoads, line: Line, day: date) -> bool:
    return outage.start <= configuration.deadline_at(line, day) < outage.end
