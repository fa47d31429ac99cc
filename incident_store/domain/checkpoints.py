"""Checkpoints chain the chains: each seals how far every chain of events had grown, and the checkpoint before it
(semantics 12)."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One chain at one moment: what it is of, its number, how many events it had, and the hash of the last one."""

    chain: str
    number: int
    events: int
    hash: str


class CheckpointHash:
    """The hash (hex SHA-256) of a checkpoint, taken in entry by entry, in order, so that none has to be kept."""

    def __init__(self, previous: str, number: int, sealed_at: datetime, through: Mapping[str, int]) -> None:
        self._digest = hashlib.sha256(_line([previous, number, sealed_at.astimezone(UTC).isoformat(), dict(through)]))

    def taking(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries, each taken in as it passes."""
        for entry in entries:
            self._digest.update(_line([entry.chain, entry.number, entry.events, entry.hash]))
            yield entry

    def hexdigest(self) -> str:
        """The hash of what was taken in so far."""
        return self._digest.hexdigest()


def _line(values: list[Any]) -> bytes:
    return json.dumps(values, separators=(",", ":"), sort_keys=True).encode() + b"\n"
