"""The dashboards are what their code makes, keep the rules of Grafana's own linter and explain every panel."""

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from chain.programs import program
from console.app import create_app
from grafana import build
from grafana.boards import cargas
from incident_store.database import open_store
from incident_store.policy_file import read_policy

ROOT = Path(__file__).parent.parent.parent

VARIABLES = {"$component": ".+", "$operator": ".+", "$__rate_interval": "1m", "$__range_s": "86400", "$__range": "1d"}
FILES = sorted(build.FOLDER.glob("*.json"))
EACH = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def board(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def panels(path: Path) -> list[dict[str, Any]]:
    return [panel for panel in board(path)["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    return [target["expr"] for path in FILES for panel in panels(path) for target in panel["targets"]]


def test_the_committed_dashboards_and_pictures_are_what_the_code_makes() -> None:
    assert build.main(["--check"]) == 0
    assert dict(build.files()) == dict(build.files())


def test_a_dashboard_that_was_edited_by_hand_is_noticed_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    monkeypatch.setattr(build, "PICTURES", tmp_path)
    assert build.main([]) == 0
    edited = tmp_path / "cargas.json"
    edited.write_text(edited.read_text().replace("America/Lima", "browser"), encoding="utf-8")
    (tmp_path / "propio.json").write_text("{}")

    assert build.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "cargas.json is not what" in said
    assert "propio.json is not what" in said
    assert "monitoreo.json" not in said


def test_every_room_of_the_house_has_its_dashboard() -> None:
    assert {path.stem for path in FILES} == {
        "operatividad", "componente", "cargas", "incidencias", "disponibilidad", "monitoreo",
    }  # fmt: skip


@EACH
def test_a_dashboard_is_limas_refreshes_and_is_chosen_by_a_datasource(path: Path) -> None:
    value = board(path)
    variables = {variable["name"]: variable for variable in value["templating"]["list"]}

    assert value["uid"] == f"renteseg-{path.stem}"
    assert (value["timezone"], value["editable"], value["tags"]) == ("America/Lima", False, ["renteseg"])
    assert value["refresh"] in {"10s", "1m"}
    assert (variables["fuente"]["type"], variables["fuente"]["query"]) == ("datasource", "prometheus")
    assert {"fuente", "consola"} <= set(variables) <= {"fuente", "consola", "component", "operator"}
    for name in {"component", "operator"} & set(variables):
        assert variables[name]["refresh"] == 2, "on a change of the time range"
        assert variables[name]["datasource"]["uid"] == "${fuente}"


@EACH
def test_a_dashboard_shows_incidents_and_maintenance_and_links_to_the_others_and_the_console(path: Path) -> None:
    value = board(path)

    marks = {mark["name"]: mark["expr"] for mark in value["annotations"]["list"] if "expr" in mark}
    assert set(marks) == {"Incidencias", "Mantenimientos"}
    assert [(link["type"], link["tags"]) for link in value["links"]] == [("dashboards", ["renteseg"]), ("link", [])]
    assert value["links"][1]["url"].startswith("${consola}/")
    assert "${consola}/runbooks/${__value.raw}" in path.read_text() or path.stem == "disponibilidad"


def test_every_link_to_the_console_is_one_of_its_pages(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/incidents.db")
    pages = create_app(store, read_policy(ROOT / "config"), "k" * 32).url_map.bind("console")

    for path in FILES:
        links = re.findall(r"\$\{consola\}([^\"]*)", path.read_text(encoding="utf-8"))
        assert links
        for link in links:
            assert pages.match(link.replace("${__value.raw}", "1"), "GET"), (path.name, link)


@EACH
def test_a_panel_explains_itself_and_says_when_it_has_no_data(path: Path) -> None:
    for panel in panels(path):
        defaults = panel["fieldConfig"]["defaults"]

        assert len(panel["title"]) > 3
        assert len(panel["description"]) > 20, panel["title"]
        assert defaults["unit"], panel["title"]
        assert defaults["noValue"] == "sin datos"
        assert panel["datasource"]["uid"] == "${fuente}"
        assert panel["targets"], panel["title"]
        assert all(target["datasource"]["uid"] == "${fuente}" for target in panel["targets"])
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@EACH
def test_a_panel_with_limits_has_thresholds(path: Path) -> None:
    for panel in panels(path):
        if panel["type"] in {"stat", "bargauge"}:
            assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"], panel["title"]


@EACH
def test_panels_have_ids_of_their_own_and_do_not_overlap(path: Path) -> None:
    ids = [panel["id"] for panel in board(path)["panels"]]
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in board(path)["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]

    assert len(set(ids)) == len(ids)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_a_counter_is_read_over_an_interval_that_grafana_chooses() -> None:
    for expr in expressions():
        for function, window in re.findall(r"\b(rate|irate|increase)\([^\[]*\[([^\]]+)\]", expr):
            assert window in {"$__rate_interval", "$__range"}, (function, expr)


def test_every_dashboard_that_an_alert_links_to_exists() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.yml"))

    linked = set(re.findall(r"/d/(renteseg-\w+)", text))
    assert linked == {f"renteseg-{path.stem}" for path in FILES}


def test_every_state_of_a_load_has_a_name_for_people() -> None:
    named = {state for state, _, _ in cargas.LOAD_STATES}

    assert named == {
        "expected", "received", "validating", "queued", "processing", "processed", "observed", "missing", "late",
        "rejected", "failed", "reprocessing", "regularised", "other",
    }  # fmt: skip


def test_no_query_turns_missing_data_into_a_zero() -> None:
    assert not [expr for expr in expressions() if "vector(" in expr]


def test_no_ratio_of_a_month_is_averaged() -> None:
    assert not [expr for expr in expressions() if "avg(" in expr or ("avg_over_time" in expr and "$__range" in expr)]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus without any target."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text("{}")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    process = subprocess.Popen(
        [
            str(program("prometheus")), f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}",
        ],
        stderr=(folder / "log").open("w"),
    )  # fmt: skip
    try:
        wait_until_ready(f"http://{address}")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(url: str) -> None:
    for _ in range(200):
        try:
            if httpx.get(f"{url}/-/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("Prometheus did not become ready")


def test_prometheus_understands_every_query(prometheus: str) -> None:
    queries = expressions()
    month = yaml.safe_load((ROOT / "rules" / "queries" / "month.yml").read_text(encoding="utf-8"))
    queries += [query % {"range": "2678399999ms"} for query in month.values()]

    for query in queries:
        answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": filled(query)}).json()
        assert answer["status"] == "success", (query, answer)


def filled(query: str) -> str:
    """The query with Grafana's variables replaced."""
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query
