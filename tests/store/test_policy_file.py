"""What `sla.yml` may say of time, and `renteseg sla clock` on lines that say nonsense."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from groundwork.problems import ConfigurationError
from incident_store.clock_lines import evaluate_lines
from incident_store.policy_file import read_policy
from tests.processes import ROOT

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


def test_of_lines_that_cannot_be_read_each_answers_an_error_of_its_own() -> None:
    office = {"week": {"mon": [["08:00", "09:00"]]}}
    lines = [
        json.dumps({**CLOCK, "calendar": {**office, "timezone": "America"}}).encode(),
        json.dumps({**CLOCK, "calendar": {**office, "timezone": "a" * 5000}}).encode(),
        b'{"calendar": "\xff\xfe"}',
        b"[" * 100_000,
        json.dumps({**CLOCK, "target_seconds": 10**11, "start": "9000-01-01T00:00:00Z"}).encode(),
        json.dumps(CLOCK).encode(),
    ]
    *bad, good = evaluate_lines(lines, NOW)
    assert [list(answer) for answer in bad] == [["error"]] * 5
    assert all(answer["error"].startswith(f"line {number}: ") for number, answer in enumerate(bad, 1))
    assert good["elapsed_seconds"] == 30
