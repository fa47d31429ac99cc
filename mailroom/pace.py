"""No more than so many mails a minute, however many connections send them."""

import threading
import time


class Pace:
    """A budget that refills evenly; at most ten seconds' worth of it is saved up."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._next = 0.0

    def wait(self, per_minute: int) -> None:
        """Return when one more mail may be sent."""
        step = 60 / per_minute
        with self._turn:
            now = time.monotonic()
            self._next = max(self._next, now - 10) + step
            pause = self._next - now
        if pause > 0:
            time.sleep(pause)
