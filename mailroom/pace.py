"""No more than so many mails a minute, however many connections of this process send them."""

import threading
import time


class Pace:
    """Turns that lie evenly apart; nothing is saved up, so no minute has more of them than it may."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._next = 0.0

    def wait(self, per_minute: int) -> None:
        """Return when one more mail may be sent."""
        if (pause := self.pause(time.monotonic(), per_minute)) > 0:
            time.sleep(pause)

    def pause(self, now: float, per_minute: int) -> float:
        """Take the next turn; returns in how many seconds it comes, not above zero when it has come."""
        with self._turn:
            turn = max(self._next, now)
            self._next = turn + 60 / per_minute
        return turn - now
