"""Semantics 1 to 4: what a set of notifications makes of the episodes of one fingerprint."""

import itertools
import random
from collections.abc import Iterable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_store.domain.episodes import EndedBy, Episode, Notification, take_in
from tests.builders import at, firing, gone, resolved, seen


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


def test_a_resolved_before_the_alert_was_seen_active_was_false_and_the_episode_goes_on() -> None:
    history = [firing(0), resolved(0, 5), seen(0, 8)]
    assert spans(fold(history)) == spans(fold(history[::-1])) == [(at(0), None, None)]


def test_a_resolved_after_the_last_sighting_holds() -> None:
    assert spans(fold([seen(0, 8), resolved(0, 9)])) == [(at(0), at(9), EndedBy.RESOLVED)]


def test_polling_that_misses_an_alert_ends_it_at_the_first_moment_it_was_missed() -> None:
    assert spans(fold([firing(0), gone(0, 9), gone(0, 8)])) == [(at(0), at(8), EndedBy.RECONCILED)]


def test_what_alertmanager_announced_outweighs_what_polling_missed() -> None:
    assert spans(fold([gone(0, 8), resolved(0, 6)])) == [(at(0), at(6), EndedBy.RESOLVED)]
    assert spans(fold([gone(0, 8), resolved(0, 10)])) == [(at(0), at(10), EndedBy.RESOLVED)]


def test_an_alert_seen_after_it_was_missed_goes_on() -> None:
    assert spans(fold([firing(0), gone(0, 8), seen(0, 20)])) == [(at(0), None, None)]


def test_a_sighting_joins_the_starts_that_lie_in_it() -> None:
    assert spans(fold([firing(5), firing(9), seen(5, 10)])) == [(at(5), None, None)]


def test_a_moment_of_absence_ends_the_last_episode_that_began_before_it() -> None:
    assert spans(fold([firing(0), gone(0, 9), firing(4)])) == [
        (at(0), at(4), EndedBy.UNSEEN),
        (at(4), at(9), EndedBy.RECONCILED),
    ]


@pytest.mark.parametrize("settled_by", [seen(0, 9), gone(0, 5)])
def test_polling_settles_a_doubt_either_way(settled_by: Notification) -> None:
    (doubtful,) = fold([firing(0), resolved(0, 5), firing(0)])
    (settled,) = take_in([doubtful], settled_by).episodes
    assert doubtful.to_verify
    assert not settled.to_verify
    assert settled.ended_at == (None if settled_by.seen_at else at(5))


points = st.integers(min_value=0, max_value=40)
pairs = st.tuples(points, points).map(sorted)
notifications = st.one_of(
    points.map(firing),
    pairs.map(lambda pair: resolved(*pair)),
    pairs.map(lambda pair: seen(*pair)),
    pairs.map(lambda pair: gone(*pair)),
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


def until(one: Notification) -> datetime:
    """The last moment at which this says that the alert was active."""
    return one.ends_at or one.seen_at or one.starts_at


def oracle(history: Iterable[Notification]) -> list[tuple[object, ...]]:
    """The same from the whole set at once: stretches that touch are one; then each end, the best witness first."""
    groups: list[list[Notification]] = []
    for one in sorted(history, key=lambda one: one.starts_at):
        if not groups or one.starts_at > max(map(until, groups[-1])):
            groups.append([])
        groups[-1].append(one)
    starts = [min(one.starts_at for one in group) for group in groups]
    missed = [one.gone_at for group in groups for one in group if one.gone_at is not None]
    answer: list[tuple[object, ...]] = []
    for number, group in enumerate(groups):
        reach = max(map(until, group))
        limit = starts[number + 1] if number + 1 < len(groups) else None
        absent = [moment for moment in missed if reach <= moment and (limit is None or moment < limit)]
        if reach in [one.ends_at for one in group]:
            answer.append((starts[number], reach, EndedBy.RESOLVED))
        elif absent:
            answer.append((starts[number], min(absent), EndedBy.RECONCILED))
        else:
            answer.append((starts[number], limit, EndedBy.UNSEEN if limit else None))
    return answer


def any_history(dice: random.Random) -> list[Notification]:
    """Up to ten words about one alert, in an hour of short and long times, as likely to contradict as to agree."""
    words = []
    span = dice.choice((6, 15, 60))
    for _ in range(dice.randint(1, 10)):
        start, end = sorted((dice.randint(0, span), dice.randint(0, span)))
        words.append(dice.choice((firing(start), resolved(start, end), seen(start, end), gone(start, end))))
    return words


def test_ten_thousand_random_histories_end_as_the_oracle_says_whatever_their_order_and_number() -> None:
    dice = random.Random(20261005)
    for _ in range(10_000):
        history = any_history(dice)
        delivered = history + dice.choices(history, k=dice.randint(0, 4))
        dice.shuffle(delivered)
        assert spans(fold(delivered)) == oracle(history), delivered
