"""The account of minutes against an oracle that judges each minute by itself (semantics 21 to 25)."""

from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_store.domain.availability import (
    Account,
    Share,
    Verdict,
    Watched,
    component_account,
    contractual,
    gross,
    is_up,
    service_account,
    verdict,
)
from incident_store.domain.minute_sets import between

MINUTES = 12
ALL = between(0, MINUTES)


@dataclass(frozen=True)
class Minute:
    """One component in one minute, as a person would write it down."""

    seen: str
    maintenance: bool
    exempt: bool
    joined: bool


minutes = st.builds(Minute, st.sampled_from(["up", "down", "unknown"]), st.booleans(), st.booleans(), st.booleans())
components = st.lists(minutes, min_size=MINUTES, max_size=MINUTES)
services = st.lists(components, min_size=1, max_size=5).flatmap(
    lambda parts: st.tuples(st.just(parts), st.integers(1, len(parts)))
)


def as_sets(component: list[Minute]) -> Watched:
    def where(found: list[bool]) -> int:
        return sum(1 << place for place, one in enumerate(found) if one)

    return Watched(
        where([one.seen == "up" for one in component]),
        where([one.seen == "down" for one in component]),
        where([one.maintenance for one in component]),
        where([one.exempt for one in component]),
        where([one.joined for one in component]),
    )


def state_of(account: Account, minute: int) -> str:
    """The one state of a minute; fails when it has none, or two."""
    sets = {"up": account.up, "down": account.down, "unknown": account.unknown, "maintenance": account.maintenance}
    [state] = [name for name, found in sets.items() if found >> minute & 1]
    return state


def oracle(parts: list[Minute], needed: int) -> tuple[str, bool]:
    """The state of a service's minute, and whether it counts as down under the contract; counted, not combined."""
    if sum(not part.maintenance for part in parts) < needed:
        return "maintenance", False
    working = sum(part.seen == "up" and not part.maintenance for part in parts)
    possible = sum(part.seen != "down" and not part.maintenance for part in parts)
    state = "up" if working >= needed else "unknown" if possible >= needed else "down"
    if state == "down":
        held = [part for part in parts if not part.maintenance and not (part.exempt and part.seen == "down")]
        return state, len(held) >= needed
    if state == "up":
        held = [part for part in parts if part.seen == "up" and not part.maintenance]
        return state, sum(not part.joined or part.exempt for part in held) < needed
    return state, False


@given(services)
def test_every_minute_of_a_service_is_what_counting_its_components_says(
    service: tuple[list[list[Minute]], int],
) -> None:
    """Semantics 21 and 23."""
    parts, needed = service
    account = service_account([as_sets(part) for part in parts], needed, ALL)

    share = contractual(account, ALL)
    expected = [oracle([part[minute] for part in parts], needed) for minute in range(MINUTES)]

    assert [state_of(account, minute) for minute in range(MINUTES)] == [state for state, _ in expected]
    assert share.down == sum(down for _, down in expected)
    assert share.up == sum(state == "up" and not down for state, down in expected)
    assert share.unknown == sum(state == "unknown" for state, _ in expected)


@given(services)
def test_the_four_states_sum_to_the_minutes_and_gross_forgets_maintenance(
    service: tuple[list[list[Minute]], int],
) -> None:
    """Semantics 21 and 25."""
    parts, needed = service
    account = service_account([as_sets(part) for part in parts], needed, ALL)
    without = service_account([Watched(as_sets(part).up, as_sets(part).down) for part in parts], needed, ALL)

    states = (account.up, account.down, account.unknown, account.maintenance)
    assert sum(one.bit_count() for one in states) == MINUTES
    assert gross(account, ALL) == gross(without, ALL)


@given(components)
def test_a_service_of_one_component_is_that_component(component: list[Minute]) -> None:
    assert service_account([as_sets(component)], 1, ALL) == component_account(as_sets(component), ALL)


def test_minutes_that_have_not_passed_are_in_no_share() -> None:
    account = component_account(Watched(up=0b0011, down=0b0100), between(0, 10))

    assert gross(account, between(0, 4)) == Share(up=2, down=1, unknown=1)
    assert account.unknown.bit_count() == 7


@pytest.mark.parametrize(
    ("ups", "samples", "up"), [(0, 1, False), (1, 2, True), (2, 4, True), (1, 3, False), (2, 3, True), (4, 4, True)]
)
def test_a_minute_is_down_when_more_than_half_of_its_probes_failed(ups: int, samples: int, up: bool) -> None:
    """Semantics 22."""
    assert is_up(ups / samples) is up


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (Share(995, 5, 0), Verdict.MET),
        (Share(994, 6, 0), Verdict.MISSED),
        (Share(990, 5, 5), Verdict.MISSED_AS_SEEN),
        (Share(900, 1, 99), Verdict.MET_AS_SEEN),
        (Share(900, 10, 0), Verdict.MISSED),
        (Share(0, 0, 1000), Verdict.NO_DATA),
    ],
)
def test_a_verdict_says_when_it_depends_on_what_nobody_saw(share: Share, expected: Verdict) -> None:
    """Semantics 25; equal to the target is met (14)."""
    assert verdict(share, Fraction(995, 1000)) is expected
