"""How times and details are kept, and read again even after somebody edited the database by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, DateTime, Dialect, TypeDecorator, case, literal_column


class UtcDateTime(TypeDecorator[datetime]):
    """A time with zone, kept in UTC to the microsecond; SQLite, which has no zones, keeps it naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone cannot be stored")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@dataclass(frozen=True)
class NotReadable:
    """Stands for a stored value that is nothing of what its column holds."""


def _lenient(read: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    def lenient(value: Any) -> Any:
        try:
            return value if read is None else read(value)
        except (ValueError, TypeError, OverflowError, RecursionError):
            return NotReadable()

    return lenient


_FIRST: ColumnElement[Any] = literal_column("'0001-01-03 00:00:00'")
_LAST: ColumnElement[Any] = literal_column("'9999-12-29 00:00:00'")


class EditedTime(UtcDateTime):
    """A time of the record. What is none, or lies where no zone reaches, is read as None or NotReadable: whoever reads
    the row says which it is."""

    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The driver of PostgreSQL fails over times that Python does not know; these do not reach it."""
        return case((column.between(_FIRST, _LAST), column), else_=None)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """A value of the driver as a time, or NotReadable."""
        return _lenient(super().result_processor(dialect, coltype))


class EditedDetails(TypeDecorator[Any]):
    """The JSON of the record; what is no JSON is read as NotReadable."""

    impl = JSON
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """A value of the driver as JSON, or NotReadable."""
        return _lenient(super().result_processor(dialect, coltype))
