"""What was counted of the load log, on disk: slices, totals and how far the counting has come.

One SQLite file, changed in one transaction a refresh: whatever is killed when, a file of the log is in the totals
exactly once. Two exporters that share the file take turns. A file that cannot be understood, or that belongs to
another log or another configuration, is set aside and never overwritten; while another exporter uses it, it stays.
"""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog
from pydantic import AwareDatetime, Field, NonNegativeInt, ValidationError

from exporters.file_loads.claims import Claim
from exporters.file_loads.configuration import FileLoads
from exporters.file_loads.relations import SLICE
from exporters.file_loads.tally import Key, Slice
from exporters.file_loads.vocabulary import Break
from exporters.refreshing import SourceError
from groundwork.configuration import Strict

log = structlog.get_logger()

FILE = "file-loads-state.db"
FORMAT = "renteseg-file-loads-state/1"
PATIENCE = 5.0
TABLES = """
CREATE TABLE IF NOT EXISTS mark (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS slice (
  first INTEGER PRIMARY KEY, rows INTEGER NOT NULL, counts TEXT NOT NULL, lost TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS total (key TEXT PRIMARY KEY, shown INTEGER NOT NULL, counted INTEGER NOT NULL);
"""


class Marks(Strict):
    """How far the counting has come.

    `origin` is the first key of the log, `counted` the key up to which all was counted once (`complete`: the end was
    reached), `newest` the newest change that was seen, never later than our clock; `audited` is where the round
    through the old slices goes on. `followed` is the last changed slice of a round that one refresh could not finish,
    `following` the newest change when that round began. `breaks` and `broken_at`: how often and when the log lost
    something of its past.
    """

    origin: int | None = None
    last: int | None = None
    counted: int = 0
    complete: bool = False
    recounting: bool = False
    newest: AwareDatetime | None = None
    audited: int = 0
    followed: int | None = None
    following: AwareDatetime | None = None
    breaks: dict[Break, NonNegativeInt] = Field(default_factory=dict)
    broken_at: dict[Break, AwareDatetime] = Field(default_factory=dict)

    def broken(self, kind: Break, at: datetime) -> "Marks":
        """These marks after the log lost something."""
        times = self.breaks.get(kind, 0) + 1
        return self.model_copy(
            update={"breaks": {**self.breaks, kind: times}, "broken_at": {**self.broken_at, kind: at}}
        )


@dataclass(frozen=True)
class Totals:
    """What the exporter shows: totals that never fall, and what the log itself counts now."""

    shown: Mapping[Key, int] = field(default_factory=dict)
    counted: Mapping[Key, int] = field(default_factory=dict)
    marks: Marks = field(default_factory=Marks)


class Ledger:
    """The open file, within one transaction."""

    def __init__(self, connection: sqlite3.Connection, marks: Marks) -> None:
        self._connection = connection
        self.marks = marks

    def slice(self, first: int) -> Slice:
        """The slice that begins with this key, as counted last."""
        found = self._connection.execute("SELECT rows, counts, lost FROM slice WHERE first = ?", (first,)).fetchone()
        return Slice(found[0], _counts(found[1]), _counts(found[2])) if found else Slice()

    def slices_between(self, first: int, stop: int | None) -> list[int]:
        """The slices known from this key on; `stop` is not included, None means to the end."""
        rows = self._connection.execute(
            "SELECT first FROM slice WHERE first >= ? AND (? IS NULL OR first < ?) AND rows > 0", (first, stop, stop)
        )
        return [row[0] for row in rows]

    def put(self, first: int, now: Slice) -> None:
        """Remember a slice."""
        self._connection.execute(
            "INSERT OR REPLACE INTO slice VALUES (?, ?, ?, ?)", (first, now.rows, _text(now.counts), _text(now.lost))
        )

    def grow(self, growth: Mapping[Key, int], change: Mapping[Key, int]) -> None:
        """Add to the totals that are shown and to the log's own count."""
        rows = [("|".join(key), growth.get(key, 0), change.get(key, 0)) for key in growth.keys() | change.keys()]
        self._connection.executemany(
            "INSERT INTO total VALUES (?1, ?2, ?3) ON CONFLICT (key)"
            " DO UPDATE SET shown = shown + ?2, counted = counted + ?3",
            rows,
        )

    def save_marks(self, marks: Marks) -> None:
        """Remember how far the counting has come."""
        self.marks = marks
        self._connection.execute("INSERT OR REPLACE INTO mark VALUES ('marks', ?)", (marks.model_dump_json(),))

    def totals(self) -> Totals:
        """All totals."""
        rows = self._connection.execute("SELECT key, shown, counted FROM total").fetchall()
        shown = {tuple(key.split("|")): value for key, value, _ in rows}
        return Totals(shown, {tuple(key.split("|")): value for key, _, value in rows}, self.marks)


@contextmanager
def open_ledger(path: Path, identity: str, now: datetime, claim: Claim | None = None) -> Iterator[Ledger]:
    """The ledger of this log; the transaction is committed unless the block fails. Raises SourceError."""
    claim = claim or Claim(path)
    try:
        claim.share()
        with closing(_usable(path, identity, now, claim)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield Ledger(connection, _marks(connection))
            connection.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        if _is_damage(error):
            _set_aside(path, now, f"it is damaged: {error}")
        raise SourceError(f"the state file {path} cannot be used: {error}") from error


def identity_of(configuration: FileLoads, address: str) -> str:
    """What the counting depends on: which log, how it is read, what its words mean."""
    log_entry = configuration.load_log
    basis = [
        FORMAT,
        str(SLICE),
        address,
        log_entry.model_dump_json(include={"files", "row_errors", "statuses", "naive_times"}),
        ",".join(configuration.operators),
        ",".join(configuration.file_types),
    ]
    return hashlib.sha256("\n".join(basis).encode()).hexdigest()


def _usable(path: Path, identity: str, now: datetime, claim: Claim) -> sqlite3.Connection:
    """The file, opened; one that is not ours to use is set aside, and a new one begun."""
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.exists()
    try:
        connection = _opened(path)
        found = _identity(connection)
        if begun and found is not None:
            _marks(connection)
    except (sqlite3.DatabaseError, ValidationError) as error:
        if not (isinstance(error, ValidationError) or _is_damage(error)):
            raise
        return _anew(path, identity, now, f"it cannot be understood: {str(error).splitlines()[0]}")
    if found is not None and found != identity:
        connection.close()
        if not claim.is_alone():
            remedy = "give this one a folder of its own with RENTESEG_STATE"
            raise SourceError(f"another exporter keeps the count of another log or configuration in {path}: {remedy}")
        return _anew(path, identity, now, "it belongs to another log or another configuration")
    if found is None:
        _name(connection, identity)
    return connection


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(TABLES)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_damage(error: Exception) -> bool:
    """Whether the content is wrong; a file that is locked, or a disk without room, says nothing of the content."""
    return type(error) is sqlite3.DatabaseError or (
        isinstance(error, sqlite3.OperationalError) and "malformed" in str(error)
    )


def _set_aside(path: Path, now: datetime, why: str) -> None:
    aside = path.with_name(f"{path.name}.set-aside-{now:%Y%m%dT%H%M%S%f}Z")
    path.rename(aside)
    path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
    log.warning("state file set aside, the log is counted anew", kept_as=str(aside), reason=why)


def _anew(path: Path, identity: str, now: datetime, why: str) -> sqlite3.Connection:
    _set_aside(path, now, why)
    connection = _opened(path)
    _name(connection, identity)
    return connection


def _name(connection: sqlite3.Connection, identity: str) -> None:
    connection.execute("INSERT OR REPLACE INTO mark VALUES ('identity', ?)", (identity,))


def _identity(connection: sqlite3.Connection) -> str | None:
    found = connection.execute("SELECT value FROM mark WHERE name = 'identity'").fetchone()
    return str(found[0]) if found else None


def _marks(connection: sqlite3.Connection) -> Marks:
    found = connection.execute("SELECT value FROM mark WHERE name = 'marks'").fetchone()
    return Marks.model_validate_json(found[0]) if found else Marks()


def _text(counts: Mapping[Key, int]) -> str:
    return json.dumps({"|".join(key): count for key, count in counts.items() if count}, separators=(",", ":"))


def _counts(text: str) -> Counter[Key]:
    try:
        return Counter({tuple(key.split("|")): int(count) for key, count in json.loads(text).items()})
    except (ValueError, TypeError, AttributeError) as error:
        raise sqlite3.DatabaseError(f"a slice is not as it was written: {error}") from error
