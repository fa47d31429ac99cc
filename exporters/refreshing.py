"""A background reader: the scrape shows what was read last, and never waits for the source.

One thread reads, so reads never overlap; after a failure it waits twice as long each time, so that a source
in trouble is left alone. The last good value stays good for `keep` seconds and no longer: what was not
observed is unknown, neither the old value nor zero.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

log = structlog.get_logger()

T = TypeVar("T")

KEPT_INTERVALS = 3
LONGEST_PAUSE = 30.0


class SourceError(Exception):
    """The source could not be read; the text says why. Trying again later may work."""


class SourceTimeout(SourceError):
    """The source took too long. Trying again soon adds to its load."""


@dataclass(frozen=True)
class Circuit:
    """After `after` timeouts in a row the source is left alone for `pause` seconds, again and again."""

    after: int
    pause: float


@dataclass(frozen=True)
class Observation(Generic[T]):
    """What was read, when the read ended, and how many seconds it took."""

    value: T
    at: datetime
    seconds: float


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class Refresher(Generic[T]):
    """Calls `read` every `interval` seconds from its own thread.

    `read` raises SourceError when the source is away. `keep` is how many seconds a value stays fresh
    (default: three intervals), `longest_pause` the limit of the growing pause after failures, in seconds.
    """

    def __init__(
        self,
        read: Callable[[], T],
        interval: float,
        *,
        keep: float | None = None,
        longest_pause: float = LONGEST_PAUSE,
        circuit: Circuit | None = None,
        clock: Callable[[], datetime] = wall_clock,
    ) -> None:
        self._read = read
        self._interval = interval
        self._keep = timedelta(seconds=KEPT_INTERVALS * interval if keep is None else keep)
        self._longest_pause = max(longest_pause, interval)
        self._circuit = circuit
        self._clock = clock
        self._timeouts = 0
        self._value: Observation[T] | None = None
        self._failures = 0
        self._complaint: str | None = None
        self._attempted = threading.Event()
        self._stopping = threading.Event()

    @property
    def value(self) -> Observation[T] | None:
        """The last good value, however old; None before the first."""
        return self._value

    @property
    def fresh(self) -> Observation[T] | None:
        """The last good value while it may still be shown; None once it is older than `keep`.

        Nor is one that a clock set back makes come from the future: how old it is nobody knows.
        """
        value = self._value
        return value if value and abs(self._clock() - value.at) <= self._keep else None

    @property
    def source_up(self) -> bool:
        """Whether the last read worked and is fresh; a read that hangs makes this false too."""
        return not self._failures and self.fresh is not None

    @property
    def attempted(self) -> bool:
        """Whether one read has ended, well or badly."""
        return self._attempted.is_set()

    @property
    def has_circuit(self) -> bool:
        """Whether repeated timeouts lead to longer pauses."""
        return self._circuit is not None

    @property
    def circuit_open(self) -> bool:
        """Whether the source timed out so often that it is left alone for longer."""
        return self._circuit is not None and self._timeouts >= self._circuit.after

    @property
    def pause(self) -> float:
        """Seconds until the next read: the interval, doubled by each failure in a row, or the circuit's."""
        if self._circuit and self.circuit_open:
            return max(self._circuit.pause, self._interval)
        return min(self._interval * 2.0 ** min(self._failures, 16), self._longest_pause)

    def start(self) -> None:
        """Read now and then every interval, until `stop`."""
        threading.Thread(target=self._run, name="refresher", daemon=True).start()

    def stop(self) -> None:
        """Read no more; a read under way is not waited for."""
        self._stopping.set()

    def refresh(self) -> None:
        """One read now, in the caller's thread."""
        began = time.monotonic()
        try:
            value = self._read()
        except SourceError as error:
            self._timeouts = self._timeouts + 1 if isinstance(error, SourceTimeout) else 0
            self._failed(str(error), trace=False)
        except Exception as error:  # noqa: BLE001 - the outermost loop: a bug in one read must not end all reads
            self._failed(repr(error), trace=True)
        else:
            self._succeeded(Observation(value, self._clock(), time.monotonic() - began))
        self._attempted.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            self.refresh()
            spent = 0.0 if self._failures else time.monotonic() - began
            self._stopping.wait(max(0.0, self.pause - spent))

    def _succeeded(self, observation: Observation[T]) -> None:
        if self._complaint is not None:
            log.info("source is back", failures=self._failures)
        self._value, self._failures, self._timeouts, self._complaint = observation, 0, 0, None

    def _failed(self, complaint: str, *, trace: bool) -> None:
        self._failures += 1
        if complaint != self._complaint:
            log.warning("source cannot be read", reason=complaint, exc_info=trace)
        self._complaint = complaint


def source_families(prefix: str, source: str, refresher: Refresher[T]) -> Iterator[Metric]:
    """`PREFIX_source_up`, `PREFIX_refresh_timestamp_seconds`, `PREFIX_refresh_seconds` (of the last good read).

    `source` is the words for the help text, such as "load log".
    """
    up = GaugeMetricFamily(f"{prefix}_source_up", f"Whether the last read of the {source} worked.")
    up.add_metric([], float(refresher.source_up))
    yield up
    at = GaugeMetricFamily(
        f"{prefix}_refresh_timestamp_seconds",
        f"When the {source} was last read well, in Unix seconds.",
    )
    seconds = GaugeMetricFamily(
        f"{prefix}_refresh_seconds", f"How long the last good read of the {source} took, in seconds."
    )
    if refresher.value:
        at.add_metric([], refresher.value.at.timestamp())
        seconds.add_metric([], refresher.value.seconds)
    yield at
    yield seconds
    if refresher.has_circuit:
        circuit = GaugeMetricFamily(
            f"{prefix}_circuit_open", f"Whether the {source} timed out so often that it is left alone for longer."
        )
        circuit.add_metric([], float(refresher.circuit_open))
        yield circuit
