"""Minutes from the exporter's own samples: a bounded question a day, judged as the recording rule does (semantics 22).

A minute owns what stands in [m, m + 60 s). Prometheus 2 takes in both ends of a range and Prometheus 3 leaves out the
first, so the range is asked as 59,999 ms or 60,000 ms, at the minute's last millisecond: the answer is the same.
"""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isnan

from groundwork.prometheus import Prometheus, RawSeries, quoted
from incident_store.domain.availability import is_up
from incident_store.domain.minute_sets import Span
from incident_store.domain.months import MINUTE

UP = "renteseg_component_up"
MILLISECOND = timedelta(milliseconds=1)
CHUNK = 24 * 60
"""Minutes asked at once: Prometheus gives at most 11,000 points a series; a day of 1,000 components is 35 MB."""

Progress = Callable[[str], None]


@dataclass
class Seen:
    """What samples say of a component's minutes, as sets, and the labels that it last had."""

    up: int = 0
    down: int = 0
    labels: Mapping[str, str] | None = None

    @property
    def known(self) -> int:
        """The minutes in which it was seen."""
        return self.up | self.down


def minute_query(left_open: bool, components: str = "") -> str:
    """The share of a minute's samples that are up; asked at the last millisecond of each minute."""
    return f"avg_over_time({UP}{components}[{window(left_open)}])"


def window(left_open: bool) -> str:
    """The range that holds exactly one minute's samples when it ends with the minute's last millisecond."""
    return "60000ms" if left_open else "59999ms"


def read_minutes(prometheus: Prometheus, span: Span, until: datetime, progress: Progress) -> dict[str, Seen]:
    """Every component with a sample in the span, in the minutes that were over by `until`.

    Raises PrometheusAway, QueryRefused.
    """
    passed = span.index(until)
    left_open = prometheus.left_open(until) if passed else True
    seen: dict[str, Seen] = {}
    with _no_search_for_cycles():
        for first in range(0, passed, CHUNK):
            end = min(first + CHUNK, passed)
            progress(f"minutos del {span.moment(first):%d/%m}")
            _add_chunk(prometheus, Span(span.moment(first), end - first), first, left_open, seen)
    return seen


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Answers are millions of small lists without cycles: looking for some costs more than reading them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _add_chunk(prometheus: Prometheus, chunk: Span, offset: int, left_open: bool, seen: dict[str, Seen]) -> None:
    by_component: dict[str, list[RawSeries]] = {}
    for labels, points in _ask(prometheus, minute_query(left_open), chunk):
        if component := labels.get("component"):
            by_component.setdefault(component, []).append((labels, points))
    clean = [[moment, "1"] for moment in _moments(chunk)]
    for component, series in by_component.items():
        one = seen.setdefault(component, Seen())
        one.labels = max(series, key=lambda each: each[1][-1][0])[0]
        if len(series) == 1:
            _add(one, offset, _judged(series[0][1], clean, chunk))
    several = [component for component, series in by_component.items() if len(series) > 1]
    if several:
        for component, judged in _pooled(prometheus, several, chunk, left_open):
            _add(seen[component], offset, judged)


def _add(seen: Seen, offset: int, judged: tuple[int, int]) -> None:
    seen.up |= judged[0] << offset
    seen.down |= judged[1] << offset


def _judged(points: Sequence[tuple[float, str]], clean: Sequence[object], chunk: Span) -> tuple[int, int]:
    """The minutes up and down; most days are wholly up, which is seen at one glance."""
    if points == clean:
        return chunk.all, 0
    start = chunk.start.timestamp()
    return judge({int(moment - start) // 60: float(share) for moment, share in points})


def judge(shares: Mapping[int, float]) -> tuple[int, int]:
    """The minutes up and down, as sets, from the share of samples that were up in each minute that has some.

    A share that is no number says nothing: the minute stays unknown.
    """
    up = down = 0
    for minute, share in shares.items():
        if is_up(share):
            up |= 1 << minute
        elif not isnan(share):
            down |= 1 << minute
    return up, down


def _pooled(
    prometheus: Prometheus, components: Sequence[str], chunk: Span, left_open: bool
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Components of which several series speak (replicas, changed labels): their samples are summed, then divided."""
    chosen = f"{UP}{{component=~{quoted('|'.join(map(escaped, components)))}}}[{window(left_open)}]"
    sums = _ask(prometheus, f"sum by (component) (sum_over_time({chosen}))", chunk)
    counts = {
        labels["component"]: dict(points)
        for labels, points in _ask(prometheus, f"sum by (component) (count_over_time({chosen}))", chunk)
    }
    start = chunk.start.timestamp()
    for labels, points in sums:
        component = labels["component"]
        shares = {
            int(moment - start) // 60: float(total) / float(counts[component][moment])
            for moment, total in points
            if moment in counts[component]
        }
        yield component, judge(shares)


def _ask(prometheus: Prometheus, query: str, chunk: Span) -> list[RawSeries]:
    return prometheus.points(query, chunk.start + MINUTE - MILLISECOND, chunk.end - MILLISECOND, MINUTE)


def _moments(chunk: Span) -> Iterator[float]:
    first = round(chunk.start.timestamp() * 1000) + 59_999
    return ((first + 60_000 * minute) / 1000 for minute in range(chunk.minutes))


def escaped(text: str) -> str:
    """A text as a regular expression of RE2 that matches it alone."""
    return "".join(one if one.isalnum() or one in "-_ /" else f"\\x{{{ord(one):X}}}" for one in text)
