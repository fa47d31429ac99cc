"""The API around incidents: components, the daily files, maintenance windows."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from console.app import create_app
from exporters.availability.followed import described_components
from exporters.file_loads.configuration import load_names
from exporters.file_loads.day_page import add_day_page
from exporters.file_loads.main import LoadLogSource
from exporters.file_loads.rendering import day_json
from groundwork.problems import ConfigurationError, Problem
from incident_store.store import record
from tests.builders import ROOT, at, firing, shipped_policy
from tests.console.conftest import Api
from tests.console.test_api import refused
from tests.exporters.file_loads.load_logs import configuration, create_log, execute, log_file

People = Callable[[str], Api]


@pytest.fixture
def console(peopled: Engine) -> Flask:
    """A console that knows what the shipped configuration watches."""
    return create_app(
        peopled,
        shipped_policy(),
        "a key",
        watched=lambda: described_components(ROOT / "config"),
        file_loads_url="",
        loads=lambda: load_names(ROOT / "config"),
    )


def test_what_is_registered_is_known_or_refused_with_the_names_that_are_like_it(api: People) -> None:
    ana = api("ana")
    strange = ana.post("/incidents", {"component": "portal-wev", "title": "No abre"})
    assert refused(strange) == (422, "unknown_component")
    assert strange.json["near"][0] == "portal-web"
    portal = ana.post("/incidents", {"component": "portal-web", "title": "No abre"})
    assert (portal.status_code, portal.json["service"]) == (201, "consulta")
    assert ana.post("/incidents", {"component": "CLARO/ROBOS", "title": "No llegó"}).status_code == 201
    question = {"kind": "consulta", "component": "formato de las BAJAS", "title": "¿Cuál es?"}
    assert ana.post("/incidents", question).status_code == 201


def window(person: Api, hours: float = 1, **words: object) -> int:
    start = datetime.now(UTC) + timedelta(hours=hours)
    span = {"from": start.isoformat(), "to": (start + timedelta(hours=2)).isoformat()}
    answer = person.post("/maintenance", {"components": ["portal-web"], **span, "reason": "actualización", **words})
    assert answer.status_code == 201, answer.text
    return int(answer.json["window"])


def step(person: Api, number: int, kind: str, **words: object) -> TestResponse:
    return person.post(f"/maintenance/{number}/events", {"kind": kind, **words})


def test_every_component_is_told_with_its_incident_and_its_maintenance(api: People, peopled: Engine) -> None:
    record(peopled, [firing(0)], [], shipped_policy(), at(1))
    told = {one["name"]: one for one in api("vera").get("/components").json["components"]}
    assert told["portal-web"] == {
        "name": "portal-web",
        "kind": "http",
        "service": "consulta",
        "owner": "provider",
        "maintenance": False,
        "incident": 1,
    }
    assert told["api-imei"]["incident"] is None
    number = window(api("ana"), hours=-1, late_reason="urgente")
    step(api("sofia"), number, "approved", reason="urgente")
    told = {one["name"]: one for one in api("vera").get("/components").json["components"]}
    assert (told["portal-web"]["maintenance"], told["api-imei"]["maintenance"]) == (True, False)


def test_components_that_cannot_be_read_are_not_an_empty_list(peopled: Engine, api: People) -> None:
    def broken() -> list[dict[str, str]]:
        raise ConfigurationError([Problem("targets.yml", "is no list", "write one")])

    client = create_app(peopled, shipped_policy(), "a key", watched=broken).test_client()
    answer = client.get("/api/v1/components", headers=api("ana")._headers)
    assert refused(answer) == (503, "away")


def test_a_window_is_planned_by_one_and_approved_by_another(api: People) -> None:
    ana, sofia, saul = api("ana"), api("sofia"), api("saul")
    number = window(sofia)
    assert refused(step(ana, number, "approved")) == (403, "wrong_role")
    assert refused(step(sofia, number, "approved")) == (403, "own_plan")
    approved = step(saul, number, "approved")
    assert (approved.status_code, approved.json["stage"], approved.json["counts"]) == (201, "approved", True)
    assert refused(step(saul, number, "approved")) == (409, "out_of_order")
    assert refused(step(saul, number, "planned")) == (409, "out_of_order")
    assert refused(step(saul, number, "cancelled")) == (422, "no_reason")
    assert refused(step(saul, number, "shortened", until=datetime.now(UTC).isoformat())) == (422, "bad_span")
    assert step(saul, number, "announced").json["announced_at"] is not None
    assert step(saul, number, "cancelled", reason="se posterga").json["counts"] is False
    assert refused(step(saul, number, "announced")) == (409, "cancelled")
    told = ana.get(f"/maintenance/{number}").json
    assert [(event["kind"], event["author"]) for event in told["events"]] == [
        ("planned", "sofia"),
        ("approved", "saul"),
        ("announced", "saul"),
        ("cancelled", "saul"),
    ]


def test_a_window_for_what_nobody_watches_or_for_no_time_is_refused(api: People) -> None:
    ana, start = api("ana"), datetime.now(UTC) + timedelta(hours=1)
    body = {"from": start.isoformat(), "to": (start + timedelta(hours=1)).isoformat(), "reason": "x"}
    assert refused(ana.post("/maintenance", {**body, "components": ["portal"]})) == (422, "invalid")
    assert refused(ana.post("/maintenance", {**body, "service": "nada"})) == (422, "invalid")
    assert refused(ana.post("/maintenance", body)) == (422, "no_component")
    named = {**body, "service": "consulta"}
    assert refused(ana.post("/maintenance", {**named, "to": body["from"]})) == (422, "invalid")
    assert refused(ana.post("/maintenance", {**named, "reason": " "})) == (422, "no_reason")
    assert refused(api("vera").post("/maintenance", named)) == (403, "wrong_role")
    assert ana.post("/maintenance", named).json["components"] == ["portal-https", "portal-web"]
    assert refused(ana.get("/maintenance/99")) == (404, "not_found")


def test_windows_are_listed_by_the_time_they_share(api: People) -> None:
    ana = api("ana")
    near, far = window(ana), window(ana, hours=24 * 70)
    assert [one["window"] for one in ana.get("/maintenance").json["windows"]] == [near]
    ahead = (datetime.now(UTC) + timedelta(days=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    later = (datetime.now(UTC) + timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [one["window"] for one in ana.get(f"/maintenance?from={ahead}&to={later}").json["windows"]] == [far]
    assert refused(ana.get(f"/maintenance?from={later}&to={ahead}")) == (422, "invalid")
    assert refused(ana.get("/maintenance?from=1700000000")) == (422, "invalid")


@pytest.fixture
def load_log(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/load_log.db"
    create_log(url)
    return url


@pytest.fixture
def exporter(load_log: str, tmp_path: Path) -> Iterator[str]:
    """The page of the file-load exporter, served on loopback."""
    app = Flask("file-loads")
    add_day_page(app, LoadLogSource(configuration(load_log), tmp_path).day)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def loads_api(peopled: Engine, api: People, exporter: str) -> Callable[[str], TestResponse]:
    client = create_app(peopled, shipped_policy(), "a key", file_loads_url=exporter).test_client()
    return lambda query: client.get(f"/api/v1/loads{query}", headers=api("vera")._headers)


def test_a_day_of_loads_is_told_with_the_numbers_of_its_report(
    peopled: Engine, api: People, exporter: str, load_log: str, tmp_path: Path
) -> None:
    ask = loads_api(peopled, api, exporter)
    log_file(load_log, "CLARO", "ROBOS", "RECHAZADO", reason="F05", received_at="2026-10-06T10:00:00+00:00")
    told = ask("?day=2026-10-05")
    assert told.status_code == 200, told.text
    assert (told.json["day"], told.json["states"]["rejected"], len(told.json["loads"])) == ("2026-10-05", 1, 20)
    (wrong,) = [one for one in told.json["inconsistencies"] if one["kind"] == "rejected"]
    assert (wrong["operator"], wrong["file_type"], wrong["reason"]) == ("CLARO", "ROBOS", "F05")
    report = LoadLogSource(configuration(load_log), tmp_path).day(date(2026, 10, 5))
    assert told.json["states"] == day_json(report)["states"]
    assert refused(ask("?day=ayer")) == (422, "invalid")
    assert refused(ask("?day=9999-12-31")) == (422, "invalid")


def test_loads_that_cannot_be_known_now_are_never_an_empty_list(
    peopled: Engine, api: People, exporter: str, load_log: str
) -> None:
    execute(load_log, "ALTER TABLE carga_archivo RENAME TO otra")
    assert refused(loads_api(peopled, api, exporter)("")) == (503, "away")
    answer = loads_api(peopled, api, "http://127.0.0.1:9")("")
    assert refused(answer) == (503, "away")
    assert "exporter" in answer.json["detail"]
