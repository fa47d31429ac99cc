"""The load log at one moment: rows in, figures out. Pure; what the log does not say is absent, never zero."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import product
from statistics import median

from exporters.file_loads.configuration import FileLoads, Line
from exporters.file_loads.ledger import Totals
from exporters.file_loads.reader import Batch, FileRow, UsualCount
from exporters.file_loads.tally import findings_of
from exporters.file_loads.vocabulary import UNKNOWN, WAITING, FileState, Finding

URGENCY = (
    FileState.MISSING,
    FileState.REJECTED,
    FileState.FAILED,
    FileState.EXPECTED,
    FileState.OTHER,
    FileState.REPROCESSING,
    FileState.LATE,
    FileState.RECEIVED,
    FileState.VALIDATING,
    FileState.QUEUED,
    FileState.PROCESSING,
    FileState.OBSERVED,
    FileState.REGULARISED,
    FileState.PROCESSED,
)
"""Where one line owes the files of several days, the day whose state stands first here is shown."""

UNUSUAL_FACTOR = 5
ROWS_WORTH_COMPARING = 20
"""Both as rule F10 has them: a handful of rows is never unusual."""
USUAL_DAYS = timedelta(days=28)


@dataclass(frozen=True)
class LogRows:
    """What one read of the load log gave: the files of the days that are owed, those that wait, and what is usual."""

    files: tuple[FileRow, ...] = ()
    waiting: tuple[FileRow, ...] = ()
    batches: tuple[Batch, ...] = ()
    usual: Mapping[Line, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """Where every expected file stands, what waits, and the totals of the log; `totals` is None until all was counted.

    `days` is the data day that each line shows: the current one or, where closed days made several due at once, the
    one that is worst off.
    """

    days: Mapping[Line, date]
    states: Mapping[Line, FileState]
    received_at: Mapping[Line, datetime]
    processed_at: Mapping[Line, datetime]
    rows: Mapping[Line, int]
    usual: Mapping[Line, float]
    planned: Mapping[Line, bool]
    waiting: Mapping[Line, int]
    waiting_since: Mapping[Line, datetime]
    findings: Mapping[Finding, int]
    strange: frozenset[str]
    totals: Totals | None = None


def expected_lines(configuration: FileLoads) -> list[Line]:
    """Every operator × file type of the exchange, in the order of the configuration."""
    return list(product(configuration.operators, configuration.file_types))


def days_to_read(configuration: FileLoads, now: datetime) -> frozenset[date]:
    """The data days that some line owes now."""
    return frozenset(day for line in expected_lines(configuration) for day in configuration.owed_days(line, now))


def shown_day(line: Line, files: Mapping[tuple[Line, date], FileRow], configuration: FileLoads, now: datetime) -> date:
    """The data day that a line shows."""
    days = configuration.owed_days(line, now) or (configuration.data_day(now),)
    statuses = configuration.load_log.statuses
    return min(reversed(days), key=lambda day: URGENCY.index(state_of(files.get((line, day)), statuses)))


def snapshot(rows: LogRows, configuration: FileLoads, now: datetime, totals: Totals | None = None) -> Snapshot:
    """The figures of these rows, read at `now`. A file without row is expected (semantics 29 and 30)."""
    lines = expected_lines(configuration)
    statuses = configuration.load_log.statuses
    newest = newest_files(rows.files)
    days = {line: shown_day(line, newest, configuration, now) for line in lines}
    current = {line: newest[line, days[line]] for line in lines if (line, days[line]) in newest}
    queues = _queues(lines, rows.waiting, statuses)
    return Snapshot(
        days=days,
        states={line: state_of(current.get(line), statuses) for line in lines},
        received_at=_known((line, row.received_at) for line, row in current.items()),
        processed_at=_known((line, row.processed_at) for line, row in current.items()),
        rows={line: row.rows_total for line, row in current.items() if row.rows_total is not None},
        usual={line: count for line, count in rows.usual.items() if line in days},
        planned={
            line: configuration.is_planned(line, now) or is_announced(current.get(line), rows.batches) for line in lines
        },
        waiting={line: len(queue) for line, queue in queues.items()},
        waiting_since=_known((line, _oldest(queue)) for line, queue in queues.items()),
        findings=_findings(rows, configuration),
        strange=frozenset(_strange(rows, configuration)),
        totals=totals,
    )


def newest_files(rows: Iterable[FileRow]) -> dict[tuple[Line, date], FileRow]:
    """The file of the highest sequence of each line and data day; of two rows for one file, the later row."""
    ordered = sorted(rows, key=lambda row: (row.sequence, row.id))
    return {
        ((row.operator, row.file_type), row.data_day): row
        for row in ordered
        if row.operator and row.file_type and row.data_day
    }


def state_of(row: FileRow | None, statuses: Mapping[str, FileState]) -> FileState:
    """Where a file stands; without a row it is expected."""
    return statuses.get(row.status or "", FileState.OTHER) if row else FileState.EXPECTED


def duplicates(rows: Iterable[FileRow]) -> dict[tuple[Line, date, int], int]:
    """How many rows too many the log has for a file: same line, data day and sequence."""
    files = Counter(
        ((row.operator, row.file_type), row.data_day, row.sequence)
        for row in rows
        if row.operator and row.file_type and row.data_day and row.sequence > 0
    )
    return {file: count - 1 for file, count in files.items() if count > 1}


def is_announced(row: FileRow | None, batches: Iterable[Batch]) -> bool:
    """Whether the log itself announced this file as a mass block."""
    return row is not None and any(
        (batch.operator, batch.file_type, batch.data_day, batch.sequence)
        == (row.operator, row.file_type, row.data_day, row.sequence)
        for batch in batches
    )


def is_unusual(rows: float | None, usual: float | None) -> bool:
    """Whether a count of rows lies far from the usual one (the rule F10); unknown is not unusual."""
    if rows is None or usual is None:
        return False
    if rows > UNUSUAL_FACTOR * max(usual, ROWS_WORTH_COMPARING):
        return True
    return usual >= ROWS_WORTH_COMPARING and rows * UNUSUAL_FACTOR < usual


def usual_rows(counts: Iterable[UsualCount]) -> dict[Line, float]:
    """Rows of a usual file of each line: the median over the days of each day's rows a file."""
    by_line: dict[Line, list[float]] = {}
    for count in counts:
        by_line.setdefault((count.operator, count.file_type), []).append(count.rows / count.files)
    return {line: median(values) for line, values in by_line.items()}


def waiting_words(configuration: FileLoads) -> list[str]:
    """The log's words for a file that waits."""
    return [word for word, state in configuration.load_log.statuses.items() if state in WAITING]


def _queues(
    lines: Iterable[Line], rows: Iterable[FileRow], statuses: Mapping[str, FileState]
) -> dict[Line, list[FileRow]]:
    """The files of each line that wait, of whatever day."""
    queues: dict[Line, list[FileRow]] = {line: [] for line in lines}
    for row in rows:
        line = (row.operator or UNKNOWN, row.file_type or UNKNOWN)
        if line in queues and statuses.get(row.status or "") in WAITING:
            queues[line].append(row)
    return queues


def _oldest(queue: Iterable[FileRow]) -> datetime | None:
    return min((row.received_at for row in queue if row.received_at), default=None)


def _known(moments: Iterable[tuple[Line, datetime | None]]) -> dict[Line, datetime]:
    return {line: moment for line, moment in moments if moment}


def _findings(rows: LogRows, configuration: FileLoads) -> dict[Finding, int]:
    counts = Counter(finding for row in _once(rows) for finding in findings_of(row, configuration))
    counts[Finding.DUPLICATE] = sum(duplicates(rows.files).values())
    return {finding: counts[finding] for finding in Finding}


def _once(rows: LogRows) -> Iterable[FileRow]:
    return {row.id: row for row in (*rows.files, *rows.waiting)}.values()


def _strange(rows: LogRows, configuration: FileLoads) -> Iterator[str]:
    """What the log says that configuration does not know, in words for the operator of the exporter."""
    for row in _once(rows):
        found = findings_of(row, configuration)
        if Finding.UNKNOWN_STATUS in found:
            yield f"status {row.status!r}"
        if Finding.UNKNOWN_OPERATOR in found:
            yield f"operator {row.operator!r}"
        if Finding.UNKNOWN_FILE_TYPE in found:
            yield f"file type {row.file_type!r}"
        if Finding.MISSING_VALUE in found:
            yield f"NULL where a value is needed, in the row with key {row.id}"
        if Finding.BAD_VALUE in found:
            yield f"a value that is no time, day or number, in the row with key {row.id}"
    for (operator, file_type), day, sequence in duplicates(rows.files):
        yield f"two rows for one file: {operator} {file_type} {day} {sequence:02d}"
