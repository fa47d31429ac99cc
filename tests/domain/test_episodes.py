"""Semantics 1 to 4: what a set of notifications makes of the episodes of one fingerprint."""

import itertools
import random
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from incident_store.domain.episodes import EndedBy, Episode, Notification, take_in
from tests.builders import at, firing, resolved


def fold(notifications: Iterable[Notification]) -> tuple[Episode, ...]:
    episodes: tuple[Episode, ...] = ()
    for notification in notifications:
        episodes = take_in(episodes, notification).episodes
    return episodes


def spans(episodes: Iterable[Episode]) -> list[tuple[object, ...]]:
    return [(episode.started_at, episode.ended_at, episode.ended_by) for episode in episodes]


def test_a_firing_opens_an_episode_and_its_resolved_ends_it() -> None:
    assert spans(fold([firing(0)])) == [(at(0), None, None)]
    assert spans(fold([firing(0), resolved(0, 5)])) == [(at(0), at(5), EndedBy.RESOLVED)]


def test_the_same_notification_again_changes_nothing() -> None:
    once = fold([firing(0)])
    assert take_in(once, firing(0)).episodes == once


def test_a_later_firing_starts_a_new_episode_and_the_old_one_ended_unseen_no_later_than_that() -> None:
    assert spans(fold([firing(0), firing(30)])) == [(at(0), at(30), EndedBy.UNSEEN), (at(30), None, None)]


def test_an_earlier_start_that_comes_late_gives_the_same_as_in_order() -> None:
    assert spans(fold([firing(30), firing(0)])) == spans(fold([firing(0), firing(30)]))


def test_a_resolved_that_covers_two_starts_makes_one_episode_of_them() -> None:
    intake = take_in(fold([firing(10), firing(0)]), resolved(0, 20))
    assert spans(intake.episodes) == [(at(0), at(20), EndedBy.RESOLVED)]


def test_a_firing_within_its_own_resolved_is_held_to_verify_and_opens_nothing() -> None:
    (episode,) = fold([firing(0), resolved(0, 5), firing(0)])
    assert episode.ended_at == at(5)
    assert episode.to_verify


def test_a_false_resolved_followed_by_a_longer_one_keeps_the_latest_end() -> None:
    assert spans(fold([firing(0), resolved(0, 5), resolved(0, 9)])) == [(at(0), at(9), EndedBy.RESOLVED)]


def test_an_end_before_the_start_counts_as_the_start() -> None:
    assert spans(fold([resolved(5, 1)])) == [(at(5), at(5), EndedBy.RESOLVED)]


points = st.integers(min_value=0, max_value=40)
notifications = st.one_of(
    points.map(firing), st.tuples(points, points).map(lambda pair: resolved(min(pair), max(pair)))
)


@given(st.lists(notifications, min_size=1, max_size=12), st.randoms(use_true_random=False), st.data())
def test_order_and_number_of_notifications_change_nothing(
    history: list[Notification], dice: random.Random, data: st.DataObject
) -> None:
    repeated = history + data.draw(st.lists(st.sampled_from(history), max_size=6))
    dice.shuffle(repeated)
    assert spans(fold(repeated)) == spans(fold(history))


@given(st.lists(notifications, min_size=1, max_size=12))
def test_episodes_never_overlap_and_only_the_last_may_be_open(history: list[Notification]) -> None:
    episodes = fold(history)
    assert all(episode.ended_at is not None for episode in episodes[:-1])
    for earlier, later in itertools.pairwise(episodes):
        assert earlier.ended_at is not None
        assert earlier.ended_at <= later.started_at
