"""Reads the load log: one read-only transaction, each statement bounded by the database itself.

Times may be real timestamps or ISO 8601 text; those without a zone are taken in the log's `naive_times`. What
cannot be understood in one row is a finding about that row and hides no other.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, Select, Subquery
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from exporters.file_loads import relations
from exporters.file_loads.configuration import LoadLog
from exporters.file_loads.relations import Relation
from exporters.file_loads.values import Bad, day_of, moment, row_count, whole, word
from exporters.file_loads.vocabulary import Finding
from exporters.read_only import bounded, is_timeout, read_only_engine
from exporters.refreshing import SourceError, SourceTimeout

KEYS_AT_ONCE = 500
SAMPLE = 200
NO_KEY = -1
"""Stands for a key that a row does not have: it is shown with its day, and belongs to no slice."""
LARGEST_KEY = 2**62


@dataclass(frozen=True)
class FileRow:
    """One file of the load log; what the log does not tell is None."""

    id: int
    operator: str | None
    file_type: str | None
    data_day: date | None
    sequence: int
    status: str | None
    received_at: datetime | None = None
    updated_at: datetime | None = None
    queued_at: datetime | None = None
    processed_at: datetime | None = None
    reason: str | None = None
    rows_total: int | None = None
    rows_ok: int | None = None
    rows_error: int | None = None
    findings: frozenset[Finding] = frozenset()


@dataclass(frozen=True)
class RowErrors:
    """How many rows of one file were left out for one reason; None when the log's number is none."""

    file_id: int
    reason: str
    rows: int | None


@dataclass(frozen=True)
class Batch:
    """A file announced as a mass block."""

    operator: str
    file_type: str
    data_day: date
    sequence: int


@dataclass(frozen=True)
class UsualCount:
    """What one line sent on one data day."""

    operator: str
    file_type: str
    data_day: date
    files: int
    rows: int


@dataclass(frozen=True)
class Head:
    """The ends of the log: first and last key, newest change as read and as the log writes it."""

    first: int | None
    last: int | None
    newest: datetime | None
    spelling: object = field(default=None, compare=False)


class LoadLogReader:
    """Opens sessions on one load log. The columns are checked in the first session that succeeds."""

    def __init__(self, load_log: LoadLog) -> None:
        self._load_log = load_log
        self._relations = relations.relations(load_log)
        self._present: dict[str, frozenset[str]] | None = None

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """One read-only transaction; raises SourceError, SourceTimeout when the database ended a statement."""
        try:
            with read_only_engine(self._load_log.url, self._load_log.statement_timeout).connect() as connection:
                if self._present is None:
                    self._present = self._checked(connection)
                yield Session(connection, self._load_log, self._selected(self._present))
        except DBAPIError as error:
            reason = str(error.orig).strip().split("\n", 1)[0]
            raise (SourceTimeout if is_timeout(error) else SourceError)(reason) from error
        except SQLAlchemyError as error:
            raise SourceError(str(error).split("\n", 1)[0]) from error

    def check(self) -> dict[str, frozenset[str]]:
        """The columns that each source gives; raises SourceError naming what is missing or of a wrong type."""
        self._present = None
        with self.session():
            assert self._present is not None
            return self._present

    def _selected(self, present: dict[str, frozenset[str]]) -> dict[str, Subquery]:
        return {name: relation.selected(present[name]) for name, relation in self._relations.items()}

    def _checked(self, connection: Connection) -> dict[str, frozenset[str]]:
        present = {name: self._columns(connection, relation) for name, relation in self._relations.items()}
        session = Session(connection, self._load_log, self._selected(present))
        newest = session.newest_rows(SAMPLE)
        refuse_wrong_types(newest, ZoneInfo(self._load_log.naive_times))
        _refuse_days_that_cannot_be_asked_for(newest, session)
        return present

    def _columns(self, connection: Connection, relation: Relation) -> frozenset[str]:
        with bounded(connection, self._load_log.statement_timeout):
            there = {str(key).casefold() for key in connection.execute(relation.without_rows()).keys()}  # noqa: SIM118
        wanted = {name: relation.foreign_name(name) for name in (*relation.required, *relation.optional)}
        found = frozenset(name for name, foreign in wanted.items() if foreign and foreign.casefold() in there)
        is_sql = isinstance(relation.source, str)
        missing = [
            str(foreign)
            for name, foreign in wanted.items()
            if foreign and name not in found and (name in relation.required or not is_sql)
        ]
        if missing:
            remedy = "name it with AS in the statement" if is_sql else "correct the name under `columns`"
            raise SourceError(f"load_log.{relation.name} gives no column {', '.join(missing)}: {remedy}")
        return found


class Session:
    """What can be asked of the load log within one transaction."""

    def __init__(self, connection: Connection, load_log: LoadLog, selected: dict[str, Subquery]) -> None:
        self._connection = connection
        self._timeout = load_log.statement_timeout
        self._zone = ZoneInfo(load_log.naive_times)
        self._files = selected["files"]
        self._row_errors = selected.get("row_errors")
        self._batches = selected.get("batches")

    def head(self) -> Head:
        """The ends of the log."""
        [row] = self._rows(relations.head(self._files))
        newest = moment(row["newest"], self._zone)
        first, last = (_key(row[name]) for name in ("first", "last"))
        if last is not None and last < 0:
            raise SourceError(f"load_log.files counts its rows below zero, up to {last}: give growing numbers as id")
        return Head(first, last, newest if isinstance(newest, datetime) else None, row["newest"])

    def changed_slices(self, since: datetime, spelling: object) -> set[int]:
        """The first keys of the slices with a row that changed since then."""
        bound = _as_the_log_writes(since, spelling, self._zone)
        return {int(row["first"]) for row in self._rows(relations.changed_slices(self._files, bound))}

    def after(self, first: int, limit: int) -> list[FileRow]:
        """At most so many rows from this key on."""
        return self._file_rows(relations.after(self._files, first, limit))

    def within(self, first: int, stop: int) -> list[FileRow]:
        """The rows with these keys."""
        return self._file_rows(relations.within(self._files, first, stop))

    def row_errors_within(self, first: int, stop: int) -> list[RowErrors]:
        """The row errors of the files with these keys; none when the log does not tell them."""
        if self._row_errors is None:
            return []
        return _row_errors(self._rows(relations.errors_within(self._row_errors, first, stop)))

    def row_errors_of(self, keys: Collection[int]) -> list[RowErrors]:
        """The row errors of these files."""
        if self._row_errors is None:
            return []
        ordered = sorted(keys)
        parts = (ordered[at : at + KEYS_AT_ONCE] for at in range(0, len(ordered), KEYS_AT_ONCE))
        return [
            found for part in parts for found in _row_errors(self._rows(relations.errors_of(self._row_errors, part)))
        ]

    def of_days(self, days: Iterable[date]) -> list[FileRow]:
        """The files of these data days."""
        return self._file_rows(relations.of_days(self._files, [self._day(day) for day in sorted(days)]))

    def undated(self, since: datetime, until: datetime) -> list[FileRow]:
        """The files that came in this span and whose name told no data day."""
        spelling = self.head().spelling
        bounds = [_as_the_log_writes(moment, spelling, self._zone) for moment in (since, until + timedelta(days=3))]
        rows = self._file_rows(relations.undated(self._files, *bounds))
        return [row for row in rows if row.received_at and since <= row.received_at < until]

    def with_status(self, words: Collection[str]) -> list[FileRow]:
        """The files that the log calls by one of these words, of any day."""
        return self._file_rows(relations.with_status(self._files, words))

    def batches(self, days: Iterable[date]) -> list[Batch]:
        """The files of these data days that were announced as mass blocks."""
        if self._batches is None:
            return []
        rows = self._rows(relations.of_days(self._batches, [self._day(day) for day in sorted(days)]))
        found = ((row, day_of(row["data_day"]), whole(row["sequence"])) for row in rows)
        return [
            Batch(word(row["operator"]) or "", word(row["file_type"]) or "", day, sequence)
            for row, day, sequence in found
            if isinstance(day, date) and isinstance(sequence, int)
        ]

    def usual_counts(self, since: date, before: date, words: Collection[str]) -> list[UsualCount]:
        """What each line sent on each day of this span, in files that were processed."""
        rows = self._rows(relations.usual_counts(self._files, self._day(since), self._day(before), words))
        found = ((row, word(row["operator"]), word(row["file_type"]), day_of(row["data_day"])) for row in rows)
        return [
            UsualCount(operator, file_type, day, int(row["files"]), int(row["rows"] or 0))
            for row, operator, file_type, day in found
            if operator and file_type and isinstance(day, date)
        ]

    def newest_rows(self, limit: int) -> Sequence[RowMapping]:
        """The last rows as the database gives them."""
        last = relations.after(self._files, 0, limit).where(self._files.c.id.is_not(None)).order_by(None)
        return self._rows(last.order_by(self._files.c.id.desc()))

    def _day(self, day: date) -> date | str:
        """ISO text is read as a day by SQLite and PostgreSQL whatever the column's type; others want a real date."""
        return day.isoformat() if self._connection.dialect.name in {"sqlite", "postgresql"} else day

    def _file_rows(self, statement: Select[Any]) -> list[FileRow]:
        return [file_row(row, self._zone) for row in self._rows(statement)]

    def _rows(self, statement: Select[Any]) -> Sequence[RowMapping]:
        with bounded(self._connection, self._timeout):
            return self._connection.execute(statement).mappings().all()


def file_row(row: RowMapping, zone: ZoneInfo) -> FileRow:
    """The row in our types, with what is wrong about it."""
    findings: set[Finding] = set()

    def known(value: Any) -> Any:
        if isinstance(value, Bad):
            findings.add(Finding.BAD_VALUE)
            return None
        return value

    key = known(whole(row["id"]))
    sequence = known(whole(row["sequence"]))
    found = {
        "data_day": known(day_of(row["data_day"])),
        **{name: known(moment(row[name], zone)) for name in ("received_at", "updated_at", "queued_at", "processed_at")},
        **{name: known(row_count(row[name])) for name in ("rows_total", "rows_ok", "rows_error")},
    }
    if any(row[name] is None for name in ("id", "status", "operator", "updated_at")):
        findings.add(Finding.MISSING_VALUE)
    return FileRow(
        id=NO_KEY if key is None else key,
        operator=word(row["operator"]),
        file_type=word(row["file_type"]),
        sequence=sequence or 0,
        status=word(row["status"]),
        reason=word(row["reason"]),
        findings=frozenset(findings),
        **found,
    )


def refuse_wrong_types(rows: Sequence[RowMapping], zone: ZoneInfo) -> None:
    """Raise SourceError for a column none of whose values is what is needed: the column is wrong, not a row."""
    readings: dict[str, tuple[Callable[[Any], object], str]] = {
        **dict.fromkeys(("id", "sequence", "rows_total", "rows_ok", "rows_error"), (whole, "a whole number")),
        **dict.fromkeys(
            ("received_at", "updated_at", "queued_at", "processed_at"), (lambda value: moment(value, zone), "a time")
        ),
        "data_day": (day_of, "a day"),
    }
    for name, (reading, needed) in readings.items():
        values = [row[name] for row in rows if row[name] is not None]
        if values and all(isinstance(reading(value), Bad) for value in values):
            kind = type(values[0]).__name__
            raise SourceError(f"load_log.files gives {values[0]!r} ({kind}) as {name}, where {needed} is needed")


def _refuse_days_that_cannot_be_asked_for(rows: Sequence[RowMapping], session: Session) -> None:
    """Raise SourceError when a row is not found by its own day, as where the log's days have a time of the day."""
    for row in rows:
        day, key = day_of(row["data_day"]), whole(row["id"])
        if isinstance(day, date) and isinstance(key, int):
            if all(found.id != key for found in session.of_days([day])):
                remedy = "give a day without a time of the day, such as CAST(… AS date) AS data_day in a SELECT"
                raise SourceError(
                    f"load_log.files gives {row['data_day']!r} as data_day, which {day} does not find: {remedy}"
                )
            return


def _key(value: Any) -> int | None:
    """One of the log's keys; raises SourceError for what can be none."""
    found = whole(value)
    if isinstance(found, Bad) or (found is not None and found > LARGEST_KEY):
        raise SourceError(f"load_log.files gives {value!r} as id, where a whole number below 2^62 is needed")
    return found


def _row_errors(rows: Sequence[RowMapping]) -> list[RowErrors]:
    found = ((whole(row["file_id"]), str(row["reason"]).strip(), row_count(row["rows"])) for row in rows)
    return [
        RowErrors(key, reason, count if isinstance(count, int) else None)
        for key, reason, count in found
        if isinstance(key, int)
    ]


def _as_the_log_writes(since: datetime, spelling: object, zone: ZoneInfo) -> object:
    """The moment in the type of the log's own times. Text compares as text, whatever its offset and its
    separator: the day before is early enough for all of them."""
    if isinstance(spelling, datetime):
        return since if spelling.tzinfo else since.astimezone(zone).replace(tzinfo=None)
    midnight = datetime.combine(since.date(), time(), UTC)
    return date.fromordinal(midnight.date().toordinal() - 1).isoformat()
