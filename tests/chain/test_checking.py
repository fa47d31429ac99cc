"""`renteseg check`: whatever the files hold, file, line and remedy; never a traceback, never a silence."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from chain.checking import check
from chain.rendering import render
from groundwork.problems import Problem, Refused
from groundwork.settings import Settings
from tests.processes import ROOT, run_renteseg

Edit = Callable[[Path], object]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return shutil.copytree(ROOT / "config", tmp_path / "config")


@pytest.fixture
def settings(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = Settings(state=tmp_path / "state", config=config)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    return settings


def replace(name: str, old: str, new: str) -> Edit:
    def edit(config: Path) -> None:
        text = (config / name).read_text()
        assert old in text
        (config / name).write_text(text.replace(old, new, 1))

    return edit


def line_of(config: Path, name: str, words: str) -> int:
    return next(number for number, line in enumerate((config / name).read_text().split("\n"), 1) if words in line)


@pytest.mark.parametrize("name", ["targets.yml", "file_loads.yml", "sla.yml", "alertmanager.yml", "prometheus.yml"])
@pytest.mark.parametrize(
    "added", ["# \x07\n", "x: 2026-13-45\n", "? [a, b]\n: 1\n", "x: &x\n  - *x\n", f"x: {'[' * 3000}{']' * 3000}\n"]
)
def test_yaml_that_python_stumbles_over_is_a_problem_of_its_line(
    name: str, added: str, config: Path, settings: Settings
) -> None:
    before = (config / name).read_text()
    (config / name).write_text(before + added)
    problems = [problem for problem in check(settings) if problem.file.endswith(name)]
    last = before.count("\n")
    assert {problem.line for problem in problems} & {last + 1, last + 2}
    assert all(problem.remedy for problem in problems)


@pytest.mark.parametrize(
    ("edit", "file", "at", "words"),
    [
        (replace("alertmanager.yml", "group_wait: 5s", "group_wait: 5x"), "alertmanager.yml", "5x", '"5x"'),
        (
            replace("alertmanager.yml", "receiver: analistas", "receiver: nobody"),
            "alertmanager.yml",
            "receiver: nobody",
            'undefined receiver "nobody"',
        ),
        (
            replace("templates/renteseg.tmpl", "{{ define", "{{ nofunc }}\n{{ define"),
            "templates/renteseg.tmpl",
            "nofunc",
            'function "nofunc" not defined',
        ),
        (
            replace("prometheus.yml", "scrape_interval: 5s", "scrape_interval: 5x"),
            "prometheus.yml",
            "5x",
            '"5x"',
        ),
    ],
)
def test_what_amtool_and_promtool_say_is_passed_on_with_its_line(
    edit: Edit, file: str, at: str, words: str, config: Path, settings: Settings
) -> None:
    edit(config)
    (problem,) = [one for one in check(settings) if "refuses it" in one.what]
    assert words in problem.what
    assert "Checking" not in problem.what
    assert (problem.file, problem.line) == (str(config / file), line_of(config, file, at))


def only(problems: list[Problem]) -> Problem:
    (problem,) = problems
    return problem


def test_a_template_that_nobody_defines_is_named_with_the_one_that_was_meant(config: Path, settings: Settings) -> None:
    replace("templates/renteseg.tmpl", 'define "renteseg.subject"', 'define "renteseg.subjec"')(config)
    problems = check(settings)
    assert {problem.line for problem in problems} >= {line_of(config, "alertmanager.yml", "renteseg.subject")}
    assert {problem.remedy for problem in problems} == {"did you mean 'renteseg.subjec'?"}


def test_a_folder_without_templates_is_a_problem(config: Path, settings: Settings) -> None:
    (config / "templates" / "renteseg.tmpl").unlink()
    assert "holds no template" in only(check(settings)).what


@pytest.mark.parametrize("text", ["", "{}\n", "~\n"])
def test_an_empty_prometheus_file_is_refused(text: str, config: Path, settings: Settings) -> None:
    (config / "prometheus.yml").write_text(text)
    assert [problem.what.split()[0] for problem in check(settings)] == [
        "'rule_files'",
        "'scrape_configs'",
        "'alerting'",
    ]


def test_rule_files_that_match_nothing_are_refused(config: Path, settings: Settings) -> None:
    replace("prometheus.yml", "rules/*.yml", "rule/*.yml")(config)
    problem = only(check(settings))
    assert problem.line == line_of(config, "prometheus.yml", "rule/*.yml")
    assert "matches no rule file" in problem.what


def test_a_secret_that_is_empty_is_refused_before_anything_starts(settings: Settings) -> None:
    assert settings.webhook_token_file is not None
    settings.webhook_token_file.parent.mkdir(parents=True)
    settings.webhook_token_file.touch()
    assert "fewer than 16 characters" in only(check(settings)).what


def test_a_folder_that_cannot_be_written_is_refused_in_one_line(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for target in (tmp_path / "file", Path("/proc/x")):
        with pytest.raises(Refused, match="cannot be written"):
            render(config, target)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RENTESEG_HOST", "nope.invalid"),
        ("RENTESEG_HOST", "10.9.8.7"),
        ("RENTESEG_STATE", "/proc/x"),
        ("RENTESEG_STATE", __file__),
        ("RENTESEG_WEBHOOK_TOKEN_FILE", "/proc/x"),
        ("RENTESEG_WEBHOOK_TOKEN_FILE", "/tmp"),
        ("RENTESEG_CONFIG", "/nope"),
        ("RENTESEG_DATABASE_URL", "sqlite:////proc/x/y.db"),
        ("RENTESEG_PROMETHEUS_PORT", "99999"),
        ("RENTESEG_STATE", "/tmp/per%cent"),
    ],
)
def test_a_setting_of_the_machine_that_cannot_work_is_one_line_that_names_it(
    variable: str, value: str, tmp_path: Path
) -> None:
    done = run_renteseg(
        "up", "--no-simulator", environment={"RENTESEG_STATE": str(tmp_path / "state"), variable: value}
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert variable in done.stderr
    assert all(len(line) < 500 for line in done.stderr.split("\n"))
