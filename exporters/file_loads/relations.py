"""The statements that read a load log, built from configuration alone, for whatever database SQLAlchemy speaks to.

Every statement reaches its rows by one of four indexes of the log: its key, the time of the last change, the data day
and the status. None walks the whole log.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, Subquery, column, func, literal_column, null, select, table, text
from sqlalchemy.sql import ColumnElement

from exporters.file_loads.configuration import (
    BATCH_COLUMNS,
    FILE_COLUMNS,
    MORE_FILE_COLUMNS,
    ROW_ERROR_COLUMNS,
    BatchTable,
    FileTable,
    LoadLog,
    RowErrorTable,
)

SLICE = 1000
"""Keys in one slice of the log, the unit in which rows are counted again."""

Source = str | FileTable | RowErrorTable | BatchTable


@dataclass(frozen=True)
class Relation:
    """One source of the load log: which columns it must and may give, and how it is selected."""

    name: str
    source: Source
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    def foreign_name(self, column_name: str) -> str | None:
        """The name that the source itself uses; None when configuration leaves this column out."""
        return column_name if isinstance(self.source, str) else getattr(self.source.columns, column_name)

    def without_rows(self) -> Select[Any]:
        """A statement that gives no row but names every column of the source."""
        return select(text("*")).select_from(self._origin()).where(literal_column("1") == literal_column("0"))

    def selected(self, present: Collection[str]) -> Subquery:
        """The source with our names; columns that are not `present` are NULL."""
        origin = self._origin()
        return (
            select(*(self._column(name, present) for name in (*self.required, *self.optional)))
            .select_from(origin)
            .subquery(self.name)
        )

    def _column(self, name: str, present: Collection[str]) -> ColumnElement[Any]:
        foreign = self.foreign_name(name)
        return (column(foreign) if foreign and name in present else null()).label(name)

    def _origin(self) -> Any:
        if isinstance(self.source, str):
            words = self.source.strip().rstrip(";").replace(":", "\\:")  # no colon in it is a parameter of ours
            return text(words).columns().subquery(f"source_{self.name}")
        return table(self.source.table, schema=self.source.table_schema)


def relations(load_log: LoadLog) -> dict[str, Relation]:
    """The sources that configuration names."""
    found = {"files": Relation("files", load_log.files, FILE_COLUMNS, MORE_FILE_COLUMNS)}
    if load_log.row_errors:
        found["row_errors"] = Relation("row_errors", load_log.row_errors, ROW_ERROR_COLUMNS)
    if load_log.batches:
        found["batches"] = Relation("batches", load_log.batches, BATCH_COLUMNS)
    return found


def head(files: Subquery) -> Select[Any]:
    """First and last key, newest change: three looks at the ends of two indexes."""
    key, updated_at = files.c.id, files.c.updated_at
    first, last = select(func.min(key)).scalar_subquery(), select(func.max(key)).scalar_subquery()
    newest = select(func.max(updated_at)).scalar_subquery()
    return select(first.label("first"), last.label("last"), newest.label("newest"))


def changed_slices(files: Subquery, since: object) -> Select[Any]:
    """The first keys of the slices in which some row changed since then."""
    return select((files.c.id - files.c.id % SLICE).label("first")).where(files.c.updated_at >= since).distinct()


def after(files: Subquery, first: int, limit: int) -> Select[Any]:
    """Rows from this key on, in the order of their keys."""
    return select(files).where(files.c.id >= first).order_by(files.c.id).limit(limit)


def within(files: Subquery, first: int, stop: int) -> Select[Any]:
    """The rows with these keys, `stop` not included."""
    return select(files).where(files.c.id >= first, files.c.id < stop)


def errors_within(errors: Subquery, first: int, stop: int) -> Select[Any]:
    """The row errors of the files with these keys."""
    return select(errors).where(errors.c.file_id >= first, errors.c.file_id < stop)


def errors_of(errors: Subquery, keys: Collection[int]) -> Select[Any]:
    """The row errors of these files."""
    return select(errors).where(errors.c.file_id.in_(sorted(keys)))


def of_days(relation: Subquery, days: Iterable[date | str]) -> Select[Any]:
    """The rows of these data days."""
    return select(relation).where(relation.c.data_day.in_(list(days)))


def with_status(files: Subquery, words: Collection[str]) -> Select[Any]:
    """The rows in one of these states, whatever their day."""
    return select(files).where(files.c.status.in_(sorted(words)))


def undated(files: Subquery, since: object, until: object) -> Select[Any]:
    """The rows without a data day that changed within this span."""
    changed = files.c.updated_at
    return select(files).where(changed >= since, changed < until, files.c.data_day.is_(None))


def usual_counts(files: Subquery, since: date | str, before: date | str, words: Collection[str]) -> Select[Any]:
    """Rows and files of each data day and line, of the files that were processed."""
    key = (files.c.data_day, files.c.operator, files.c.file_type)
    return (
        select(*key, func.count().label("files"), func.sum(files.c.rows_total).label("rows"))
        .where(files.c.data_day >= since, files.c.data_day < before, files.c.status.in_(sorted(words)))
        .where(files.c.rows_total.is_not(None))
        .group_by(*key)
    )
