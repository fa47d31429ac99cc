"""The dashboard is what its code makes, asks only for metrics that exist, and explains every panel."""

import json
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
from grafana import build

ROOT = Path(__file__).parent.parent.parent

VARIABLES = {"$component": ".+", "$operator": ".+", "$__rate_interval": "1m", "$__range_s": "86400", "$__range": "1d"}


def board() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(build.TARGET.read_text(encoding="utf-8"))
    return value


def panels() -> list[dict[str, Any]]:
    return [panel for panel in board()["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def test_the_committed_dashboard_is_what_the_code_makes() -> None:
    assert build.main(["--check"]) == 0
    assert build.render() == build.render()


def test_a_dashboard_that_was_edited_by_hand_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = tmp_path / "operatividad.json"
    edited.write_text(build.render().replace("America/Lima", "browser"), encoding="utf-8")
    monkeypatch.setattr(build, "TARGET", edited)

    assert build.main(["--check"]) == 1
    assert "run python -m grafana.build" in capsys.readouterr().err
    assert build.main([]) == 0
    assert build.main(["--check"]) == 0


def test_the_dashboard_is_limas_and_refreshes_by_itself() -> None:
    value = board()

    assert (value["uid"], value["timezone"], value["refresh"]) == ("renteseg-operatividad", "America/Lima", "10s")
    assert [variable["name"] for variable in value["templating"]["list"]] == ["fuente", "component", "operator"]


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: str(panel["title"]))
def test_a_panel_explains_itself_and_says_when_it_has_no_data(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]

    assert len(panel["description"]) > 20
    assert defaults["unit"]
    assert defaults["noValue"] == "sin datos"
    assert panel["targets"]
    assert all(target["datasource"]["uid"] == "${fuente}" for target in panel["targets"])


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in board()["panels"]]
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in board()["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]

    assert len(set(ids)) == len(ids)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_every_state_of_a_load_has_a_name_for_people() -> None:
    named = {state for state, _, _ in build.LOAD_STATES}

    assert named == {
        "expected", "received", "validating", "queued", "processing", "processed", "observed", "missing", "late",
        "rejected", "failed", "reprocessing", "regularised", "other",
    }  # fmt: skip


def test_no_query_turns_missing_data_into_a_zero() -> None:
    assert not [expr for expr in expressions() if "vector(" in expr]


def test_no_ratio_is_averaged() -> None:
    assert not [expr for expr in expressions() if "avg" in expr and "/" in expr]


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
