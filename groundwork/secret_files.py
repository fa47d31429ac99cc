"""Files that hold a secret: readable by their owner alone, and never seen half written."""

import os
import tempfile
from pathlib import Path


def write_secret(path: Path, secret: str) -> None:
    """Write a secret; whoever reads the file finds the old one or the new one, whole. Raises OSError naming `path`."""
    try:
        _write(path, secret)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write(path: Path, secret: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made with mode 600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
