"""The JSON API: the same decisions as everywhere, and a problem with a name for everything that is refused."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from console.api.problems import KINDS
from console.app import create_app
from incident_store.domain.steps import Reason
from incident_store.store import record
from incident_store.tokens import add_token, revoke_token
from tests.builders import PORTAL_DOWN, at, firing, resolved, shipped_policy
from tests.console.conftest import PASSWORD, Api

People = Callable[[str], Api]
REPORT = {"component": "portal-web", "title": "El portal no responde", "channel": "correo"}
NO_OUTAGE = {"unavailability": "none"}
DIAGNOSIS = {"responsible": "B", "severity": "alta", "cause": "actualización fallida"}


def now() -> datetime:
    return datetime.now(UTC)


def name(answer: TestResponse) -> str:
    """The named reason of a refusal, once it is seen to be a whole problem."""
    problem = answer.json
    assert answer.content_type == "application/problem+json"
    assert problem["status"] == answer.status_code
    assert problem["title"] and problem["detail"] and problem["instance"].startswith("/api/v1/")
    return str(problem["type"]).removeprefix("urn:renteseg:problem:")


def refused(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, name(answer)


def reported(person: Api, **words: Any) -> int:
    answer = person.post("/incidents", {**REPORT, **words})
    assert answer.status_code == 201, answer.text
    return int(answer.json["incident"])


def step(person: Api, number: int, kind: str, details: dict[str, str] | None = None, **more: Any) -> TestResponse:
    return person.post(f"/incidents/{number}/events", {"kind": kind, "details": details or {}, **more})


def restored(api: People) -> int:
    """An incident that waits to be closed."""
    number = reported(api("ana"))
    for person, kind, details in (
        ("ana", "analysis_began", {}),
        ("ana", "diagnosed", DIAGNOSIS),
        ("sofia", "validated", {}),
        ("ana", "restored", {"tests": "consulta correcta"}),
    ):
        assert step(api(person), number, kind, details).status_code == 201
    return number


def test_an_alert_is_told_with_its_times_clocks_episodes_and_the_steps_open_to_who_asks(
    api: People, peopled: Engine
) -> None:
    record(peopled, [firing(0), resolved(0, 30)], [], shipped_policy(), at(31))
    answer = api("ana").get("/incidents/1")
    told = answer.json
    assert answer.headers["ETag"] == f'"{told["version"]}"'
    assert (told["component"], told["severity"], told["responsible"]) == ("portal-web", "alta", "B")
    assert told["times"]["detected"] == "2026-10-05T17:00:00Z"
    assert told["proposed_restoration"] == "2026-10-05T17:30:00Z"
    assert told["clocks"]["resolution"]["due"] == "2026-10-05T21:00:00Z"
    assert told["clocks"]["resolution"]["explanation"][0]["from"] == "2026-10-05T17:00:00Z"
    assert told["episodes"][0]["ended_at"] == "2026-10-05T17:30:00Z"
    assert {"kind": "noted", "needs": ["text"]} in told["allowed"]
    assert "discarded" not in [one["kind"] for one in told["allowed"]]
    assert "discarded" in [one["kind"] for one in api("sofia").get("/incidents/1").json["allowed"]]
    assert api("vera").get("/incidents/1").json["allowed"] == []


def test_a_clock_is_told_with_the_time_of_each_responsible_and_its_earlier_due_times(api: People) -> None:
    ana, began = api("ana"), now().replace(microsecond=0) - timedelta(hours=1)
    number = reported(ana, severity="media", detected_at=began.isoformat())
    for person, kind, details in (
        (ana, "analysis_began", {}),
        (ana, "diagnosed", DIAGNOSIS),
        (api("sofia"), "validated", {"from": (began + timedelta(minutes=20)).isoformat()}),
    ):
        answer = step(person, number, kind, details)
        assert answer.status_code == 201, answer.text
    clock = ana.get(f"/incidents/{number}").json["clocks"]["resolution"]
    shares = clock["seconds_by_responsible"]
    assert (shares["nobody"], sum(shares.values())) == (1200, clock["elapsed_seconds"])
    [earlier] = clock["earlier_dues"]
    assert (earlier["severity"], earlier["responsible"]) == ("media", "nobody")
    assert datetime.fromisoformat(earlier["due"]) == began + timedelta(hours=12)
    assert datetime.fromisoformat(clock["due"]) == began + timedelta(hours=4)


def test_a_list_is_followed_page_by_page_and_new_incidents_do_not_move_it(api: People) -> None:
    ana = api("ana")
    numbers = [reported(ana, kind="consulta", title=f"pregunta {place}") for place in range(5)]
    first = ana.get("/incidents?limit=2&kind=consulta").json
    reported(ana, kind="consulta")
    second = ana.get(first["next"].removeprefix("/api/v1")).json
    third = ana.get(second["next"].removeprefix("/api/v1")).json
    pages = [[one["incident"] for one in page["incidents"]] for page in (first, second, third)]
    assert [number for page in pages for number in page] == numbers[::-1]
    assert third["next"] is None


FILTERS = {
    "": [3, 2, 1],
    "kind=consulta": [3],
    "kind=consulta&kind=incidencia": [3, 2, 1],
    "severity=alta": [2],
    "responsible=A": [1],
    "state=en_analisis": [1],
    "component=api-imei": [2],
    "text=PORTAL": [1],
    "text=100%25": [3],
    "text=%25": [3],
    "open=true": [3, 1],
    "open=false": [2],
    "open=true&kind=incidencia": [1],
}


def test_a_list_holds_what_every_filter_lets_through(api: People) -> None:
    ana = api("ana")
    step(ana, reported(ana, responsible="A"), "analysis_began")
    duplicate = reported(ana, component="api-imei", severity="alta", title="lenta")
    step(api("sofia"), duplicate, "discarded", {"reason": "duplicada"})
    reported(ana, component="bitel", kind="consulta", title="cola al 100%")
    for query, found in FILTERS.items():
        answer = ana.get(f"/incidents?{query}").json
        assert [one["incident"] for one in answer["incidents"]] == found, query


def test_events_are_told_in_order_from_where_the_client_left_off(api: People) -> None:
    ana = api("ana")
    number = reported(ana)
    known = ana.get(f"/incidents/{number}").json["version"]
    step(ana, number, "analysis_began")
    news = ana.get(f"/incidents/{number}/events?after={known}").json
    assert [(event["number"], event["kind"]) for event in news["events"]] == [(known + 1, "analysis_began")]
    first = ana.get(f"/incidents/{number}/events?limit=4").json
    rest = ana.get(first["next"].removeprefix("/api/v1")).json
    assert [event["number"] for event in (*first["events"], *rest["events"])] == [1, 2, 3, 4, 5, 6]
    assert rest["next"] is None


def test_a_step_answers_its_event_and_what_the_incident_has_become(api: People) -> None:
    number = reported(api("ana"))
    answer = step(api("ana"), number, "analysis_began", at="2026-10-05T12:00:00-05:00")
    assert refused(answer) == (422, "before_detection")
    answer = step(api("ana"), number, "analysis_began")
    assert answer.status_code == 201
    assert answer.json["event"]["author"] == "ana"
    assert answer.json["incident"]["state"] == "en_analisis"
    assert answer.headers["ETag"] == '"6"'
    assert api("ana").get(answer.headers["Location"].removeprefix("/api/v1")).json["events"] == [answer.json["event"]]


def test_every_refusal_of_the_process_has_its_status_and_its_name(api: People) -> None:
    ana, sofia, vera = api("ana"), api("sofia"), api("vera")
    number = reported(ana)
    later = (now() + timedelta(hours=1)).isoformat()
    long_ago = (now() - timedelta(days=1)).isoformat()
    assert refused(step(ana, number, "discarded", {"reason": "x"})) == (403, "wrong_role")
    assert refused(step(vera, number, "noted", {"text": "x"})) == (403, "wrong_role")
    assert refused(step(ana, number, "restored", {"tests": "x"})) == (409, "out_of_order")
    assert refused(step(ana, number, "analysis_began", at=later)) == (422, "future")
    assert refused(step(ana, number, "analysis_began", at=long_ago)) == (422, "before_detection")
    step(ana, number, "analysis_began")
    assert refused(step(ana, number, "analysis_began")) == (409, "out_of_order")
    assert refused(step(sofia, number, "validated")) == (409, "no_diagnosis")
    assert refused(step(ana, number, "diagnosed", {"cause": "x"})) == (422, "missing_detail")
    assert refused(step(ana, number, "diagnosed", {**DIAGNOSIS, "responsible": "Z"})) == (422, "bad_detail")
    step(sofia, number, "diagnosed", DIAGNOSIS)
    assert refused(step(sofia, number, "validated")) == (403, "own_change")
    assert refused(step(api("saul"), number, "validated", {"from": "ayer"})) == (422, "bad_detail")
    step(api("saul"), number, "validated")
    assert refused(step(sofia, number, "closed", NO_OUTAGE)) == (409, "not_restored")
    question = reported(ana, kind="consulta")
    step(ana, question, "analysis_began")
    assert refused(step(ana, question, "restored", {"tests": "x"})) == (409, "question")


def test_a_closed_incident_takes_no_step_of_its_life_again(api: People) -> None:
    number = restored(api)
    assert step(api("sofia"), number, "closed", NO_OUTAGE).status_code == 201
    assert refused(step(api("saul"), number, "closed", NO_OUTAGE)) == (409, "out_of_order")
    assert refused(step(api("ana"), number, "analysis_began")) == (409, "out_of_order")


def test_every_named_reason_of_the_process_has_a_status() -> None:
    assert set(Reason) <= set(KINDS)


def test_of_two_supervisors_who_close_at_once_one_wins_and_the_other_is_told_what_changed(api: People) -> None:
    number = restored(api)
    seen = api("sofia").get(f"/incidents/{number}").json["version"]
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda one: step(api(one), number, "closed", NO_OUTAGE, seen=seen), ("sofia", "saul")))
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    assert won.status_code == 201
    assert refused(lost) == (409, "overtaken")
    assert [(event["kind"], event["author"]) for event in lost.json["since"]] == [
        ("closed", won.json["event"]["author"])
    ]
    assert lost.json["since"][0]["number"] == seen + 1


def test_if_match_guards_a_step_as_seen_does(api: People) -> None:
    ana = api("ana")
    number = reported(ana)
    tag = ana.get(f"/incidents/{number}").headers["ETag"]
    note = {"kind": "noted", "details": {"text": "una nota"}}
    assert ana.post(f"/incidents/{number}/events", note, If_Match=tag).status_code == 201
    late = ana.post(f"/incidents/{number}/events", note, If_Match=tag)
    assert refused(late) == (412, "precondition_failed")
    assert [event["kind"] for event in late.json["since"]] == ["noted"]
    assert ana.post(f"/incidents/{number}/events", note, If_Match="*").status_code == 201
    assert refused(ana.post(f"/incidents/{number}/events", note, If_Match="W/x")) == (422, "invalid")
    assert refused(ana.post(f"/incidents/{number}/events", {**note, "seen": 1}, If_Match=tag)) == (422, "invalid")


def test_a_report_by_hand_names_the_incident_that_stands_in_its_way(api: People) -> None:
    ana = api("ana")
    number = reported(ana)
    answer = ana.post("/incidents", REPORT)
    assert refused(answer) == (409, "being_attended")
    assert answer.json["incident"] == number
    assert refused(api("vera").post("/incidents", REPORT)) == (403, "wrong_role")
    later = (now() + timedelta(minutes=1)).isoformat()
    assert refused(ana.post("/incidents", {**REPORT, "detected_at": later})) == (422, "future")


def test_a_repeated_key_changes_nothing_and_answers_the_same(api: People) -> None:
    ana = api("ana")
    first = ana.post("/incidents", REPORT, Idempotency_Key="uno")
    again = ana.post("/incidents", REPORT, Idempotency_Key="uno")
    assert (again.status_code, again.data, again.headers["ETag"], again.headers["Location"]) == (
        201,
        first.data,
        first.headers["ETag"],
        first.headers["Location"],
    )
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(ana.get("/incidents").json["incidents"]) == 1
    assert refused(ana.post("/incidents", {**REPORT, "title": "otra"}, Idempotency_Key="uno")) == (422, "key_taken")
    assert refused(api("sofia").post("/incidents", REPORT, Idempotency_Key="uno")) == (409, "being_attended")
    assert refused(ana.post("/incidents", REPORT, Idempotency_Key="ñ" * 9)) == (422, "invalid")


def test_the_description_takes_exactly_the_keys_that_are_taken(api: People) -> None:
    """Blanks around a header's value belong to HTTP, which takes them off before anybody sees them."""
    ana = api("ana")
    described = ana.get("/openapi.json").json["paths"]["/incidents/{incident}/events"]["post"]["parameters"]
    pattern = next(one["schema"]["pattern"] for one in described if one["name"] == "Idempotency-Key")
    path, note = f"/incidents/{reported(ana)}/events", {"kind": "noted", "details": {"text": "x"}}
    for key in ("a", "!~", "k" * 255, "k" * 256, "a b", "a\tb", "", "ñ", "a\x7f", "\xa0a", "\x85"):
        taken = ana.post(path, note, Idempotency_Key=key).status_code == 201
        assert taken == bool(re.search(pattern, key)), repr(key)
    assert re.search(pattern, " \tk ")


def test_a_body_that_gives_a_name_twice_is_refused(api: People) -> None:
    ana = api("ana")
    path = f"/incidents/{reported(ana)}/events"
    for body in (
        '{"kind": "noted", "kind": "noted", "details": {"text": "x"}}',
        '{"kind": "noted", "details": {"text": "x", "text": "y"}}',
    ):
        answer = ana.send(path, body, "application/json")
        assert refused(answer) == (422, "invalid")
        assert answer.json["errors"][0]["message"] == "is given more than once"


def test_a_refused_request_leaves_its_key_free(api: People) -> None:
    ana = api("ana")
    number = reported(ana)
    path, note = f"/incidents/{number}/events", {"kind": "diagnosed", "details": DIAGNOSIS}
    assert refused(ana.post(path, note, Idempotency_Key="dos")) == (409, "out_of_order")
    step(ana, number, "analysis_began")
    assert ana.post(path, note, Idempotency_Key="dos").status_code == 201


def test_one_key_sent_by_many_at_once_is_done_once_and_answered_the_same(api: People) -> None:
    number = reported(api("ana"))
    note = {"kind": "noted", "details": {"text": "una sola vez"}}
    with ThreadPoolExecutor(6) as many:
        answers = list(
            many.map(lambda _: api("ana").post(f"/incidents/{number}/events", note, Idempotency_Key="tres"), range(6))
        )
    assert {(answer.status_code, answer.data) for answer in answers} == {(201, answers[0].data)}
    events = api("ana").get(f"/incidents/{number}/events").json["events"]
    assert [event["kind"] for event in events].count("noted") == 1


def test_only_a_valid_token_of_a_person_opens_the_api(console: Flask, peopled: Engine) -> None:
    def ask(token: str) -> TestResponse:
        return console.test_client().get("/api/v1/incidents", headers={"Authorization": token})

    good = add_token(peopled, "vera", "buena", 1, now())
    expired = add_token(peopled, "vera", "vencida", 1, now() - timedelta(days=2))
    revoked = add_token(peopled, "vera", "revocada", 1, now())
    revoke_token(peopled, "vera", "revocada", now())
    assert ask(f"Bearer {good}").status_code == 200
    for wrong in (f"Bearer {expired}", f"Bearer {revoked}", "Bearer x", "Bearer ", f"Basic {good}", good, "\udcff"):
        answer = ask(wrong)
        assert refused(answer) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert refused(console.test_client().get("/api/v1/incidents")) == (401, "unauthenticated")


def test_a_browser_session_reads_and_writes_only_with_its_token_against_forgery(console: Flask) -> None:
    console.config["WTF_CSRF_ENABLED"] = True
    browser = console.test_client()
    form = browser.get("/login").text
    mark = form.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    assert browser.post("/login", data={"name": "ana", "password": PASSWORD, "csrf_token": mark}).status_code == 302
    assert browser.get("/api/v1/incidents").status_code == 200
    assert refused(browser.post("/api/v1/incidents", json=REPORT)) == (403, "forged")
    assert refused(browser.post("/api/v1/incidents", json=REPORT, headers={"X-CSRFToken": "x"})) == (403, "forged")
    assert browser.post("/api/v1/incidents", json=REPORT, headers={"X-CSRFToken": mark}).status_code == 201


JSON = "application/json"
MINIMAL = '{"component": "a", "title": "b", '
BAD_BODIES = (
    ("{", JSON, 400, "malformed"),
    ("", JSON, 400, "malformed"),
    ("[" * 100_000, JSON, 400, "malformed"),
    (r'{"title": "\ud800"}', JSON, 400, "malformed"),
    ("[]", JSON, 422, "invalid"),
    ("{}", "text/plain", 415, "not_json"),
    ("{}", "", 415, "not_json"),
    (" " * 300_000, JSON, 413, "too_large"),
    (MINIMAL + '"titel": 1}', JSON, 422, "invalid"),
    ('{"component": " ", "title": "b"}', JSON, 422, "invalid"),
    (r'{"component": "a", "title": "\u0000"}', JSON, 422, "invalid"),
    (MINIMAL + '"detected_at": "2026-01-01T00:00:00"}', JSON, 422, "invalid"),
    (MINIMAL + '"detected_at": 1}', JSON, 422, "invalid"),
    (MINIMAL + '"detected_at": "9999-12-31T23:59:59-12:00"}', JSON, 422, "invalid"),
    (MINIMAL + '"detected_at": "0001-01-01T00:00:00Z"}', JSON, 422, "invalid"),
)


def test_a_bad_body_is_refused_in_words_and_writes_nothing(api: People) -> None:
    ana = api("ana")
    for body, content_type, status, reason in BAD_BODIES:
        assert refused(ana.send("/incidents", body, content_type)) == (status, reason), body[:80]
    assert refused(ana.send("/incidents", b"\xff\xfe", JSON)) == (400, "malformed")
    assert ana.get("/incidents").json["incidents"] == []


def test_a_bad_query_names_every_field_at_fault(api: People) -> None:
    answer = api("ana").get("/incidents?limit=0&estado=x&state=rota&open=1&limit=3&cursor=x")
    assert refused(answer) == (422, "invalid")
    assert {error["field"] for error in answer.json["errors"]} >= {"limit", "estado", "state.0", "open"}
    for cursor in ("x", "%00", "aW5jaWRlbnQ6LTE", "aW5jaWRlbnQ6OTk5OTk5OTk5OTk5OTk5OTk5OTk"):
        assert refused(api("ana").get(f"/incidents?cursor={cursor}")) == (422, "invalid")


def test_what_is_not_there_is_a_problem_too(api: People, console: Flask) -> None:
    ana = api("ana")
    for path in ("/incidents/7", "/incidents/7/events", "/incidents/99999999999999999999", "/nada", "/incidents/"):
        assert refused(ana.get(path)) == (404, "not_found")
    assert refused(step(ana, 7, "noted", {"text": "x"})) == (404, "not_found")
    answer = console.test_client().delete("/api/v1/incidents")
    assert refused(answer) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_hostile_text_comes_back_as_it_was_and_never_as_a_page(api: People) -> None:
    hostile = "<script>alert(1)</script> {{7*7}} ñ =cmd()"
    number = reported(api("ana"), title=hostile)
    answer = api("ana").get(f"/incidents/{number}")
    assert answer.json["title"] == hostile
    assert answer.content_type == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("mark", ["\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"])
def test_marks_that_turn_the_writing_around_are_refused_in_every_line(api: People, mark: str) -> None:
    for field in ("title", "component", "service", "channel"):
        answer = api("ana").post("/incidents", {**REPORT, field: f"exe{mark}txt"})
        assert refused(answer) == (422, "invalid")
        assert answer.json["errors"][0]["field"] == field


def test_a_store_that_is_away_is_said_and_heals_by_itself(api: People, peopled: Engine) -> None:
    ana = api("ana")
    with peopled.begin() as connection:
        connection.execute(text("ALTER TABLE incidents RENAME TO gone"))
    answer = ana.get("/incidents")
    assert refused(answer) == (503, "away")
    assert "gone" not in answer.text and "SELECT" not in answer.text
    assert answer.headers["Retry-After"] == "5"
    assert refused(ana.post("/incidents", REPORT)) == (503, "away")
    with peopled.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO incidents"))
    assert ana.get("/incidents").status_code == 200


def test_one_address_asks_so_many_times_a_minute_and_no_more(peopled: Engine) -> None:
    client = create_app(peopled, shipped_policy(), "a key", requests_per_minute=3).test_client()
    answers = [client.get("/api/v1/openapi.json") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert refused(answers[-1]) == (429, "too_many_requests")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


def test_a_hostile_label_of_an_alert_is_told_as_it_is(api: People, peopled: Engine) -> None:
    labels = {**PORTAL_DOWN, "service": "<b>", "extra": "a\nb"}
    record(peopled, [firing(0, labels)], [], shipped_policy(), at(1))
    told = api("vera").get("/incidents/1").json
    assert (told["service"], told["episodes"][0]["labels"]["extra"]) == ("<b>", "a\nb")
