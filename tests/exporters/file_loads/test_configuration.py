"""file_loads.yml: the shipped file is read; whatever is wrong is said with line and remedy."""

from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from exporters.file_loads.configuration import check, read_file_loads
from exporters.file_loads.vocabulary import FileState
from tests.exporters.file_loads.load_logs import SHIPPED


def test_the_shipped_file_is_read() -> None:
    shipped = read_file_loads(SHIPPED, {"RENTESEG_LOAD_LOG_URL": "postgresql://u@h/db"})

    assert shipped.operators == ("CLARO", "MOVISTAR", "ENTEL", "BITEL", "DOLPHIN")
    assert shipped.deadline == time(6)
    assert shipped.load_log.url == "postgresql://u@h/db"
    assert shipped.load_log.statuses["PROCESADO_CON_OBSERVACIONES"] is FileState.OBSERVED
    assert check(SHIPPED.parent, {}) == []


def test_every_state_is_reached_by_a_word_of_the_shipped_file() -> None:
    shipped = read_file_loads(SHIPPED, {})

    assert {*shipped.load_log.statuses.values(), FileState.OTHER} == set(FileState)


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ("ENCOLADO: queued", "ENCOLADO: waiting", "'queued'"),
        ('deadline: "06:00"', 'deadline: "6 am"', "is not a time in quotes such as '06:00'"),
        ('deadline: "06:00"', 'deadline: "25:00"', "is not a time of the day"),
        ('late_until: "12:00"', "late_until: 12:00", "is not a time in quotes such as '06:00'"),
        ('late_until: "12:00"', 'late_until: "05:00"', "is before the deadline of 06:00"),
        ("[CLARO, MOVISTAR,", "[CLARO, CLARO,", "CLARO stands twice"),
        ("[ALTAS, BAJAS, ROBOS, RECUPERADOS]", "[]", "is an empty list"),
        ("[ALTAS, BAJAS,", "['AL TAS', BAJAS,", "'AL TAS' cannot be used"),
        ("[ALTAS, BAJAS,", "[unknown, BAJAS,", "'unknown' cannot be used"),
        ("America/Lima", "America/Limbo", "is no time zone"),
        ("refresh: 5s", "refresh: 5", "is not a duration"),
        ("refresh: 5s", "refrech: 5s", "did you mean 'refresh'?"),
        ("naive_times: UTC", "naive_times: Lima", "is no time zone"),
        ("queue_limit: 10m", "calendar: {holidays: PERU}", "is no country code"),
        ("queue_limit: 10m", "calendar: {days: []}", "on no day would a file be due"),
        ("queue_limit: 10m", "overrides: [{operators: [FLASH]}]", "entry 1 names FLASH"),
        (
            "queue_limit: 10m",
            "planned_batches: [{from: '09:00', days: [sun], until: '08:00'}]",
            "ends before it begins",
        ),
        ("queue_limit: 10m", "planned_batches: [{file_types: [ROBOS]}]", "names neither days nor dates"),
        ("sqlite:///.state/simulator/renteseg.db", "mysql://x/y", "scheme 'mysql' is not supported: use"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_line(tmp_path: Path, was: str, becomes: str, complaint: str) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    line = 1 + text[: text.index(was)].count("\n")
    (tmp_path / "file_loads.yml").write_text(text.replace(was, becomes), encoding="utf-8")

    [problem] = check(tmp_path, {})

    assert complaint in str(problem)
    assert problem.line is not None
    assert abs(problem.line - line) <= 1


def test_the_data_day_is_yesterday_in_lima() -> None:
    shipped = read_file_loads(SHIPPED, {})

    assert shipped.data_day(datetime(2026, 10, 6, 4, 59, 59, tzinfo=UTC)) == date(2026, 10, 4)
    assert shipped.data_day(datetime(2026, 10, 6, 5, 0, tzinfo=UTC)) == date(2026, 10, 5)
    assert shipped.deadline_at(("CLARO", "ROBOS"), date(2026, 10, 5)) == datetime(2026, 10, 6, 11, 0, tzinfo=UTC)
    assert shipped.late_until_at(("CLARO", "ROBOS"), date(2026, 10, 5)) == datetime(2026, 10, 6, 17, 0, tzinfo=UTC)


def test_overrides_change_times_and_calendar_of_some(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    overrides = """overrides:
  - {operators: [DOLPHIN], deadline: "09:00", late_until: "18:00"}
  - {operators: [DOLPHIN], file_types: [BAJAS], deadline: "10:00",
     calendar: {days: [mon], extra_holidays: {2026-10-12: "feriado"}}}
"""
    (tmp_path / "file_loads.yml").write_text(text.replace("queue_limit: 10m", overrides), encoding="utf-8")
    found = read_file_loads(tmp_path / "file_loads.yml", {})
    day = date(2026, 10, 5)

    assert found.deadline_at(("CLARO", "BAJAS"), day) == datetime(2026, 10, 6, 11, tzinfo=UTC)
    assert found.deadline_at(("DOLPHIN", "ROBOS"), day) == datetime(2026, 10, 6, 14, tzinfo=UTC)
    assert found.late_until_at(("DOLPHIN", "BAJAS"), day) == datetime(2026, 10, 19, 23, tzinfo=UTC)
    assert found.deadline_at(("DOLPHIN", "BAJAS"), day) == datetime(2026, 10, 19, 15, tzinfo=UTC)


def test_an_override_with_its_times_in_the_wrong_order_is_refused(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    override = 'overrides: [{file_types: [BAJAS], deadline: "13:00"}]'
    (tmp_path / "file_loads.yml").write_text(text.replace("queue_limit: 10m", override), encoding="utf-8")

    [problem] = check(tmp_path, {})

    assert "CLARO BAJAS a late_until before its deadline" in str(problem)


def test_the_queue_limit_is_that_of_the_rule() -> None:
    rules = (SHIPPED.parents[1] / "rules" / "file_loads.yml").read_text(encoding="utf-8")

    assert read_file_loads(SHIPPED, {}).queue_limit == 600
    assert "> 600" in rules.split("RentesegQueueStuck")[1]
