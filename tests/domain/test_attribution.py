"""Whose fault an opening seems to be: each rule by an example of Lima's network, and what none of them may do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_store.domain.attribution import Attribution, Condition, Ground, Indication, Seen, attribute
from incident_store.domain.policies import Responsible
from tests.builders import NOON, shipped_policy

OWNERS = shipped_policy().at(NOON).owners
UP, DOWN, UNKNOWN = Condition.UP, Condition.DOWN, Condition.UNKNOWN


def network(**conditions: Condition) -> list[Seen]:
    """Portal and API of the provider behind OTI's link, the database behind none, one operator behind its own link."""
    parts = {
        "portal": ("provider", "enlace"),
        "api": ("provider", "enlace"),
        "enlace": ("oti", "enlace"),
        "base": ("provider", ""),
        "enlace_claro": ("operator", "enlace_claro"),
        "sftp_claro": ("operator", "enlace_claro"),
    }
    return [Seen(name, owner, link, conditions.get(name, UP)) for name, (owner, link) in parts.items()]


def judge(component: str, owner: str, *, blind: bool = False, **conditions: Condition) -> Attribution:
    return attribute(component, owner, network(**conditions), blind=blind, owners=OWNERS)


def test_a_component_that_fails_alone_points_to_its_owner() -> None:
    found = judge("portal", "provider", portal=DOWN)
    assert found.responsible is Responsible.PROVIDER
    assert found.indications == (Indication(Ground.OWNER, ("provider",)), Indication(Ground.ALONE))


def test_components_of_the_provider_alone_point_to_the_provider() -> None:
    found = judge("portal", "provider", portal=DOWN, base=DOWN)
    assert found.responsible is Responsible.PROVIDER
    assert Indication(Ground.SAME_OWNER_DOWN, ("base",)) in found.indications


def test_a_link_of_oti_down_with_everything_behind_it_points_to_oti() -> None:
    for component, owner in (("portal", "provider"), ("enlace", "oti")):
        found = judge(component, owner, portal=DOWN, api=DOWN, enlace=DOWN)
        assert found.responsible is Responsible.OTI
        assert found.indications == (
            Indication(Ground.LINK_DOWN, ("enlace",)),
            Indication(Ground.BEHIND_LINK_DOWN, ("api", "portal")),
        )


def test_what_is_behind_a_dead_link_and_cannot_be_known_counts_as_behind_it() -> None:
    assert judge("portal", "provider", portal=DOWN, api=UNKNOWN, enlace=DOWN).responsible is Responsible.OTI


def test_the_link_of_one_operator_points_to_the_operator() -> None:
    found = judge("sftp_claro", "operator", sftp_claro=DOWN, enlace_claro=DOWN)
    assert found.responsible is Responsible.OPERATOR
    assert found.indications[0] == Indication(Ground.LINK_DOWN, ("enlace_claro",))


def test_a_link_that_others_pass_through_is_not_to_blame_for_what_is_behind_it() -> None:
    found = judge("portal", "provider", portal=DOWN, enlace=DOWN)
    assert found.responsible is Responsible.PROVIDER
    assert Indication(Ground.BEHIND_LINK_UP, ("api",)) in found.indications


def test_a_link_whose_own_probe_fails_alone_answers_for_itself_and_says_what_passes() -> None:
    found = judge("enlace", "oti", enlace=DOWN)
    assert found.responsible is Responsible.OTI
    assert found.indications == (
        Indication(Ground.OWNER, ("oti",)),
        Indication(Ground.ALONE),
        Indication(Ground.BEHIND_LINK_UP, ("api", "portal")),
    )


def test_a_link_that_failed_beside_something_else_says_what_else() -> None:
    found = judge("portal", "provider", portal=DOWN, api=DOWN, enlace=DOWN, base=DOWN)
    assert found.responsible is Responsible.OTI
    assert Indication(Ground.OTHERS_DOWN, ("base",)) in found.indications


def test_a_blind_monitor_accuses_nobody() -> None:
    found = judge("portal", "provider", blind=True, portal=DOWN, api=DOWN, enlace=DOWN)
    assert found == Attribution(Responsible.NOBODY, (Indication(Ground.MONITOR_BLIND),))


def test_everything_of_everybody_down_at_once_accuses_nobody() -> None:
    everything = dict.fromkeys(("portal", "api", "enlace", "base", "enlace_claro", "sftp_claro"), DOWN)
    found = judge("base", "provider", **everything)
    assert (found.responsible, found.indications[0].ground) == (Responsible.NOBODY, Ground.ALL_DOWN)


def test_without_any_sample_the_owner_is_suspected_and_nothing_else_is_claimed() -> None:
    found = attribute("portal", "provider", [], blind=False, owners=OWNERS)
    assert found == Attribution(Responsible.PROVIDER, (Indication(Ground.OWNER, ("provider",)),))


@pytest.mark.parametrize("owner", ["", "martians"])
def test_an_owner_that_nobody_knows_accuses_nobody(owner: str) -> None:
    assert attribute("CLARO/ROBOS", owner, [], blind=False, owners=OWNERS).responsible is Responsible.NOBODY


def test_a_component_opened_by_hand_has_the_owner_that_the_metrics_give_it() -> None:
    assert judge("portal", "", portal=DOWN).responsible is Responsible.PROVIDER


def test_a_minute_in_which_nothing_was_down_calls_nobody_the_only_one() -> None:
    """What the probes do not look at, such as a file or the monitor itself, fails while every component answers."""
    for component in ("CLARO/ROBOS", "portal"):
        found = judge(component, "provider")
        assert found.indications == (Indication(Ground.OWNER, ("provider",)), Indication(Ground.NONE_DOWN))


NAMES = st.sampled_from(["a", "b", "c", "l", "m", ""])
SEEN = st.builds(Seen, NAMES, st.sampled_from(["provider", "operator", "oti", "x"]), NAMES, st.sampled_from(Condition))


@given(NAMES, st.sampled_from(["provider", "operator", "oti", ""]), st.lists(SEEN, max_size=8), st.booleans())
def test_whatever_was_seen_somebody_or_nobody_is_suspected_with_a_first_reason(
    component: str, owner: str, around: list[Seen], blind: bool
) -> None:
    around = list({one.component: one for one in around}.values())
    found = attribute(component, owner, around, blind=blind, owners=OWNERS)
    known = {owner, *(one.owner for one in around)}
    assert found.responsible is Responsible.NOBODY or found.responsible in {OWNERS.get(one) for one in known}
    assert found == attribute(component, owner, around[::-1], blind=blind, owners=OWNERS)
    assert found.indications or found.responsible is Responsible.NOBODY
