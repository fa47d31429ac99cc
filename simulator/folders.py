"""The folders a file passes through; each step is one rename, so a file is always in exactly one of them.

outbox/OPERATOR     on the operator's side, waiting for the link
inbox/OPERATOR      delivered
accepted/OPERATOR   taken in; the load log knows the file by its place here
archive/OPERATOR    finished, kept for two days
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from groundwork.atomic_file import sync_folder, write_atomically
from simulator.vocabulary import Operator

KEPT = timedelta(days=2)
READY = ".ready"
STAMP = "%Y%m%dT%H%M%S%f"


@dataclass(frozen=True)
class Arrival:
    """A file taken in. `location` is its place under `accepted/`, unique for ever."""

    operator: Operator
    name: str
    location: str
    received_at: datetime


class Folders:
    """The four stages under one root folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for stage in ("outbox", "inbox", "accepted", "archive"):
            for operator in Operator:
                (root / stage / operator).mkdir(parents=True, exist_ok=True)
        for half_written in (root / "outbox").glob("*/.*.part"):
            half_written.unlink()

    def inbox(self, operator: Operator) -> Path:
        """Where this operator's files arrive."""
        return self._root / "inbox" / operator

    def prepare(self, operator: Operator, name: str, body: bytes) -> None:
        """Write a file on the operator's side, out of sight until it is sent."""
        write_atomically(self._hidden(operator, name), body)

    def send(self, operator: Operator, name: str) -> None:
        """Show a prepared file, if it has not been shown yet."""
        if self._hidden(operator, name).exists():
            self._hidden(operator, name).replace(self._root / "outbox" / operator / name)

    def forget(self, operator: Operator, name: str) -> None:
        """Remove a prepared file."""
        self._hidden(operator, name).unlink(missing_ok=True)

    def prepared(self) -> list[tuple[Operator, str]]:
        """The files prepared and not sent: a process was killed in between."""
        return [
            (operator, path.name.removeprefix(".").removesuffix(READY))
            for operator in Operator
            for path in (self._root / "outbox" / operator).glob(f".*{READY}")
        ]

    def _hidden(self, operator: Operator, name: str) -> Path:
        return self._root / "outbox" / operator / f".{name}{READY}"

    def deliver(self) -> None:
        """Carry over the link what the operators have ready."""
        for operator in Operator:
            for path in _complete_files(self._root / "outbox" / operator):
                path.replace(self.inbox(operator) / path.name)

    def take_in(self, now: datetime) -> None:
        """Take every delivered file out of the inboxes, oldest first."""
        found = [(path, operator) for operator in Operator for path in _complete_files(self.inbox(operator))]
        for position, (path, operator) in enumerate(sorted(found, key=lambda pair: _age(pair[0]))):
            token = f"{now.astimezone(UTC):{STAMP}}-{position:04d}-{secrets.token_hex(4)}"
            folder = self._root / "accepted" / operator
            path.replace(folder / f"{token}-{_tame(path.name)}")
            sync_folder(folder)

    def accepted(self) -> list[Arrival]:
        """The files taken in and not yet archived, in order of arrival."""
        found = [
            _arrival(operator, path.name)
            for operator in Operator
            for path in _complete_files(self._root / "accepted" / operator)
        ]
        return sorted(found, key=lambda arrival: arrival.location.split("/", 1)[1])

    def read(self, location: str) -> bytes:
        """A file taken in; raises OSError when it is gone."""
        return (self._root / "accepted" / location).read_bytes()

    def discard(self, location: str) -> None:
        """Remove a file taken in, if it is still there."""
        (self._root / "accepted" / location).unlink(missing_ok=True)

    def archive(self, location: str) -> None:
        """Put a finished file away."""
        (self._root / "accepted" / location).replace(self._root / "archive" / location)

    def prune(self, now: datetime) -> None:
        """Remove archived files written more than two days ago."""
        oldest = (now - KEPT).timestamp()
        for path in (self._root / "archive").glob("*/*"):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _complete_files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file()]


def _tame(name: str) -> str:
    """A name fit for the log: a strange one stays wrong (F01), but short and in Unicode."""
    return name.encode("utf-8", "replace").decode()[:100]


def _age(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name


def _arrival(operator: Operator, entry: str) -> Arrival:
    stamp, _position, _random, name = entry.split("-", 3)
    received_at = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
    return Arrival(operator, name, f"{operator}/{entry}", received_at)
