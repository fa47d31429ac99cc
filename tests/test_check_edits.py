"""What `renteseg check` says of rules and routes that an operator edited wrongly: the line, and what it would break."""

import shutil
from pathlib import Path

import pytest

from chain import checking, rendering, routing_advice, rules_check
from groundwork.problems import Problem
from groundwork.settings import Settings
from tests.processes import ROOT


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A project with files of its own."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    for module in (checking, rendering, rules_check):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    settings = Settings(config=tmp_path / "config", state=tmp_path / "state")
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    return settings


def edit(file: Path, old: str, new: str) -> int:
    """Replace it the first time it stands there; returns the line."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def said(problems: list[Problem], file: str) -> Problem:
    (problem,) = problems
    assert problem.file.endswith(file)
    assert problem.remedy
    return problem


UP = "(last_over_time(renteseg_component_up[1m])"
RULES = [
    ("availability.yml", "for: 20s", "for: 20x", 0, "Prometheus would not start with it"),
    ("availability.yml", f"{UP}) == 0", f"{UP} == 0", 0, '"RentesegComponentDown": could not parse'),
    ("availability.yml", "      - alert: RentesegL", "     - alert: RentesegL", None, "did not find expected key"),
    ("availability.yml", "for: 20s", "fore: 20s", 0, "field fore not found"),
    ("availability.yml", "severity: critical", "severity: Critical", 0, "would count as media"),
    (
        "availability.yml",
        "(component, service, owner, link) (last",
        "(component, owner, link) (last",
        None,
        "'service', which",
    ),
    ("availability.yml", "summary: ", "title: ", None, "its mail would have no heading"),
    ("incidents.yml", "$labels.clock", "$labels.reloj", None, "'reloj', which the expression does not keep"),
    ("monitoring.yml", "alert: Watchdog", "alert: Wachdog", None, "nobody would notice that alerts no longer arrive"),
]


@pytest.mark.parametrize(("file", "old", "new", "below", "words"), RULES)
def test_a_rule_that_was_edited_wrongly_is_named_with_its_line_and_what_it_breaks(
    settings: Settings, tmp_path: Path, file: str, old: str, new: str, below: int | None, words: str
) -> None:
    line = edit(tmp_path / "rules" / file, old, new)

    problems = checking.check(settings)

    assert any(words in problem.what and problem.remedy for problem in problems), problems
    assert below is None or min(abs((problem.line or 0) - line) for problem in problems) <= 2


ROUTES = [
    ('"RentesegLinkDown"', '"RentesegLinkDwn"', "holds nothing back; did you mean 'RentesegLinkDown'?"),
    ('[alertname="Watchdog"]', '[alertname="Wachdog"]', "this route takes nothing; did you mean 'Watchdog'?"),
    ("RentesegRcaOverdue|", "RentesegRcaOverdu|", "did you mean 'RentesegRcaOverdue'?"),
    ('matchers: [severity="critical"]', 'matchers: [severity="critica"]', "did you mean 'critical'?"),
    ("repeat_interval: 5m\n      continue: true", "repeat_interval: 5m", "would no longer reach anybody who reads"),
    ("    - receiver: webhook\n", "    - receiver: analistas\n", "would no longer reach the receiver of incidents"),
    ("      receiver: webhook\n", "      receiver: nadie\n", "Watchdog would no longer reach"),
    ("receiver: supervisores\n", "receiver: nadie\n", ""),
]


@pytest.mark.parametrize(("old", "new", "words"), ROUTES)
def test_a_route_that_tells_somebody_no_longer_is_named_with_its_line(
    settings: Settings, old: str, new: str, words: str
) -> None:
    line = edit(settings.config / "alertmanager.yml", old, new)

    advice = routing_advice.advise_routes(settings)

    if not words:  # the analysts are still told
        assert advice == []
        return
    assert any(words in str(one) for one in advice), advice
    assert min(abs((one.line or 0) - line) for one in advice) <= 20
    assert checking.check(settings) == []


def test_what_is_shipped_tells_everybody(settings: Settings) -> None:
    assert routing_advice.advise_routes(settings) == []
    assert list(rules_check.check_rules()) == []


def test_alerts_of_other_systems_are_left_alone(settings: Settings) -> None:
    edit(settings.config / "alertmanager.yml", '[alertname="Watchdog"]', '[alertname="KubePodCrashLooping"]')

    assert not any("KubePod" in one.what for one in routing_advice.advise_routes(settings))


def test_each_thing_that_is_wrong_with_a_file_is_told_by_itself(settings: Settings) -> None:
    for _ in range(2):
        edit(settings.config / "alertmanager.yml", "    - matchers: [", "    - matcher: [")

    problems = [one for one in checking.check(settings) if "amtool refuses" in one.what]

    assert len(problems) == 2
    assert len({one.line for one in problems}) == 2
    assert all("nobody would be told of anything" in one.what for one in problems)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "groups: 7", "groups: [7]", "groups: [{rules: 7}]", "groups: [{rules: [{alert: x}]}]", "a: [", "\x07"],
)
def test_rules_that_are_none_are_left_to_promtool(settings: Settings, tmp_path: Path, text: str) -> None:
    (tmp_path / "rules" / "availability.yml").write_text(text)

    list(rules_check.check_rules())
    routing_advice.advise_routes(settings)


@pytest.mark.parametrize(
    "text", ["route: 7", "route: {routes: 7}", "route: {routes: [7]}\nreceivers: 7", "route: {matchers: [a=~'(']}"]
)
def test_a_configuration_that_is_none_is_left_to_amtool(settings: Settings, text: str) -> None:
    (settings.config / "alertmanager.yml").write_text(text)

    routing_advice.advise_routes(settings)
