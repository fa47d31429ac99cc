"""A body that came before is recognised by its bytes, and only while it would still change nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text

from alertmanager_webhook.app import create_app
from incident_store import repeats
from incident_store.database import reading
from incident_store.domain.episodes import Episode
from incident_store.episode_rows import latest_episodes
from incident_store.store import record
from tests.builders import PORTAL_DOWN, alert, alert_body, at, gone, resolved, seen, shipped_policy

TOKEN = "a token for these tests"


@pytest.fixture
def receiver(store: Engine) -> FlaskClient:
    return create_app(store, shipped_policy(), TOKEN, now=lambda: at(60)).test_client()


def post(receiver: FlaskClient, body: bytes) -> tuple[int, int]:
    """How many alerts were new, and how many were known."""
    answer = receiver.post("/api/v1/alerts", data=body, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return answer.json["accepted"], answer.json["duplicates"]


@contextmanager
def statements(store: Engine) -> Iterator[list[str]]:
    """What the store is asked meanwhile, but for the bounds of transactions."""
    asked: list[str] = []

    def note(*words: Any) -> None:
        if not words[2].startswith("BEGIN"):
            asked.append(words[2])

    event.listen(store, "before_cursor_execute", note)
    yield asked
    event.remove(store, "before_cursor_execute", note)


def only_episode(store: Engine) -> Episode:
    with reading(store).connect() as connection:
        (episode,) = latest_episodes(connection, ["f1"])
    return episode


def test_a_repeat_is_counted_with_one_statement(receiver: FlaskClient, store: Engine) -> None:
    body = alert_body(alert(0), alert(1, fingerprint="f2"), alert(0))
    assert [post(receiver, body), post(receiver, body)] == [(2, 1), (0, 3)]
    with statements(store) as asked:
        assert post(receiver, body) == (0, 3)
    assert len(asked) == 1, asked
    assert b'renteseg_webhook_alerts_total{outcome="duplicate"} 7.0' in receiver.get("/metrics").data


def test_a_firing_that_comes_again_after_its_end_is_to_be_verified(receiver: FlaskClient, store: Engine) -> None:
    firing = alert_body(alert(0))
    assert [post(receiver, firing), post(receiver, firing)] == [(1, 0), (0, 1)]
    record(store, [resolved(0, 30)], [], shipped_policy(), at(31))
    assert post(receiver, firing) == (1, 0)
    assert only_episode(store).to_verify
    record(store, [gone(0, 40)], [], shipped_policy(), at(41))
    assert not only_episode(store).to_verify
    assert post(receiver, firing) == (1, 0), "polling settled it, so that the firing is doubted anew"


def test_what_polling_saw_meanwhile_makes_a_repeated_end_a_false_one(receiver: FlaskClient, store: Engine) -> None:
    end = alert_body(alert(0, 30))
    assert [post(receiver, end), post(receiver, end)] == [(1, 0), (0, 1)]
    record(store, [seen(0, 40)], [], shipped_policy(), at(41))
    assert post(receiver, end) == (0, 1)
    assert only_episode(store).ended_at is None


def test_a_later_episode_of_the_same_alert_is_not_overlooked(receiver: FlaskClient, store: Engine) -> None:
    end = alert_body(alert(0, 10))
    assert [post(receiver, end), post(receiver, end)] == [(1, 0), (0, 1)]
    assert post(receiver, alert_body(alert(50))) == (1, 0)
    assert post(receiver, end) == (0, 1)
    assert only_episode(store).started_at == at(50)


def test_the_sign_of_life_is_never_taken_for_a_repeat(receiver: FlaskClient, store: Engine) -> None:
    body = alert_body(alert(0), alert(0, labels={"alertname": "Watchdog"}, fingerprint="w"))
    for _ in range(3):
        post(receiver, body)
        with store.begin() as connection:
            assert connection.execute(text("DELETE FROM signals")).rowcount == 1


def test_what_was_met_longest_ago_is_forgotten_first(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST_EPISODES", 3)
    receiver = create_app(store, shipped_policy(), TOKEN, now=lambda: at(60)).test_client()
    bodies = [
        alert_body(*(alert(0, labels={**PORTAL_DOWN, "component": f"{n}{m}"}, fingerprint=f"{n}{m}") for m in "ab"))
        for n in range(3)
    ]
    for body in bodies * 3:
        post(receiver, body)
    with statements(store) as asked:
        assert post(receiver, bodies[2]) == (0, 2)
    assert "sum(episodes.version)" in asked[0], "it is remembered"
    with statements(store) as asked:
        assert post(receiver, bodies[0]) == (0, 2)
    assert "sum(episodes.version)" not in asked[0], "three episodes do not hold two bodies of two"
