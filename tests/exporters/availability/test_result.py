"""An attempt's phases: without gaps, and as long together as the probe took."""

import time

from hypothesis import given
from hypothesis import strategies as st

from exporters.availability.probes.result import Attempt, Phase, Reason


@given(st.lists(st.sampled_from(Phase), max_size=12), st.sampled_from([None, *Reason]))
def test_the_phases_sum_to_the_duration_however_often_one_comes_back(
    phases: list[Phase], reason: Reason | None
) -> None:
    before = time.monotonic()
    attempt = Attempt(Phase.RESOLVE, 1.0)
    begun = time.monotonic()
    for phase in phases:
        attempt.enter(phase)
    over = time.monotonic()
    result = attempt.result(reason)
    after = time.monotonic()

    assert over - begun - 1e-6 <= result.duration <= after - before + 1e-6
    assert set(result.phases) == {Phase.RESOLVE, *phases}
    assert result.success is (reason is None)
