"""supervisord as `renteseg up` starts it: it ends when `up` is gone, and stops everything first."""

import contextlib
import io
import os
import sys

from supervisor import supervisord

from chain.kernel import end_with


class Lossy(io.TextIOBase):
    """Standard error for somebody who may be gone: supervisord must live on then, to stop what it has started."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            os.write(2, text.encode(errors="replace"))
        return len(text)


def main(parent: str, configuration: str) -> None:
    """Run supervisord on this configuration until it is told to end, or `parent` is no more."""
    end_with(int(parent))
    sys.stderr = Lossy()
    supervisord.main(["--configuration", configuration])


if __name__ == "__main__":
    main(*sys.argv[1:])
