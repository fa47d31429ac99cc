"""Rows in streams that are read beside each other, in the order of the same number, a few in memory at a time."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, Select

AT_ONCE = 1000
"""Rows in memory."""


def streamed(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    """The rows as they come, a few at a time."""
    return iter(connection.execute(query, execution_options={"yield_per": AT_ONCE}))


class Ahead:
    """Rows of which the next one can be looked at before it is taken."""

    def __init__(self, rows: Iterator[Row[Any]]) -> None:
        self._rows = rows
        self.next: Row[Any] | None = next(rows, None)

    def take(self) -> Row[Any]:
        """The next row, which is there."""
        row, self.next = self.next, next(self._rows, None)
        assert row is not None
        return row

    def of(self, number: int) -> list[Row[Any]]:
        """The rows that bear this number in their first column; those before them are passed over."""
        found = []
        while self.next is not None and self.next[0] <= number:
            row = self.take()
            if row[0] == number:
                found.append(row)
        return found
