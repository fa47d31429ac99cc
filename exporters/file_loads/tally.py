"""What the rows of a slice of the log add up to, and how a total follows a slice that changed. Pure.

A slice is counted again whenever one of its rows may have changed, so that its count is always that of the log. A
total may not follow it downwards (semantics 31): what is processed again leaves its old outcome and enters another,
and both have happened. What disappears with its row is remembered as lost, and finds its way back uncounted when the
log is restored: nothing is counted twice because a table was emptied and filled again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product

from exporters.file_loads.configuration import FileLoads, Line
from exporters.file_loads.reader import FileRow, RowErrors
from exporters.file_loads.vocabulary import (
    DONE,
    OUTCOMES,
    PROCESSING_BOUNDS,
    REJECTIONS,
    ROW_ERRORS,
    UNKNOWN,
    FileState,
    Finding,
    Outcome,
    Rejection,
    RowError,
    RowResult,
)

Key = tuple[str, ...]
"""What is counted: the family and its label values, such as ("outcome", "CLARO", "ROBOS", "processed")."""

OUTCOME, REJECTION, ROWS, ROW_ERROR = "outcome", "rejection", "rows", "row_error"
PROCESSING, PROCESSING_MILLISECONDS, FINDING = "processing", "processing_ms", "finding"


@dataclass(frozen=True)
class Slice:
    """One slice as it was counted last: rows, what they add up to, and what was lost with rows that went away."""

    rows: int = 0
    counts: Mapping[Key, int] = field(default_factory=dict)
    lost: Mapping[Key, int] = field(default_factory=dict)


def follow(before: Slice, rows: int, counts: Mapping[Key, int]) -> tuple[Slice, Counter[Key]]:
    """The slice as it is now, and by how much each total grows."""
    lost, growth = Counter(before.lost), Counter[Key]()
    for key in counts.keys() | before.counts.keys():
        change = counts.get(key, 0) - before.counts.get(key, 0)
        if change > 0:
            returned = min(lost[key], change)
            lost[key] -= returned
            growth[key] = change - returned
        elif change < 0 and rows < before.rows:
            lost[key] -= change
    return Slice(rows, +Counter(counts), +lost), +growth


def tally(rows: Iterable[FileRow], errors: Iterable[RowErrors], configuration: FileLoads) -> Counter[Key]:
    """What these files add up to; `errors` are those of these files and perhaps of others."""
    counts: Counter[Key] = Counter()
    lines: dict[int, Line] = {}
    for row in rows:
        lines[row.id] = line = line_of(row, configuration)
        _count(row, line, configuration.load_log.statuses.get(row.status or "", FileState.OTHER), counts)
        for finding in findings_of(row, configuration):
            counts[FINDING, finding] += 1
    for error in errors:
        if error.file_id not in lines:
            continue
        if error.rows is None:
            counts[FINDING, Finding.BAD_VALUE] += 1
        else:
            counts[ROW_ERROR, *lines[error.file_id], ROW_ERRORS.get(error.reason, RowError.OTHER)] += error.rows
    return counts


def line_of(row: FileRow, configuration: FileLoads) -> Line:
    """The configured operator and file type; whatever else the log names counts as unknown."""
    return (
        row.operator if row.operator in configuration.operators else UNKNOWN,
        row.file_type if row.file_type in configuration.file_types else UNKNOWN,
    )


def findings_of(row: FileRow, configuration: FileLoads) -> frozenset[Finding]:
    """What is strange about a row by itself. A file type that no name told is not strange: its reason is F01."""
    found = set(row.findings)
    if row.status is not None and row.status not in configuration.load_log.statuses:
        found.add(Finding.UNKNOWN_STATUS)
    if row.operator is not None and row.operator not in configuration.operators:
        found.add(Finding.UNKNOWN_OPERATOR)
    if row.file_type is not None and row.file_type not in configuration.file_types:
        found.add(Finding.UNKNOWN_FILE_TYPE)
    return frozenset(found)


def processing_seconds(row: FileRow) -> float | None:
    """From the queue (or, where the log does not tell it, from reception) to the end; never below zero."""
    began = row.queued_at or row.received_at
    if began is None or row.processed_at is None:
        return None
    return max(0.0, (row.processed_at - began).total_seconds())


def zeros(configuration: FileLoads) -> dict[Key, int]:
    """Every total that there is, at zero (semantics 30)."""
    lines = list(product((*configuration.operators, UNKNOWN), (*configuration.file_types, UNKNOWN)))
    families: dict[str, Iterable[str]] = {
        OUTCOME: Outcome,
        REJECTION: Rejection,
        ROWS: RowResult,
        ROW_ERROR: RowError,
    }
    keys: list[Key] = [(name, *line, label) for name, labels in families.items() for line in lines for label in labels]
    for file_type in (*configuration.file_types, UNKNOWN):
        keys += [(PROCESSING, file_type, str(bound)) for bound in (*PROCESSING_BOUNDS, "+Inf")]
        keys.append((PROCESSING_MILLISECONDS, file_type))
    keys += [(FINDING, finding) for finding in Finding if finding is not Finding.DUPLICATE]
    return dict.fromkeys(keys, 0)


def _count(row: FileRow, line: Line, state: FileState, counts: Counter[Key]) -> None:
    if outcome := OUTCOMES.get(state):
        counts[OUTCOME, *line, outcome] += 1
    if row.reason:
        counts[REJECTION, *line, REJECTIONS.get(row.reason, Rejection.OTHER)] += 1
    if row.rows_ok:
        counts[ROWS, *line, RowResult.LOADED] += max(0, row.rows_ok)
    if row.rows_error:
        counts[ROWS, *line, RowResult.REJECTED] += max(0, row.rows_error)
    seconds = processing_seconds(row) if state in DONE else None
    if seconds is not None:
        counts[PROCESSING, line[1], _bound(seconds)] += 1
        counts[PROCESSING_MILLISECONDS, line[1]] += round(seconds * 1000)


def _bound(seconds: float) -> str:
    return next((str(bound) for bound in PROCESSING_BOUNDS if seconds <= bound), "+Inf")
