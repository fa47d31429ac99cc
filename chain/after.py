"""`python -m chain.after UNTIL PAGE… -- COMMAND…`: become the command once every page answers, at the latest at UNTIL.

At the first start the processes that are watched take longer to begin than those that watch them. Without this wait the
chain's first finding would be its own start. UNTIL (unix seconds) is set once, when the chain starts: whatever is
started again later is started at once, whoever else is away.
"""

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Sequence

EVERY = 0.2
ANSWER_SECONDS = 2.0


def main(words: Sequence[str]) -> None:
    """Wait, and become the command."""
    end = words.index("--")
    until, pages, command = float(words[0]), words[1:end], list(words[end + 1 :])
    wait(pages, until)
    os.execv(command[0], command)  # noqa: S606 - the command is the chain's own


def wait(pages: Collection[str], until: float) -> None:
    """Until every page has answered that its process can work, or the time has come."""
    waiting = list(pages)
    while time.time() < until:
        waiting = [page for page in waiting if not _answers(page)]
        if not waiting:
            return
        time.sleep(EVERY)


def _answers(page: str) -> bool:
    try:
        with urllib.request.urlopen(page, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - a page of the chain
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
