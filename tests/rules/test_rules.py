"""The rules: promtool's checks and tests, what every alert carries, and the month's queries on a real Prometheus."""

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
import yaml

import renteseg
from chain.programs import program
from tests.rules.cases import KINDS, entries, needed, promtool_tests, rules
from tests.rules.mutation import REQUIRED, mutants, run

ROOT = Path(__file__).parent.parent.parent
RULES = sorted((ROOT / "rules").glob("*.yml"))
TESTS = sorted(Path(__file__).parent.glob("*.yml"))


def alerts() -> list[dict[str, Any]]:
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in RULES]
    return [rule for file in files for group in file["groups"] for rule in group["rules"] if "alert" in rule]


def every_alert(test: Any) -> Any:
    return pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))(test)


def test_promtool_accepts_the_rules() -> None:
    answer = subprocess.run(
        [str(program("promtool")), "check", "rules", *RULES], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_rules_do_what_their_tests_say(path: Path) -> None:
    answer = subprocess.run(
        [str(program("promtool")), "test", "rules", path], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stdout + answer.stderr


@every_alert
def test_an_alert_fires_resolves_and_survives_as_its_cases_say(alert: dict[str, Any], tmp_path: Path) -> None:
    used = [dict(rule) for rule in needed(alert, rules())]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "used", "rules": used}]}))
    tests = promtool_tests(alert["alert"], entries()[alert["alert"]], alert, tmp_path / "rules.yml")
    (tmp_path / "tests.yml").write_text(json.dumps(tests))

    answer = subprocess.run(
        [str(program("promtool")), "test", "rules", tmp_path / "tests.yml"], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stdout + answer.stderr


@every_alert
def test_an_alert_has_a_case_of_each_kind(alert: dict[str, Any]) -> None:
    titles = list(entries()[alert["alert"]]["cases"])

    assert len(titles) >= 5
    for kind in KINDS:
        assert any(title.removeprefix("never ").startswith(kind) for title in titles), kind


def test_cases_belong_to_an_alert() -> None:
    assert set(entries()) == {alert["alert"] for alert in alerts()}


@every_alert
def test_what_an_alert_says_is_tested_word_for_word(alert: dict[str, Any]) -> None:
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in TESTS]
    written = [case for file in files for test in file["tests"] for case in test.get("alert_rule_test", [])]

    assert "annotations" in entries()[alert["alert"]] or any(
        case["exp_alerts"] for case in written if case["alertname"] == alert["alert"]
    )


@pytest.mark.parametrize("share", range(3))
def test_a_spoiled_rule_is_noticed(share: int) -> None:
    """Every sixtieth place of all; `make mutate` spoils every one."""
    chosen = [mutant for rule in rules() for mutant in mutants(rule)][share * 20 :: 60]

    tried, unnoticed = run(chosen)

    assert len(unnoticed) <= (1 - REQUIRED) * tried.total() + 1, unnoticed


@every_alert
def test_an_alert_says_who_what_and_where_to_read_on(alert: dict[str, Any]) -> None:
    name = alert["alert"]

    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert (
        alert["labels"].get("owner", "provider") in {"provider", "operator", "oti"} or "{{" in alert["labels"]["owner"]
    )
    assert {"summary", "description", "runbook_url", "dashboard_url"} <= set(alert["annotations"])
    assert alert["annotations"]["runbook_url"].endswith(f"/runbooks/{name}")
    assert "instance" not in alert["labels"]


@every_alert
def test_an_alert_has_a_runbook_in_spanish(alert: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "runbooks" / f"{alert['alert']}.md").read_text(encoding="utf-8")

    for heading in ("Qué significa", "Qué revisar", "Responsable probable", "Qué sigue en PM06.01", "Cuándo escalar"):
        assert f"## {heading}\n" in text
    assert f"`{alert['alert']}`" in text


def test_a_runbook_belongs_to_an_alert() -> None:
    runbooks = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}

    assert runbooks == {alert["alert"] for alert in alerts()}


def test_a_runbook_names_only_commands_that_exist() -> None:
    for path in (ROOT / "docs" / "runbooks").glob("*.md"):
        for line in re.findall(r"`renteseg ([^`]+)`", path.read_text(encoding="utf-8")):
            command: Any = typer.main.get_command(renteseg.app)
            for word in line.split():
                if hasattr(command, "commands"):
                    assert word in command.commands, (path.name, line)
                    command = command.commands[word]


def test_a_minute_leaves_one_sample() -> None:
    """promtool evaluates every group at its own pace, so the group's interval is looked up here."""
    groups = yaml.safe_load((ROOT / "rules" / "recording.yml").read_text(encoding="utf-8"))["groups"]

    minutes = [group for group in groups if any(rule["record"].endswith(":minute") for rule in group["rules"])]
    assert [group["interval"] for group in minutes] == ["1m"]


# --- the month's queries --------------------------------------------------------------------------------------

# October 2026 in Lima: 31 days, 44,640 minutes.
START = int(datetime(2026, 10, 1, 5, tzinfo=UTC).timestamp())
END = int(datetime(2026, 11, 1, 5, tzinfo=UTC).timestamp())
MINUTES = (END - START) // 60
OFFSETS = {"en-punto": 0.0, "un-milisegundo": 0.001, "casi-en-punto": 59.999}
"""Where in the minute the rule group happens to be evaluated: on the edge and on both sides of it."""


def month_samples() -> Iterator[str]:
    """Three components, up all October and down in the two hours before and after it."""
    yield "# TYPE component:renteseg_component_up:minute gauge"
    for component, offset in OFFSETS.items():
        labels = f'{{component="{component}",service="consulta",owner="provider"}}'
        for minute in range(-120, MINUTES + 120):
            ends_at = START + minute * 60 + offset
            value = int(START < ends_at <= END)
            yield f"component:renteseg_component_up:minute{labels} {value} {ends_at:.3f}"
    yield "# EOF"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus that holds the samples of one month."""
    folder = tmp_path_factory.mktemp("month")
    (folder / "prometheus.yml").write_text("{}")
    (folder / "samples").write_text("\n".join(month_samples()) + "\n")
    load = ["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=2000h"]
    subprocess.run(
        [str(program("promtool")), *load, folder / "samples", folder / "data"], check=True, capture_output=True
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    process = subprocess.Popen(
        [
            str(program("prometheus")),
            f"--config.file={folder / 'prometheus.yml'}",
            "--storage.tsdb.retention.time=10y",
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


def month_query(url: str, name: str, at: int, milliseconds: int) -> dict[str, float]:
    """One query of month.yml as its comment says to run it; component to minutes."""
    text = yaml.safe_load((ROOT / "rules" / "queries" / "month.yml").read_text(encoding="utf-8"))[name]
    answer = httpx.get(f"{url}/api/v1/query", params={"query": text % {"range": f"{milliseconds}ms"}, "time": str(at)})
    series = json.loads(answer.raise_for_status().text)["data"]["result"]
    return {one["metric"]["component"]: float(one["value"][1]) for one in series}


def test_a_month_holds_its_minutes_and_no_other_wherever_in_the_minute_they_end(prometheus: str) -> None:
    milliseconds = (END - START) * 1000 - 1

    up = month_query(prometheus, "minutes_up", END, milliseconds)
    known = month_query(prometheus, "minutes_known", END, milliseconds)
    down = month_query(prometheus, "minutes_down", END, milliseconds)

    assert up == known == dict.fromkeys(OFFSETS, MINUTES) | {"un-milisegundo": MINUTES - left_open(prometheus)}
    assert down == dict.fromkeys(OFFSETS, 0)


def left_open(url: str) -> int:
    """1 on Prometheus 3.x, which leaves out the one sample that stands exactly 1 ms after the month's start; else 0."""
    version = httpx.get(f"{url}/api/v1/status/buildinfo").json()["data"]["version"]
    return int(int(version.split(".")[0]) >= 3)


def test_the_month_so_far_ends_now(prometheus: str) -> None:
    now = START + 3600

    known = month_query(prometheus, "minutes_known", now, (now - START) * 1000 - 1)

    assert known["en-punto"] == 60
