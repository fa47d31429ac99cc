"""Whether the scheduler keeps up: how late probes start, and the ticks that were left out."""

from bisect import bisect_left

BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the lateness histogram in seconds; one more counts what is above the last."""


class Pace:
    """Counts since this process began; one thread writes."""

    def __init__(self) -> None:
        self.lateness = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.skipped = 0

    def start(self, late: float) -> None:
        """A probe starts, so many seconds after it was due."""
        self.lateness[bisect_left(BUCKETS, late)] += 1
        self.seconds += max(0.0, late)

    def skip(self, ticks: int) -> None:
        """A component's probe took so long, waiting included, that these ticks passed."""
        self.skipped += max(0, ticks)
