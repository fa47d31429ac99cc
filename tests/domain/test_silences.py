"""What an Alertmanager should hold while components are under maintenance."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from incident_store.domain.intervals import Interval
from incident_store.domain.maintenance import Approval, Window
from incident_store.domain.silences import HeldSilence, Silence, silence_changes, wanted_silences
from tests.builders import at

HOUR = Interval(at(60), at(120))
PORTAL = Silence(7, "portal-web", HOUR)
PLANNED = Window(7, ("portal-web", "api"), "consulta", HOUR, "parche", "ana", at(0))
APPROVED = replace(PLANNED, approval=Approval("sofia", at(1), ""))


def held(silence: Silence, identity: str = "a", **changes: object) -> HeldSilence:
    one = HeldSilence(identity, silence.comment, silence.matchers, silence.span)
    return replace(one, **changes)  # type: ignore[arg-type]


def test_a_window_that_counts_wants_one_silence_a_component_until_its_end() -> None:
    assert wanted_silences([APPROVED], at(90)) == (PORTAL, Silence(7, "api", HOUR))
    assert wanted_silences([APPROVED], at(0)) == (PORTAL, Silence(7, "api", HOUR))
    assert wanted_silences([APPROVED], at(120)) == ()
    assert wanted_silences([PLANNED, replace(APPROVED, cancelled_at=at(2))], at(90)) == ()
    assert wanted_silences([APPROVED], at(60 - 24 * 60 - 1)) == ()


def test_what_is_held_as_wanted_stays_and_what_is_missing_is_made() -> None:
    assert silence_changes([PORTAL], [held(PORTAL)], at(90)) == silence_changes([], [], at(90))
    assert silence_changes([PORTAL], [], at(90)).create == (PORTAL,)


def test_a_silence_that_began_late_because_its_window_had_begun_fits() -> None:
    late = held(PORTAL, span=Interval(at(75), HOUR.end))
    assert silence_changes([PORTAL], [late], at(90)).expire == ()
    assert silence_changes([PORTAL], [late], at(70)).create == (PORTAL,)


def test_the_silence_of_a_shortened_window_is_replaced_and_that_of_a_cancelled_one_ends() -> None:
    shorter = replace(PORTAL, span=Interval(HOUR.start, at(90)))
    changes = silence_changes([shorter], [held(PORTAL)], at(70))
    assert (changes.create, changes.expire) == ((shorter,), ("a",))
    assert silence_changes([], [held(PORTAL)], at(70)).expire == ("a",)


def test_a_silence_that_somebody_widened_is_replaced() -> None:
    pattern = held(PORTAL, matchers=(("component", "portal.*", True, True),))
    assert silence_changes([PORTAL], [pattern], at(90)).expire == ("a",)


def test_a_hostile_name_is_matched_by_equality_alone() -> None:
    assert Silence(1, '.*"} or {a="', HOUR).matchers == (("component", '.*"} or {a="', False, True),)


@given(st.permutations(["a", "b", "c"]))
def test_of_silences_alike_every_worker_keeps_the_same_one(order: list[str]) -> None:
    assert silence_changes([PORTAL], [held(PORTAL, one) for one in order], at(90)).expire == ("b", "c")
