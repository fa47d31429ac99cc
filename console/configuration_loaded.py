"""The configuration files as this process read them when it started: their digests, and whether they changed since."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PATTERNS = ("*.yml", "*.yaml")


@dataclass(frozen=True)
class LoadedFile:
    """One file: the SHA-256 (hex) it had when it was read and has now; None when it is not there."""

    name: str
    loaded: str | None
    now: str | None

    @property
    def changed(self) -> bool:
        """Whether what is on disk is not what this process works by."""
        return self.loaded != self.now


class LoadedConfiguration:
    """The files of a configuration folder, as they were when this was made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.loaded_at = folder, datetime.now(UTC)
        self._loaded = _digests(folder)

    def files(self) -> list[LoadedFile]:
        """Each file that was there then or is now, by name."""
        now = _digests(self.folder)
        names = sorted(self._loaded.keys() | now.keys())
        return [LoadedFile(name, self._loaded.get(name), now.get(name)) for name in names]


def _digests(folder: Path) -> Mapping[str, str | None]:
    return {path.name: _digest(path) for pattern in PATTERNS for path in folder.glob(pattern)}


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
