"""From results to states: confirmation by k of n, blindness, and seconds that always sum to wall time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.availability.accounting import State, advanced, opened
from exporters.availability.probes.result import Phase, ProbeResult, Reason
from exporters.availability.probes.table import KINDS
from exporters.availability.tally import Tally, begun, counted
from exporters.availability.watched import Confirmation, Watched
from tests.exporters.availability.components import made

BEGAN = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)
RESULTS = {
    "+": ProbeResult({Phase.CONNECT: 0.01}),
    "-": ProbeResult({Phase.CONNECT: 0.01}, Reason.REFUSED),
    "?": ProbeResult({}, Reason.CONFIGURATION),
}
LETTERS = {State.UP: "+", State.DOWN: "-", State.UNKNOWN: "?"}


def component(probes: int = 1, of: int = 1) -> Watched:
    return made("tcp", address="127.0.0.1:1", interval="10s", confirm={"probes": probes, "of": of})


def new() -> Tally:
    return begun(opened(BEGAN), KINDS["tcp"].reasons)


def states(results: str, probes: int, of: int) -> str:
    """The state after each result, ten seconds apart; `x` is a failure while the monitor is blind."""
    tally, seen = new(), ""
    for number, letter in enumerate(results):
        at = BEGAN + timedelta(seconds=10 * number)
        tally = counted(tally, RESULTS[letter.replace("x", "-")], at, component(probes, of), blind=letter == "x")
        seen += LETTERS[tally.account.state]
    return seen


@pytest.mark.parametrize(
    ("probes", "of", "results", "expected"),
    [
        (1, 1, "++-+--", "++-+--"),
        (2, 2, "++-+--+-++", "+++++----+"),
        (2, 3, "++-+-++", "++++-++"),
        (3, 3, "+--+---+++", "++++++---+"),
        (2, 2, "--", "?-"),  # from the unknown a failure must be confirmed
        (2, 2, "+", "+"),  # an answer proves that it answers
        (2, 2, "+-?-", "++??"),  # what our own fault hides confirms nothing
        (1, 1, "+xx+", "+??+"),
        (2, 2, "--x--", "?-??-"),
    ],
)
def test_a_state_changes_when_enough_results_say_so(probes: int, of: int, results: str, expected: str) -> None:
    assert states(results, probes, of) == expected


CONFIRMATIONS = st.integers(1, 6).flatmap(
    lambda of: st.integers(of // 2 + 1, of).map(lambda probes: Confirmation(probes=probes, of=of))
)


@given(
    st.lists(st.tuples(st.sampled_from("+-?"), st.booleans(), st.timedeltas(timedelta(), timedelta(seconds=90)))),
    CONFIRMATIONS,
)
def test_whatever_comes_the_seconds_sum_to_wall_time(
    results: list[tuple[str, bool, timedelta]], confirm: Confirmation
) -> None:
    watched, tally, now = component().model_copy(update={"confirm": confirm}), new(), BEGAN
    for letter, blind, step in results:
        now += step
        before = tally
        tally = counted(tally, RESULTS[letter], now, watched, blind=blind)
        assert tally.account.total == now - BEGAN
        assert tally.runs == before.runs + 1
        assert all(tally.account.spans[state] >= before.account.spans[state] for state in State)
        if letter != "+" and blind:
            assert tally.account.state is State.UNKNOWN

    later = now + timedelta(hours=1)
    assert advanced(tally.account, later).total == later - BEGAN
    assert sum(tally.failures.values()) == sum(letter != "+" for letter, _, _ in results)


@given(st.lists(st.sampled_from("+-"), max_size=40), CONFIRMATIONS)
def test_a_state_is_left_only_for_one_that_the_window_confirms(results: list[str], confirm: Confirmation) -> None:
    seen = states("+" + "".join(results), confirm.probes, confirm.of)

    for end in range(1, len(seen)):
        window = ("+" + "".join(results))[max(0, end + 1 - confirm.of) : end + 1]
        if seen[end] != seen[end - 1]:
            assert window.count(seen[end]) >= confirm.probes
