"""The receiver's answers: right status, a reason, siblings unharmed (semantics 1, 4, 5)."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, select, text

from alertmanager_webhook.app import LARGEST_BODY, create_app
from alertmanager_webhook.main import read_token
from alertmanager_webhook.payload import fingerprint, read_delivery
from groundwork.problems import ConfigurationError
from incident_store.database import reading
from incident_store.models import QuarantineRow
from incident_store.queries import list_incidents
from incident_store.signals import Signal, last_signal
from incident_store.store import AT_ONCE
from tests.builders import PORTAL_DOWN, alert, alert_body, at, shipped_policy

TOKEN = "a token for these tests"


@pytest.fixture
def receiver(store: Engine) -> FlaskClient:
    return create_app(store, shipped_policy(), TOKEN, now=lambda: at(60)).test_client()


def post(receiver: FlaskClient, body: bytes, token: str = TOKEN) -> tuple[int, dict[str, Any]]:
    answer = receiver.post("/api/v1/alerts", data=body, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.get_json(silent=True) or {}


def components(store: Engine) -> set[str]:
    with reading(store).connect() as connection:
        return {one.component for one in list_incidents(connection)}


def reasons(store: Engine) -> list[str]:
    with reading(store).connect() as connection:
        return list(connection.scalars(select(QuarantineRow.reason).order_by(QuarantineRow.id)))


def metric(receiver: FlaskClient, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(receiver.get("/metrics").text)
    samples = [one for family in families for one in family.samples if one.name == name and one.labels == labels]
    (sample,) = samples
    return sample.value


def test_a_delivery_is_answered_200_with_its_counts_once_it_is_committed(receiver: FlaskClient, store: Engine) -> None:
    status, answer = post(receiver, alert_body(alert(0)))
    assert (status, answer["accepted"], answer["duplicates"], answer["quarantined"]) == (200, 1, 0, 0)
    assert answer["incidents"] == [1]
    assert post(receiver, alert_body(alert(0)))[1]["duplicates"] == 1
    assert components(store) == {"portal-web"}


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x"])
def test_without_the_token_it_is_401_and_nothing_is_kept(receiver: FlaskClient, store: Engine, token: str) -> None:
    assert post(receiver, alert_body(alert(0)), token)[0] == 401
    assert components(store) == set()
    assert metric(receiver, "renteseg_webhook_notifications_total", outcome="unauthorized") == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not-json"),
        (b"<html>", "not-json"),
        (b"\xff\xfe", "not-json"),
        (b"[" * 100_000, "not-json"),
        (b"null", "not-a-delivery"),
        (b'{"alerts": "none"}', "not-a-delivery"),
        (b'{"hello": 1}', "not-a-delivery"),
    ],
)
def test_a_body_that_is_not_alertmanagers_is_quarantined_and_counted(
    receiver: FlaskClient, store: Engine, body: bytes, reason: str
) -> None:
    status, answer = post(receiver, body)
    assert (status, answer["quarantined"]) == (200, 1)
    assert reasons(store) == [reason]
    assert metric(receiver, "renteseg_webhook_notifications_total", outcome="quarantined") == 1


@pytest.mark.parametrize(
    "bad",
    [
        None,
        7,
        {},
        {"labels": {"a": "b"}},
        alert(labels={}),
        alert(startsAt="yesterday"),
        alert(startsAt="9999-12-31T23:59:59Z"),
        alert(startsAt="2026-10-05T12:00:00"),
        alert(labels={**PORTAL_DOWN, "component": "x" * 300}),
        alert(labels={**PORTAL_DOWN, "component": "a\0b"}),
        alert(labels={**PORTAL_DOWN, "component": "\ud800"}),
        alert(labels={"alertname": 5}),
        {**alert(0), "status": "resolved"},
        {**alert(0), "status": "sleeping"},
        alert(fingerprint="a\0b"),
        alert(labels={"a\0b": 5}),
    ],
)
def test_one_bad_alert_goes_to_quarantine_and_its_siblings_are_recorded(
    receiver: FlaskClient, store: Engine, bad: Any
) -> None:
    good = alert(0, labels={**PORTAL_DOWN, "component": "api-imei"}, fingerprint="g")
    status, answer = post(receiver, alert_body(bad, good))
    assert (status, answer["accepted"], answer["quarantined"]) == (200, 1, 1)
    assert components(store) == {"api-imei"}
    assert reasons(store) == ["bad-alert"]


def test_what_older_and_newer_senders_do_differently_is_understood(receiver: FlaskClient, store: Engine) -> None:
    old = {key: value for key, value in alert(0).items() if key != "fingerprint"} | {"annotations": None}
    body = alert_body(old, groupKey=17, truncatedAlerts=None, commonLabels=None, somethingNew={"a": [1]}, version="3")
    assert post(receiver, body)[1]["accepted"] == 1
    known = alert(0, fingerprint=fingerprint(PORTAL_DOWN))
    assert post(receiver, alert_body(known))[1]["duplicates"] == 1
    assert components(store) == {"portal-web"}


def test_hostile_and_large_label_values_are_stored_as_they_are(receiver: FlaskClient, store: Engine) -> None:
    hostile = {**PORTAL_DOWN, "component": "<b>{{x}}</b>\n", "note": "ñ" * 10_000}
    assert post(receiver, alert_body(alert(0, labels=hostile)))[1]["accepted"] == 1
    assert components(store) == {hostile["component"]}


def test_an_alerts_words_are_taken_without_the_marks_that_turn_the_writing_around(
    receiver: FlaskClient, store: Engine
) -> None:
    hostile = {**PORTAL_DOWN, "component": "portal\u202e-web\u2066", "severity": "critical"}
    words = {"summary": "\u200fNo \u202aabre\u2069, ñandú"}
    assert post(receiver, alert_body({**alert(0, labels=hostile), "annotations": words}))[1]["accepted"] == 1
    with reading(store).connect() as connection:
        [one] = list_incidents(connection)
    assert (one.component, one.title) == ("portal-web", "No abre, ñandú")


def test_an_alert_missing_from_a_later_body_is_not_resolved(receiver: FlaskClient, store: Engine) -> None:
    other = alert(0, labels={**PORTAL_DOWN, "component": "api-imei"}, fingerprint="g")
    post(receiver, alert_body(alert(0), other))
    post(receiver, alert_body(other, status="resolved"))
    with reading(store).connect() as connection:
        assert [one.incident.proposed_restoration for one in list_incidents(connection)] == [None, None]


def test_the_watchdog_is_noted_and_opens_no_incident(receiver: FlaskClient, store: Engine) -> None:
    body = alert_body(alert(0, labels={"alertname": "Watchdog", "severity": "info"}), truncatedAlerts=3)
    assert post(receiver, body)[0] == 200
    assert components(store) == set()
    assert metric(receiver, "renteseg_webhook_watchdog_timestamp_seconds") == at(60).timestamp()
    assert metric(receiver, "renteseg_webhook_alerts_total", outcome="watchdog") == 1
    assert metric(receiver, "renteseg_webhook_truncated_alerts_total") == 3


def test_the_sign_of_life_and_a_cut_body_are_signalled_to_the_worker(receiver: FlaskClient, store: Engine) -> None:
    post(receiver, alert_body(alert(0, labels={"alertname": "Watchdog"}), truncatedAlerts=1))
    with reading(store).connect() as connection:
        assert [last_signal(connection, signal) for signal in Signal] == [at(60), at(60)]


def test_a_truncation_beyond_belief_is_counted_as_many(receiver: FlaskClient) -> None:
    assert post(receiver, alert_body(alert(0), truncatedAlerts=10**400))[0] == 200
    assert metric(receiver, "renteseg_webhook_truncated_alerts_total") == 10**9


def test_a_store_that_is_away_is_503_so_that_alertmanager_tries_again(receiver: FlaskClient, store: Engine) -> None:
    with store.begin() as connection:
        connection.execute(text("ALTER TABLE episodes RENAME TO gone"))
    status, answer = post(receiver, alert_body(alert(0)))
    assert status == 503
    assert "store" in answer["error"]
    assert metric(receiver, "renteseg_webhook_notifications_total", outcome="unavailable") == 1


def test_a_body_over_the_limit_is_413(receiver: FlaskClient) -> None:
    assert post(receiver, b"x" * (LARGEST_BODY + 1))[0] == 413


def test_health_pages_answer_and_readiness_names_what_is_missing(receiver: FlaskClient, store: Engine) -> None:
    assert receiver.get("/healthz").status_code == 200
    assert receiver.get("/readyz").status_code == 200
    with store.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    answer = receiver.get("/readyz")
    assert (answer.status_code, "renteseg db upgrade" in answer.text) == (503, True)


def test_a_token_file_that_is_missing_or_holds_too_little_is_refused(tmp_path: Path) -> None:
    short = tmp_path / "token"
    short.write_text("abc")
    for path in (None, tmp_path / "nothing", short):
        with pytest.raises(ConfigurationError):
            read_token(path)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200)
    | st.dictionaries(st.sampled_from(["alerts", "version", "status"]), anything).map(
        lambda payload: json.dumps(payload).encode()
    )
    | st.lists(st.dictionaries(st.sampled_from(list(alert(0))), anything)).map(lambda alerts: alert_body(*alerts))
)
def test_whatever_the_bytes_are_reading_them_never_fails(body: bytes) -> None:
    delivery = read_delivery(body)
    assert all(entry.reason and entry.detail for entry in delivery.rejected)


def test_a_delivery_longer_than_one_part_is_one_transaction_and_one_incident_a_component(
    receiver: FlaskClient, store: Engine
) -> None:
    body = alert_body(
        *(
            alert(0, labels={**PORTAL_DOWN, "component": f"c{n % 3}", "instance": str(n)}, fingerprint=f"f{n}")
            for n in range(2 * AT_ONCE + 1)
        )
    )
    answer = post(receiver, body)[1]
    assert (answer["accepted"], answer["duplicates"], len(answer["incidents"])) == (2 * AT_ONCE + 1, 0, 3)
    assert post(receiver, body)[1]["duplicates"] == 2 * AT_ONCE + 1
    assert components(store) == {"c0", "c1", "c2"}
