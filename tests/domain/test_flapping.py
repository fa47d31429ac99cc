"""An alert that comes and goes more often than sla.yml allows."""

from datetime import timedelta

from incident_store.domain.episodes import Episode
from incident_store.domain.flapping import flapping_since
from incident_store.domain.policies import Flapping
from tests.builders import at

LIMIT = Flapping(3, timedelta(hours=1))


def begun(*starts: float, fingerprint: str = "f") -> list[Episode]:
    return [Episode(fingerprint, at(start), at(start), None, {}, {}) for start in starts]


def test_as_many_as_allowed_is_no_flapping_and_one_more_is_from_its_start_on() -> None:
    assert flapping_since(begun(0, 10, 20), LIMIT) is None
    assert flapping_since(begun(20, 60, 0, 10, 61), LIMIT) == at(60)


def test_the_same_number_over_a_longer_time_is_no_flapping() -> None:
    assert flapping_since(begun(0, 10, 20, 60.1), LIMIT) is None


def test_different_alerts_of_one_component_do_not_add_up() -> None:
    several = [one for name in "abcdef" for one in begun(0, 5, fingerprint=name)]
    assert flapping_since(several, LIMIT) is None
