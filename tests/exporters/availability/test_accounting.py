"""The account of a component: every second is up, down or unknown, and exactly one of them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from exporters.availability.accounting import Account, State, advanced, observed, opened

BEGAN = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)
VOUCH = timedelta(seconds=30)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def seconds_of(account: Account) -> dict[str, float]:
    return {state.value: span.total_seconds() for state, span in account.spans.items()}


def test_time_before_the_first_result_is_unknown() -> None:
    account = observed(advanced(opened(BEGAN), at(3)), State.UP, at(7), VOUCH)

    assert seconds_of(account) == {"up": 0, "down": 0, "unknown": 7}
    assert (account.state, account.since) == (State.UP, at(7))


def test_a_result_holds_until_the_next() -> None:
    account = opened(BEGAN)
    for second, state in [(0, State.UP), (10, State.UP), (20, State.DOWN), (30, State.DOWN), (40, State.UP)]:
        account = observed(account, state, at(second), VOUCH)

    account = advanced(account, at(45))
    assert seconds_of(account) == {"up": 25, "down": 20, "unknown": 0}
    assert (account.state, account.since) == (State.UP, at(40))


def test_without_new_results_the_state_becomes_unknown() -> None:
    account = observed(opened(BEGAN), State.UP, BEGAN, VOUCH)

    assert advanced(account, at(30)).state is State.UP
    later = advanced(account, at(100))
    assert seconds_of(later) == {"up": 30, "down": 0, "unknown": 70}
    assert (later.state, later.since) == (State.UNKNOWN, at(30))


def test_a_clock_that_goes_back_changes_nothing() -> None:
    account = advanced(observed(opened(BEGAN), State.UP, BEGAN, VOUCH), at(20))

    assert advanced(account, at(5)) == account
    assert seconds_of(advanced(observed(account, State.DOWN, at(5), VOUCH), at(25))) == {
        "up": 20,
        "down": 5,
        "unknown": 0,
    }


RESULTS = st.lists(st.tuples(st.sampled_from(State), st.timedeltas(timedelta(days=-1), timedelta(days=400))))


@given(RESULTS, st.timedeltas(timedelta(), timedelta(days=2)))
def test_the_states_sum_to_wall_time_and_never_go_back(
    results: list[tuple[State, timedelta]], vouch: timedelta
) -> None:
    account, now, latest = opened(BEGAN), BEGAN, BEGAN
    for state, step in results:
        now += step / 100
        latest = max(latest, now)
        looked_at = advanced(account, now)
        following = observed(account, state, now, vouch)
        for known in State:
            assert account.spans[known] <= looked_at.spans[known] == following.spans[known]
        account = following
        assert account.total == latest - BEGAN
        assert BEGAN <= account.since <= account.until == latest


@given(RESULTS, st.integers(0, 5))
def test_looking_in_between_changes_no_sum(results: list[tuple[State, timedelta]], looks: int) -> None:
    plain = looked = opened(BEGAN)
    now = BEGAN
    for state, jump in results:
        step = abs(jump) / 1000
        for part in range(looks):
            looked = advanced(looked, now + step * part / max(looks, 1))
        now += step
        plain = observed(plain, state, now, VOUCH)
        looked = observed(looked, state, now, VOUCH)
    assert plain == looked
