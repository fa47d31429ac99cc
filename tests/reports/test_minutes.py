"""Minutes read from real engines: the table of vectors, random histories against an oracle, the edges of ranges."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from groundwork.prometheus import Prometheus
from incident_store.domain.minute_sets import Span, between
from incident_store.domain.months import MINUTE
from reports.filling import Fill, add_fills, gaps, prove
from reports.samples import UP, Seen, judge, read_minutes
from tests.processes import ROOT
from tests.prometheus_server import line
from tests.reports.engines import engine
from tests.reports.histories import FEBRUARY, History, open_metrics, random_history

VECTORS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "minute_vectors.yml").read_text())
LAST_MILLISECOND = timedelta(milliseconds=59_999)
NOON = datetime(2026, 2, 10, 17, tzinfo=UTC)
ENGINES = ["prometheus", "victoria-metrics"]

each_vector = pytest.mark.parametrize("place", range(len(VECTORS)), ids=[vector["name"] for vector in VECTORS])


def silent(_words: str) -> None:
    """No progress is shown."""


def minute_of(place: int) -> datetime:
    """Each vector stands in a minute of its own, far from the others."""
    return NOON + timedelta(minutes=10 * place)


def vector_lines() -> Iterator[str]:
    yield f"# TYPE {UP} gauge"
    for place, vector in enumerate(VECTORS):
        for replica, samples in enumerate(vector["replicas"]):
            labels = {"component": f"vector-{place}", "service": "s", "owner": "oti", "instance": str(replica)}
            for milliseconds, value in sorted(samples):
                yield line((UP, labels), value, minute_of(place) + timedelta(milliseconds=milliseconds))


@pytest.fixture(scope="module", params=ENGINES)
def vectors(request: pytest.FixtureRequest) -> Iterator[Prometheus]:
    with tempfile.TemporaryDirectory() as folder, engine(request.param, Path(folder), vector_lines()) as asked:
        yield asked


def state(share: float | None) -> str:
    if share is None:
        return "unknown"
    up, _ = judge({0: share})
    return "up" if up else "down"


@each_vector
def test_the_python_says_what_the_table_says(place: int) -> None:
    """Semantics 22 and 28."""
    values = [value for replica in VECTORS[place]["replicas"] for _, value in replica]

    assert state(sum(values) / len(values) if values else None) == VECTORS[place]["state"]


@each_vector
def test_the_question_of_the_report_says_what_the_table_says(vectors: Prometheus, place: int) -> None:
    """Semantics 27 and 28: the same on closed and on left-open ranges."""
    span = Span(minute_of(place), 1)

    seen = read_minutes(vectors, span, span.end, silent).get(f"vector-{place}", Seen())

    assert {(0, 0): "unknown", (1, 0): "up", (0, 1): "down"}[seen.up, seen.down] == VECTORS[place]["state"]


@each_vector
def test_the_recording_rule_says_what_the_table_says(vectors: Prometheus, place: int) -> None:
    """Semantics 28: what Grafana shows follows from the same samples by the same rule."""
    groups = yaml.safe_load((ROOT / "rules" / "recording.yml").read_text())["groups"]
    rules = {rule["record"]: rule["expr"] for group in groups for rule in group["rules"]}

    found = [
        sample.value
        for sample in vectors.instant(
            rules["component:renteseg_component_up:minute"], minute_of(place) + LAST_MILLISECOND
        )
        if sample.labels["component"] == f"vector-{place}"
    ]

    assert state(found[0] if found else None) == VECTORS[place]["state"]


@pytest.mark.parametrize("name", ENGINES)
def test_a_sample_on_the_edge_belongs_to_the_minute_that_begins_there(name: str, tmp_path: Path) -> None:
    """Semantics 27: to the millisecond, on closed and on left-open ranges."""
    offsets = [0, 1, 59_998, 59_999, 60_000, 60_001, 119_999, 120_000]
    labels = {"service": "s", "owner": "oti", "instance": "a"}
    lines = [
        line((UP, {"component": f"at-{offset}", **labels}), 0, NOON + timedelta(milliseconds=offset))
        for offset in offsets
    ]

    with engine(name, tmp_path, [f"# TYPE {UP} gauge", *lines]) as asked:
        seen = read_minutes(asked, Span(NOON, 3), NOON + 3 * MINUTE, silent)

    assert {int(one.removeprefix("at-")): known.down for one, known in seen.items()} == {
        offset: 1 << offset // 60_000 for offset in offsets
    }


def test_a_sample_that_is_no_number_says_nothing() -> None:
    assert judge({0: float("nan"), 1: 1.0, 2: 0.0}) == (0b010, 0b100)


def test_only_minutes_that_are_over_are_read(tmp_path: Path) -> None:
    labels = {"component": "a", "service": "s", "owner": "oti"}
    lines = [line((UP, labels), 1, NOON + timedelta(seconds=15 * number)) for number in range(12)]

    with engine("prometheus", tmp_path, [f"# TYPE {UP} gauge", *lines]) as asked:
        seen = read_minutes(asked, Span(NOON, 10), NOON + 2.5 * MINUTE, silent)
        nothing = read_minutes(asked, Span(NOON, 10), NOON - MINUTE, silent)

    assert seen["a"].up == 0b11
    assert nothing == {}


def test_a_name_that_means_something_to_a_regular_expression_is_only_a_name(tmp_path: Path) -> None:
    names = ["a.b", "a+b", 'c"d\\e', "(f|g", "ñandú 木", "x{1}", "$", "línea\nnueva"]
    lines = [
        line((UP, {"component": name, "service": "s", "owner": "oti", "instance": replica}), value, NOON + one)
        for name in names
        for replica, value in (("1", 0), ("2", 1))
        for one in (timedelta(seconds=1), timedelta(seconds=21), timedelta(seconds=41))[: 2 + value]
    ]

    with engine("prometheus", tmp_path, [f"# TYPE {UP} gauge", *lines]) as asked:
        seen = read_minutes(asked, Span(NOON, 1), NOON + MINUTE, silent)

    assert {name: one.up for name, one in seen.items()} == dict.fromkeys(names, 1)


# --- random histories ------------------------------------------------------------------------------------------

HISTORIES = 1000
BEFORE, LONG = 20, 80
"""Minutes watched before the histories begin, and how long they last."""


def read(asked: Prometheus, span: Span) -> tuple[dict[str, Seen], list[Fill]]:
    seen = read_minutes(asked, span, span.end, silent)
    fills = list(prove(asked, span, gaps(seen, span.all), silent))
    add_fills(seen, fills)
    return seen, fills


@pytest.mark.parametrize("name", ENGINES)
def test_a_thousand_random_histories_give_the_minutes_that_an_oracle_counts(name: str, tmp_path: Path) -> None:
    """Semantics 21, 22, 26, 27: outages, blindness, restarts, lost accounts, replicas, new labels and intervals."""
    random = Random(20260226)
    span = Span(FEBRUARY, BEFORE + LONG + 20)
    begin = FEBRUARY + BEFORE * MINUTE
    histories = [random_history(random, f"componente-{number}", begin, LONG) for number in range(HISTORIES)]

    with engine(name, tmp_path, open_metrics(histories)) as asked:
        seen, fills = read(asked, span)

    wrong = [
        (history.name, minute, expected)
        for history in histories
        for minute in range(span.minutes)
        if (expected := history.minute(span.moment(minute))) != state_in(seen[history.name], minute)
    ]
    assert wrong == []
    assert sum(between(fill.gap.first, fill.gap.end).bit_count() for fill in fills) > HISTORIES
    assert {"up", "down", "unknown"} == {state_in(one, BEFORE + 30) for one in seen.values()}


def state_in(seen: Seen, minute: int) -> str:
    return "up" if seen.up >> minute & 1 else "down" if seen.down >> minute & 1 else "unknown"


def test_an_oracle_that_is_told_something_else_would_notice() -> None:
    history: History = random_history(Random(1), "a", FEBRUARY, 30)

    assert {history.minute(FEBRUARY - 5 * MINUTE), history.minute(FEBRUARY + 3 * MINUTE)} == {"unknown", "up"}
