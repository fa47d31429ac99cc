"""Who uses a state file: as many exporters as like, but only who is alone with it may put another in its place."""

import fcntl
from pathlib import Path
from typing import TextIO


class Claim:
    """That this process uses a state file, from the first `share` until it ends; the system lets go of it by itself."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        self._file: TextIO | None = None

    def share(self) -> None:
        """Use the file beside others; raises OSError."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w")
            fcntl.flock(self._file, fcntl.LOCK_SH)

    def is_alone(self) -> bool:
        """Whether nobody else uses the file now."""
        if self._file is None:
            return True
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            alone = False
        else:
            alone = True
        fcntl.flock(self._file, fcntl.LOCK_SH)
        return alone
