"""The board as text for Prometheus, in its own format and in OpenMetrics, written from a snapshot.

The text is given in pieces, each written when the one before was handed over, with pauses between them: a scrape never
holds all of it, nor holds up the probes.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporters.availability.accounting import advanced
from exporters.availability.board import Board, Rows
from exporters.availability.families import (
    BLIND,
    FAMILIES,
    LATE,
    LATE_LINES,
    RELOADED,
    RELOADED_AT,
    SKIPPED,
    Family,
    histogram,
)
from exporters.availability.giving_way import giving_way

TEXT = "text/plain; version=0.0.4; charset=utf-8"
PIECE = 200
"""Components written in one piece."""

Own = list[tuple[Family, str]]
"""How the exporter itself is: families with their lines."""


class Exposition:
    """Writes the board; scrapes in several threads are nothing to one another."""

    def __init__(self, board: Board, clock: Callable[[], datetime]) -> None:
        self._board, self._clock = board, clock
        self._own = CollectorRegistry()
        ProcessCollector(registry=self._own)
        PlatformCollector(registry=self._own)
        GCCollector(registry=self._own)

    def render(self, accept: str = "") -> tuple[Iterator[bytes], str]:
        """The pieces of the text, all of this moment, and its content type, the best that `accept` allows."""
        openmetrics = "application/openmetrics-text" in accept
        state = list(_own_state(self._board))
        pieces = self._pieces(self._clock(), self._board.rows(), state, openmetrics=openmetrics)
        return (piece.encode() for piece in pieces), OPENMETRICS if openmetrics else TEXT

    def _pieces(self, now: datetime, rows: Rows, own_state: Own, *, openmetrics: bool) -> Iterator[str]:
        known = [(component, tally, advanced(tally.account, now)) for component, tally in giving_way(rows)]
        for family, lines in FAMILIES:
            yield family.head(openmetrics=openmetrics)
            yield from _joined(lines(*one) for one in known)
        for family, text in own_state:
            yield family.head(openmetrics=openmetrics) + text
        own = generate_openmetrics(self._own) if openmetrics else generate_latest(self._own)  # type: ignore[no-untyped-call]
        yield own.decode()


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """The lines in pieces of bounded size."""
    following = iter(lines)
    pieces = iter(lambda: list(islice(following, PIECE)), [])
    return ("".join(piece) for piece in giving_way(pieces))


def _own_state(board: Board) -> Iterator[tuple[Family, str]]:
    """How the exporter itself is."""
    pace = board.pace
    yield BLIND, f"{BLIND.name} {int(board.sight.blind)}\n"
    yield LATE, histogram(LATE_LINES, pace.lateness, pace.seconds)
    yield SKIPPED, f"{SKIPPED.name}_total {pace.skipped}\n"
    yield RELOADED, f"{RELOADED.name} {int(board.reloaded_well)}\n"
    yield RELOADED_AT, f"{RELOADED_AT.name} {board.reloaded_at.timestamp()}\n"
