"""What `sla.yml` may say of time, and `renteseg sla clock` on lines that say nonsense."""

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from groundwork.problems import ConfigurationError
from incident_store.clock_lines import evaluate_lines
from incident_store.domain.incident_clocks import Clock, read_clocks
from incident_store.domain.incidents import Event
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import ClockName, Responsible, Severity, SlaPolicy
from incident_store.partial_policy import read_policy_as_far_as_it_goes
from incident_store.policy_file import check, read_policy
from tests.builders import at
from tests.domain.test_steps import OPENED, SOFIA, WHOLE_ROAD, walk
from tests.processes import ROOT

WAIT = (SOFIA, EventKind.WAITING_BEGAN, 30, {"reason": "Espera del operador "})
CLOCK = {"calendar": "24x7", "target_seconds": 60, "start": "2026-10-05T09:00:00Z"}
NOW = datetime(2026, 10, 5, 9, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("time_zone: America/Lima", "time_zone: America", "time_zone: is no time zone"),
        ("time_zone: America/Lima", f"time_zone: {'a' * 5000}", "time_zone: is no time zone"),
        ("within: 30m", "within: 4000000d", "more than ten years"),
        ("within: 30m", "within: 99999999999d", "more than ten years"),
        ("within: 45h", "within: 3650d", "would take decades of 'laboral'"),
        ("extra_holidays: {}", "extra_holidays: {2026-02-30: x}", "'2026-02-30' is no timestamp"),
        (
            'mon: [["08:30", "17:30"]]',
            'mon: [["08:30", "13:00"], ["12:00", "17:30"]]',
            "windows of mon overlap; write windows",
        ),
        (
            'mon: [["08:30", "17:30"]]',
            'mon: [["17:30", "08:30"]]',
            "opens before it closes, within 00:00 and 24:00; write",
        ),
        (
            'mon: [["08:30", "17:30"]]',
            'mon: [["8h30", "17:30"]]',
            "'8h30' is not a time of day such as 08:30; write windows",
        ),
        ("holidays: PE", "holidays: PERU", "is no country code"),
        (
            "calendar: laboral, contractual: false}",
            "calendar: nocturno, contractual: false}",
            "write one of continuo, laboral",
        ),
        (
            "      baja:\n        response:",
            "      baja:\n        rca:",
            "no target for baja.response; add each, as response:",
        ),
        ("states: [en_espera]", "states: [esperando]", "states"),
        ("stops: [rca_received]", "stops: []", "at least 1 item"),
        (
            "response: {start: detected",
            "response: {start: closed",
            "a clock that starts at 'closed' cannot stop at closed, responsible_answered, restored; stop at",
        ),
        ("start: detected, stops: [restored, closed]", "start: detected, stops: [detected]", "cannot stop at detected"),
        ("start: detected, stops: [restored", "start: restored, stops: [restored", "cannot stop at restored"),
        ("relapse_window: 3h", "relapse_windows: 3h", "did you mean 'relapse_window'?"),
    ],
)
def test_times_that_cannot_be_reckoned_with_are_refused_by_file_and_line(
    old: str, new: str, words: str, tmp_path: Path
) -> None:
    text = (ROOT / "config" / "sla.yml").read_text()
    assert old in text
    (tmp_path / "sla.yml").write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as raised:
        read_policy(tmp_path)
    said = [problem for problem in raised.value.problems if words in str(problem)]
    assert said
    assert all(problem.line and len(str(problem)) < 500 for problem in said)


@pytest.mark.parametrize(
    "clock",
    ["start: detected, stops: [validated]", "start: dispatched, stops: [responsible_answered, restored, closed]",
     "start: closed, stops: [announced]", "start: restored, stops: [closed]"],
)  # fmt: skip
def test_a_clock_may_run_between_any_two_moments_that_follow_one_another(clock: str, tmp_path: Path) -> None:
    changed(tmp_path, ("start: restored, stops: [rca_received]", clock))


@pytest.mark.parametrize(("day", "places"), [("2026-02-26", []), ("2206-02-26", [10])])
def test_terms_of_which_none_is_in_force_are_a_problem_of_their_line(
    day: str, places: list[int], tmp_path: Path
) -> None:
    changed(tmp_path, ("effective_from: 2026-02-26", f"effective_from: {day}"))
    found = check(tmp_path, at(0))
    assert [problem.line for problem in found] == places
    assert all("in the past" in problem.remedy for problem in found)


def changed(folder: Path, *changes: tuple[str, str]) -> SlaPolicy:
    """The shipped policy with these words changed."""
    text = (ROOT / "config" / "sla.yml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "sla.yml").write_text(text)
    return read_policy(folder)


def resolution(policy: SlaPolicy, history: list[Event], minute: float) -> Clock:
    return next(clock for clock in read_clocks(history, policy, at(minute)) if clock.name is ClockName.RESOLUTION)


def test_a_calendar_without_opening_hours_is_refused_with_its_line(tmp_path: Path) -> None:
    windows = "\n".join(f'          {day}: [["08:30", "17:30"]]' for day in ("mon", "tue", "wed", "thu", "fri"))
    with pytest.raises(ConfigurationError) as raised:
        changed(tmp_path, (f"week:\n{windows}", "week: {}"))
    (problem,) = [one for one in raised.value.problems if "needs opening hours" in one.what]
    assert "write windows such as" in problem.remedy
    assert problem.line is not None


def test_what_pauses_a_clock_is_data_state_reason_severity_and_responsible(tmp_path: Path) -> None:
    waiting = walk(*WHOLE_ROAD[:5], WAIT)
    for narrowed, minutes in (
        ("{states: [en_espera]}", 30),
        ("{states: [en_espera], reasons: [espera del operador]}", 30),
        ("{states: [en_espera], reasons: [otra cosa]}", 50),
        ("{states: [en_espera], severities: [baja]}", 50),
        ("{states: [en_espera], severities: [alta], responsibles: [B]}", 30),
        ("{states: [en_espera], responsibles: [A]}", 50),
        ("{states: [derivada]}", 45),
        ("{states: [derivada]}, {states: [en_espera]}", 25),
    ):
        policy = changed(tmp_path, ("{states: [en_espera]}", narrowed))
        assert resolution(policy, waiting, 50).reading.elapsed == timedelta(minutes=minutes), narrowed


def test_a_responsible_may_have_a_target_and_a_calendar_of_its_own(tmp_path: Path) -> None:
    own = "by_responsible: {B: {within: 9h, calendar: laboral, contractual: true}}"
    shipped = "resolution: {within: 4h, calendar: continuo, contractual: false"
    policy = changed(tmp_path, (shipped, f"{shipped}, {own}"))
    suspected = resolution(policy, OPENED, 50)
    assert (suspected.target.target, suspected.target.contractual) == (timedelta(hours=9), True)
    # Monday noon: 5.5 hours are left of the day's 9, the other 3.5 pass on Tuesday.
    assert suspected.reading.due == at(24 * 60)
    other = policy.versions[0].targets[ClockName.RESOLUTION, Severity.HIGH, Responsible.OTI]
    assert other.target == timedelta(hours=4)


def test_terms_take_effect_on_their_day_and_older_incidents_keep_theirs(tmp_path: Path) -> None:
    text = (ROOT / "config" / "sla.yml").read_text()
    first = text[text.index("  - effective_from") :]
    second = first.replace("2026-02-26", "2026-10-06").replace("within: 4h", "within: 2h")
    (tmp_path / "sla.yml").write_text(text + second)
    policy = read_policy(tmp_path)
    for day, hours in ((0, 4), (1, 2)):
        moved = [
            Event(one.kind, one.at + timedelta(days=day), one.recorded_at, one.author, one.details) for one in OPENED
        ]
        assert resolution(policy, moved, day * 1440 + 5).target.target == timedelta(hours=hours)
    (tmp_path / "sla.yml").write_text(text + second.replace("2026-10-06", "2026-02-26"))
    with pytest.raises(ConfigurationError, match="effective_from must grow"):
        read_policy(tmp_path)


def test_of_lines_that_cannot_be_read_each_answers_an_error_of_its_own() -> None:
    office = {"week": {"mon": [["08:00", "09:00"]]}}
    lines = [
        json.dumps({**CLOCK, "calendar": {**office, "timezone": "America"}}).encode(),
        json.dumps({**CLOCK, "calendar": {**office, "timezone": "a" * 5000}}).encode(),
        b'{"calendar": "\xff\xfe"}',
        b"[" * 100_000,
        json.dumps({**CLOCK, "target_seconds": 10**11, "start": "9000-01-01T00:00:00Z"}).encode(),
        json.dumps(
            {**CLOCK, "calendar": {**office, "timezone": "America/Lima"}, "start": "0001-01-03T00:00:00Z"}
        ).encode(),
        json.dumps(CLOCK).encode(),
    ]
    *bad, good = evaluate_lines(lines, NOW)
    assert [list(answer) for answer in bad] == [["error"]] * 6
    assert all(answer["error"].startswith(f"line {number}: ") for number, answer in enumerate(bad, 1))
    assert good["elapsed_seconds"] == 30


LOCAL = {"timezone": "America/Lima", "week": {"mon": [["08:30", "17:30"]]}}
ODD = {**CLOCK, "calendar": {**LOCAL, "holydays": []}}
DATED = {**CLOCK, "calendar": {**LOCAL, "holidays": ["ayer"]}}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"target_seconds": 60, "target_seconds": 90, "calendar": "24x7", "start": "2026-10-05T09:00:00Z"}',
         "'target_seconds' is given more than once in the same object: give it once"),
        ('{"calendar": {"timezone": "America/Lima", "week": {"mon": [], "mon": []}}}', "'mon' is given more than once"),
        (json.dumps(ODD), "calendar.holydays: Extra inputs are not permitted"),
        (json.dumps(DATED), "calendar.holidays.0: Input should be a valid date"),
    ],
)  # fmt: skip
def test_a_line_says_once_what_is_wrong_with_it(line: str, said: str) -> None:
    (answer,) = evaluate_lines([line.encode()], NOW)
    assert said in answer["error"]
    assert "24x7" not in answer["error"]


def test_of_a_calendar_written_wrongly_only_the_line_that_helps_is_told(tmp_path: Path) -> None:
    text = (ROOT / "config" / "sla.yml").read_text()
    for old, new, said in (
        ("mon: [[", "lun: [[", "'lun' is no word that fits here; write one of 'mon'"),
        ("continuo: always", "continuo: alway", "'alway' is no word that fits here; write one of 'always'"),
        ("continuo: always", "continuo: 24", "write a mapping, one 'key: value' an entry"),
    ):
        assert old in text
        (tmp_path / "sla.yml").write_text(text.replace(old, new, 1))
        with pytest.raises(ConfigurationError) as refused:
            read_policy(tmp_path)
        assert [said in str(problem) for problem in refused.value.problems] == [True], refused.value


@pytest.mark.parametrize("target", ["0", "100.1", "99.5 %", "99.12345678"])
def test_an_availability_target_is_a_percentage(target: str, tmp_path: Path) -> None:
    text = (ROOT / "config" / "sla.yml").read_text()
    (tmp_path / "sla.yml").write_text(text.replace("target: 99.5", f"target: {target}", 1))
    with pytest.raises(ConfigurationError, match=r"availability\.target"):
        read_policy(tmp_path)


def test_a_component_may_have_an_availability_target_of_its_own() -> None:
    availability = read_policy(ROOT / "config").versions[0].availability
    assert availability.usual.share == Fraction("0.995")
    assert availability.components["base-datos"].share == Fraction("0.999")
    assert not availability.usual.contractual


def test_a_policy_without_the_targets_of_a_severity_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    text = (ROOT / "config" / "sla.yml").read_text()
    (tmp_path / "sla.yml").write_text(text[: text.index("      baja:\n        response")])
    policy, problems = read_policy_as_far_as_it_goes(tmp_path)
    assert {severity for _, severity, _ in policy.versions[0].targets} == {Severity.HIGH, Severity.MEDIUM}
    assert "no target for baja.response, baja.resolution" in problems[0]
    with pytest.raises(ConfigurationError):
        read_policy(tmp_path)
