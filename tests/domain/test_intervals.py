"""The algebra of half-open intervals, against minute-by-minute sets."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_store.domain.intervals import Interval, intersect, merge, subtract, total
from tests.builders import at

minute = st.integers(min_value=0, max_value=60)
interval = st.tuples(minute, minute).map(lambda pair: Interval(at(min(pair)), at(max(pair))))
intervals = st.lists(interval, max_size=8)


def minutes(parts: tuple[Interval, ...] | list[Interval]) -> set[int]:
    return {index for index in range(61) if any(part.contains(at(index)) for part in parts)}


@given(intervals, intervals)
def test_intersection_and_difference_agree_with_sets(first: list[Interval], second: list[Interval]) -> None:
    assert minutes(intersect(first, second)) == minutes(first) & minutes(second)
    assert minutes(subtract(first, second)) == minutes(first) - minutes(second)


@given(intervals)
def test_merging_keeps_the_time_and_leaves_gaps_between(parts: list[Interval]) -> None:
    merged = merge(parts)
    assert minutes(merged) == minutes(parts)
    assert all(earlier.end < later.start for earlier, later in itertools.pairwise(merged))
    assert total(parts) == timedelta(minutes=len(minutes(parts)))


def test_an_interval_without_zone_or_with_its_ends_swapped_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Interval(at(0).replace(tzinfo=None), at(1))
    with pytest.raises(ValueError, match="end"):
        Interval(at(1), at(0))
