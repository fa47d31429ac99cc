"""Whose time it was: several validations, from-times, corrections, waits and a relapse (semantics 20)."""

from datetime import timedelta

from incident_store.domain.incident_clocks import read_clocks
from incident_store.domain.incidents import Event
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import ClockName, Responsible
from tests.builders import at, shipped_policy

NOBODY, OPERATOR, PROVIDER, OTI = Responsible.NOBODY, Responsible.OPERATOR, Responsible.PROVIDER, Responsible.OTI
Told = tuple[str, float, dict[str, str]]
OPENING: tuple[Told, ...] = (
    ("fault_began", 0, {}),
    ("detected", 0, {}),
    ("recorded", 0, {}),
    ("severity_set", 0, {"severity": "alta"}),
    ("analysis_began", 1, {}),
)


def validated(minute: float, responsible: Responsible, since: float | None = None) -> tuple[Told, ...]:
    """A diagnosis and its validation, from a moment on when it says so."""
    words = {"responsible": responsible.value, "severity": "alta"}
    start = {} if since is None else {"from": at(since).isoformat()}
    return (("diagnosed", minute, {**words, "cause": "x"}), ("validated", minute, {**words, **start}))


def shares(*steps: Told, now: float = 100) -> dict[Responsible, float]:
    """Minutes of the resolution clock by responsible, which sum to what elapsed."""
    events = [
        Event(EventKind(kind), at(minute), at(minute), "ana", words) for kind, minute, words in (*OPENING, *steps)
    ]
    (clock,) = (one for one in read_clocks(events, shipped_policy(), at(now)) if one.name is ClockName.RESOLUTION)
    assert sum(clock.by_responsible.values(), timedelta()) == clock.reading.elapsed
    return {who: share.total_seconds() / 60 for who, share in clock.by_responsible.items()}


def test_until_somebody_is_validated_the_time_is_nobodys() -> None:
    assert shares(("suspected", 1, {"responsible": "B"})) == {NOBODY: 100}


def test_a_validation_without_a_moment_takes_all_of_it_back_to_the_detection() -> None:
    assert shares(*validated(30, OTI)) == {OTI: 100}


def test_several_validations_share_the_time_at_their_moments() -> None:
    steps = (*validated(20, OTI), *validated(50, PROVIDER, since=40), *validated(80, OPERATOR, since=70))
    assert shares(*steps) == {OTI: 40, PROVIDER: 30, OPERATOR: 30}


def test_a_validation_from_before_another_replaces_it() -> None:
    steps = (*validated(20, OTI), *validated(50, PROVIDER, since=40), *validated(80, OPERATOR, since=10))
    assert shares(*steps) == {OTI: 10, OPERATOR: 90}


def test_waits_and_the_time_between_a_restoration_and_its_relapse_are_nobodys_share() -> None:
    steps = (
        *validated(20, PROVIDER),
        ("dispatched", 21, {"to": "INETUM"}),
        ("waiting_began", 30, {"reason": "operador"}),
        ("waiting_ended", 40, {}),
        ("restored", 50, {"tests": "ok"}),
        ("reopened", 70, {"reason": "relapse"}),
        *validated(75, OTI, since=70),
    )
    assert shares(*steps) == {PROVIDER: 40, OTI: 30}


def test_a_corrected_detection_moves_the_first_share_and_no_other() -> None:
    steps = (*validated(20, OTI), *validated(50, PROVIDER, since=40))
    earlier = ("corrected", -15, {"event": "2", "reason": "lo vio el operador"})
    assert shares(*steps, earlier) == {OTI: 55, PROVIDER: 60}
