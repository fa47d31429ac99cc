"""Reads the load log: two statements in one read-only transaction, each bounded by the database itself.

Times may be real timestamps or ISO 8601 text; those without a zone are taken as UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, RowMapping, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from exporters.file_loads.configuration import LoadLog
from exporters.read_only import bounded, read_only_engine
from exporters.refreshing import SourceError

FILE_COLUMNS = frozenset(
    {"operator", "file_type", "data_day", "sequence", "status", "received_at", "processed_at", "reason"}
)
TOTAL_COLUMNS = frozenset({"operator", "file_type", "status", "reason", "files"})


@dataclass(frozen=True)
class FileRow:
    """One file of the load log; what its name did not tell is None."""

    operator: str | None
    file_type: str | None
    data_day: date | None
    sequence: int
    status: str
    received_at: datetime | None
    processed_at: datetime | None


@dataclass(frozen=True)
class TotalRow:
    """How many files of the whole log agree in these words."""

    operator: str | None
    file_type: str | None
    status: str
    reason: str | None
    files: int


@dataclass(frozen=True)
class LogRows:
    """What one read of the load log gave."""

    files: tuple[FileRow, ...]
    totals: tuple[TotalRow, ...]


def read_rows(load_log: LoadLog, data_day: date) -> LogRows:
    """The files of `data_day` and those still waiting, and the totals; raises SourceError."""
    try:
        with read_only_engine(load_log.url, load_log.statement_timeout).connect() as connection:
            return LogRows(
                tuple(_file_row(row) for row in _rows(connection, load_log, "files", FILE_COLUMNS, data_day)),
                tuple(_total_row(row) for row in _rows(connection, load_log, "totals", TOTAL_COLUMNS, data_day)),
            )
    except DBAPIError as error:
        raise SourceError(str(error.orig).strip().split("\n", 1)[0]) from error
    except SQLAlchemyError as error:
        raise SourceError(str(error).split("\n", 1)[0]) from error


def _rows(
    connection: Connection, load_log: LoadLog, name: str, columns: frozenset[str], data_day: date
) -> Sequence[RowMapping]:
    """The rows of one statement, its columns checked; the day is bound as ISO text, which every database reads."""
    statement = text(getattr(load_log, name))
    with bounded(connection, load_log.statement_timeout):
        found = connection.execute(statement, {"data_day": data_day.isoformat()})
        missing = sorted(columns - set(found.keys()))
        if missing:
            raise SourceError(f"load_log.{name} gives no column {', '.join(missing)}: name it with AS in the statement")
        return found.mappings().all()


def _file_row(row: RowMapping) -> FileRow:
    return FileRow(
        operator=row["operator"],
        file_type=row["file_type"],
        data_day=_day(row["data_day"]),
        sequence=int(row["sequence"] or 0),
        status=str(row["status"]),
        received_at=_moment(row["received_at"]),
        processed_at=_moment(row["processed_at"]),
    )


def _total_row(row: RowMapping) -> TotalRow:
    return TotalRow(row["operator"], row["file_type"], str(row["status"]), row["reason"], int(row["files"]))


def _day(value: object) -> date | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return _parsed(value).date()


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else _parsed(value)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parsed(value: object) -> datetime:
    try:
        return datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise SourceError(f"the load log holds {value!r} where a date or time is expected") from None
