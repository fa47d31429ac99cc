"""Deep links: from an alert to Grafana, Prometheus, Alertmanager and its runbook, whatever its labels hold."""

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import Engine

from console.app import create_app
from console.links import Places
from tests.builders import shipped_policy
from tests.console.browser import Browser
from tests.console.test_incident_pages import alert
from tests.processes import ROOT

EVERYWHERE = Places("https://grafana.example/", "https://prometheus.example", "https://alertmanager.example/am/")


@pytest.fixture
def console(peopled: Engine) -> Flask:
    return create_app(peopled, shipped_policy(), "a key for this test", places=EVERYWHERE)


def test_an_alert_leads_to_its_history_and_to_alertmanager(browsing: Callable[[str], Browser], peopled: Engine) -> None:
    number, ana = alert(peopled), browsing("ana")
    page = ana.get(f"/incidencias/{number}").text
    assert "https://prometheus.example/graph?g0.expr=ALERTS" in page
    assert "https://alertmanager.example/am/#/alerts?filter=%7Balertname" in page
    assert "https://alertmanager.example/am/#/alerts" in ana.get("/runbooks/RentesegComponentDown").text


def test_what_a_label_holds_stays_inside_its_quotes() -> None:
    hostile = {"alertname": 'a"} or vector(1) #', "component": "x\\\n<script>", "instance": "not telling"}
    links = dict(EVERYWHERE.of_labels(hostile))
    (asked,) = parse_qs(urlsplit(links["Prometheus"]).query)["g0.expr"]
    assert asked == 'ALERTS{alertname="a\\"} or vector(1) #", component="x\\\\\\n<script>"}'
    assert "<" not in links["Prometheus"] + links["Alertmanager"]


@pytest.mark.parametrize("nowhere", ["", "javascript:alert(1)", "//evil.example", "grafana:3000"])
def test_an_address_that_no_browser_should_follow_gives_no_link(nowhere: str) -> None:
    places = Places(nowhere, nowhere, nowhere)
    assert list(places.of_labels({"alertname": "x"})) == []
    assert places.board("cargas", operator="CLARO") == ""


@pytest.mark.parametrize(
    ("name", "variable"), [("componente", "component"), ("cargas", "operator"), ("disponibilidad", "")]
)
def test_the_dashboards_that_pages_lead_to_are_there_with_their_variables(name: str, variable: str) -> None:
    board = json.loads((ROOT / "grafana" / "dashboards" / f"{name}.json").read_text())
    variables = {one["name"] for one in board["templating"]["list"]}
    address = urlsplit(EVERYWHERE.board(name, **({variable: "a b&c"} if variable else {})))
    assert address.path == f"/d/{board['uid']}"
    assert parse_qs(address.query) == ({f"var-{variable}": ["a b&c"]} if variable else {})
    assert not variable or variable in variables
