"""A clock as a picture: what counted, what did not and why, and what is left, drawn along the real time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from incident_store.domain.calendars import Stretch
from incident_store.domain.clocks import Reading
from incident_store.domain.incident_clocks import BACK, Clock
from incident_store.domain.intervals import Interval
from incident_store.words import REASONS, lima

WIDTH = 800
"""Units of the drawing from the clock's start to its right edge."""
LONGEST_DRAWN = timedelta(days=400)
"""A clock that stood for longer is told in words alone: its stretches would be too thin to see."""


class Fill(StrEnum):
    """How a piece of the bar is drawn; each has a pattern of its own, so that colour is not needed to tell them."""

    COUNTED = "counted"
    OVERDUE = "overdue"
    CLOSED = "closed"
    PAUSED = "paused"
    BACK = "back"
    LEFT = "left"
    CLOSED_AHEAD = "closed-ahead"


@dataclass(frozen=True)
class Piece:
    """A piece of the bar: where it lies (in units), how it is filled, and its words."""

    x: float
    width: float
    fill: Fill
    words: str


@dataclass(frozen=True)
class Mark:
    """A moment on the bar and its label; `anchor` keeps the label inside the drawing."""

    x: float
    anchor: str
    label: str


@dataclass(frozen=True)
class ClockPicture:
    """The drawing of one clock."""

    pieces: tuple[Piece, ...]
    start: Mark
    reached: Mark
    due: Mark | None


def draw(clock: Clock) -> ClockPicture | None:
    """The picture of a clock as it was read; None when there is too much time to be seen in one."""
    span, due = clock.reading.span, clock.reading.due
    last = max(span.end, due or span.end)
    length = last - span.start
    if not timedelta() < length <= LONGEST_DRAWN:
        return None

    def place(moment: datetime) -> float:
        return round((moment - span.start) / length * WIDTH, 1)

    def mark(moment: datetime, words: str) -> Mark:
        x = place(moment)
        anchor = "start" if x < WIDTH * 0.2 else "end" if x > WIDTH * 0.8 else "middle"
        return Mark(x, anchor, f"{words} {short(moment)}")

    pieces = tuple(
        Piece(place(part.start), round(place(part.end) - place(part.start), 1), fill, words)
        for part, fill, words in _parts(clock)
    )
    reached = mark(span.end, "detenido" if clock.stopped else "ahora")
    return ClockPicture(pieces, mark(span.start, "inicio"), reached, mark(due, "vence") if due else None)


def _parts(clock: Clock) -> Iterator[tuple[Interval, Fill, str]]:
    reading = clock.reading
    for stretch in reading.explanation:
        if not stretch.counts:
            why = REASONS.get(stretch.reason, stretch.reason)
            yield stretch.interval, _standing(reading, stretch), _words(stretch.interval, why)
            continue
        for part, late in _split(stretch.interval, reading.due):
            fill = Fill.OVERDUE if late else Fill.COUNTED
            yield part, fill, _words(part, "cuenta, ya vencido" if late else "cuenta")
    if reading.due and reading.due > reading.span.end and not clock.stopped:
        for stretch in reading.calendar.stretches(Interval(reading.span.end, reading.due)):
            fill = Fill.LEFT if stretch.counts else Fill.CLOSED_AHEAD
            yield stretch.interval, fill, _words(stretch.interval, "queda" if stretch.counts else "no contará")


def _standing(reading: Reading, stretch: Stretch) -> Fill:
    """Why a stretch did not count: the service was back, somebody waited, or the calendar was closed."""
    if stretch.reason == BACK:
        return Fill.BACK
    start = stretch.interval.start
    return Fill.PAUSED if any(pause.contains(start) for pause, _ in reading.pauses) else Fill.CLOSED


def _split(part: Interval, due: datetime | None) -> Iterator[tuple[Interval, bool]]:
    """The part before the due time and the part after it."""
    if due is None or due >= part.end:
        yield part, False
    elif due <= part.start:
        yield part, True
    else:
        yield Interval(part.start, due), False
        yield Interval(due, part.end), True


def _words(part: Interval, what: str) -> str:
    return f"{lima(part.start)} a {lima(part.end)}: {what}"


def short(moment: datetime) -> str:
    """A time of Lima for a label."""
    return lima(moment)[:-3]
