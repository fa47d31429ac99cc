"""The load log at one moment: rows in, figures out. Pure; what the log does not say is absent, never zero."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import product
from typing import TypeVar

from exporters.file_loads.configuration import FileLoads
from exporters.file_loads.reader import FileRow, LogRows, TotalRow
from exporters.file_loads.vocabulary import OUTCOMES, REJECTIONS, UNKNOWN, WAITING, FileState, Outcome, Rejection

Line = tuple[str, str]
"""An operator and a file type."""


@dataclass(frozen=True)
class Totals:
    """Files since the log began: how the work on them ended, and why they were rejected."""

    outcomes: Mapping[tuple[str, str, Outcome], int]
    rejections: Mapping[tuple[str, str, Rejection], int]


@dataclass(frozen=True)
class Snapshot:
    """Where every expected file of the data day stands, what waits, and the totals of the log."""

    data_day: date
    states: Mapping[Line, FileState]
    received_at: Mapping[Line, datetime]
    processed_at: Mapping[Line, datetime]
    waiting: Mapping[Line, int]
    waiting_since: Mapping[Line, datetime]
    totals: Totals
    strange: frozenset[str]


def expected_lines(configuration: FileLoads) -> list[Line]:
    """Every operator × file type of the exchange, in the order of the configuration."""
    return list(product(configuration.operators, configuration.file_types))


def snapshot(rows: LogRows, configuration: FileLoads, now: datetime) -> Snapshot:
    """The figures of these rows, read at `now`. A file without row is expected (semantics 29 and 30)."""
    lines = expected_lines(configuration)
    day = configuration.data_day(now)
    statuses = configuration.load_log.statuses
    current = _latest(row for row in rows.files if row.data_day == day)
    queues = _queues(lines, rows.files, statuses)
    return Snapshot(
        data_day=day,
        states={line: _state_of(current.get(line), statuses) for line in lines},
        received_at=_known((line, current[line].received_at) for line in lines if line in current),
        processed_at=_known((line, current[line].processed_at) for line in lines if line in current),
        waiting={line: len(queue) for line, queue in queues.items()},
        waiting_since=_known((line, _oldest(queue)) for line, queue in queues.items()),
        totals=_totals(rows.totals, configuration),
        strange=frozenset(_strange(rows, configuration)),
    )


def never_less(shown: Totals, before: Totals, now: Totals) -> Totals:
    """What to show after `shown`, when the log counted `before` then and counts `now` (semantics 31).

    A file that is processed again leaves its old outcome, so the log's own count may fall; a counter may not:
    it stays, and grows with the next file.
    """
    return Totals(
        _grown(shown.outcomes, before.outcomes, now.outcomes),
        _grown(shown.rejections, before.rejections, now.rejections),
    )


Key = TypeVar("Key")


def _grown(shown: Mapping[Key, int], before: Mapping[Key, int], now: Mapping[Key, int]) -> dict[Key, int]:
    return {key: shown[key] + max(0, count - before[key]) for key, count in now.items()}


def _latest(rows: Iterable[FileRow]) -> dict[Line, FileRow]:
    """The row of the highest sequence of each line."""
    ordered = sorted(rows, key=lambda row: row.sequence)
    return {(row.operator, row.file_type): row for row in ordered if row.operator and row.file_type}


def _state_of(row: FileRow | None, statuses: Mapping[str, FileState]) -> FileState:
    return statuses.get(row.status, FileState.OTHER) if row else FileState.EXPECTED


def _queues(
    lines: Iterable[Line], rows: Iterable[FileRow], statuses: Mapping[str, FileState]
) -> dict[Line, list[FileRow]]:
    """The files of each line that wait, of whatever day."""
    queues: dict[Line, list[FileRow]] = {line: [] for line in lines}
    for row in rows:
        line = (row.operator or UNKNOWN, row.file_type or UNKNOWN)
        if line in queues and statuses.get(row.status) in WAITING:
            queues[line].append(row)
    return queues


def _oldest(queue: Iterable[FileRow]) -> datetime | None:
    return min((row.received_at for row in queue if row.received_at), default=None)


def _known(moments: Iterable[tuple[Line, datetime | None]]) -> dict[Line, datetime]:
    return {line: moment for line, moment in moments if moment}


def _totals(rows: Iterable[TotalRow], configuration: FileLoads) -> Totals:
    """The totals by configured operator and file type; whatever else the log names counts as unknown."""
    operators, file_types = (*configuration.operators, UNKNOWN), (*configuration.file_types, UNKNOWN)
    outcomes = dict.fromkeys(product(operators, file_types, Outcome), 0)
    rejections = dict.fromkeys(product(operators, file_types, Rejection), 0)
    for row in rows:
        operator = row.operator if row.operator in configuration.operators else UNKNOWN
        file_type = row.file_type if row.file_type in configuration.file_types else UNKNOWN
        outcome = OUTCOMES.get(configuration.load_log.statuses.get(row.status, FileState.OTHER))
        if outcome:
            outcomes[operator, file_type, outcome] += row.files
        if row.reason:
            rejections[operator, file_type, _rejection(row.reason)] += row.files
    return Totals(outcomes, rejections)


def _rejection(reason: str) -> Rejection:
    return REJECTIONS.get(reason, Rejection.OTHER)


def _strange(rows: LogRows, configuration: FileLoads) -> Iterator[str]:
    """What the log says that configuration does not know, in words for the operator of the exporter."""
    seen = {(row.status, row.operator, row.file_type) for row in rows.files}
    seen |= {(row.status, row.operator, row.file_type) for row in rows.totals}
    for status, operator, file_type in seen:
        if status not in configuration.load_log.statuses:
            yield f"status {status!r}"
        if operator and operator not in configuration.operators:
            yield f"operator {operator!r}"
        if file_type and file_type not in configuration.file_types:
            yield f"file type {file_type!r}"
