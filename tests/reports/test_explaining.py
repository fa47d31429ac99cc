"""`report explain` and `report export`: each minute's reasons, and the figures as tables."""

import csv
import json
from pathlib import Path

import duckdb
import pytest

from groundwork.problems import Away, Refused
from reports.explain_command import explain_command
from reports.export import COLUMNS, as_csv, export_command, tables
from reports.monthly_report import MonthlyReport
from tests.processes import run_renteseg
from tests.reports.conftest import October

MONTH = "2026-10"


def explained(
    october: October, capsys: pytest.CaptureFixture[str], component: str, day: int | None
) -> list[dict[str, object]]:
    explain_command(october.settings, MONTH, component, day, as_json=True)
    minutes: list[dict[str, object]] = json.loads(capsys.readouterr().out)["minutes"]
    return minutes


def test_every_minute_that_was_not_up_has_its_samples_incident_and_rule(
    october: October, capsys: pytest.CaptureFixture[str]
) -> None:
    minutes = explained(october, capsys, "portal-web", 5)

    down = [one for one in minutes if one["state"] == "down"]
    assert len(down) == 60
    assert down[0]["minute"] == "2026-10-05T14:00:00Z"
    assert down[0]["samples"] == [{"at": "2026-10-05T14:00:07Z", "up": False, "instance": "a:9801"}]
    assert {one["rule"] for one in down} == {"samples_down"}
    assert (down[0]["reasons"], down[-1]["reasons"]) == (["status", "timeout"], ["status"])
    assert all(one["incidents"] == [1] for one in minutes)  # from where the outage began, not from the ticket on
    assert sum(one["rule"] == "relapse" and one["counts"] for one in minutes) == 110


@pytest.mark.parametrize(
    ("component", "day", "rule", "count"),
    [
        ("api-imei", 12, "maintenance", 60),
        ("base-datos", 18, "samples_down", 90),
        ("portal-web", 20, "filled_up", 120),
        ("portal-web", 25, "no_samples", 20),
        ("sftp-nuevo", 1, "no_samples", 1440),
    ],
)
def test_each_rule_is_named(
    october: October, capsys: pytest.CaptureFixture[str], component: str, day: int, rule: str, count: int
) -> None:
    """Semantics 22, 24, 25 and 26."""
    minutes = explained(october, capsys, component, day)

    assert [one["rule"] for one in minutes] == [rule] * count
    assert {one["excluded"] for one in minutes} == {component == "base-datos"}


def test_people_read_it_as_a_table(october: October, capsys: pytest.CaptureFixture[str]) -> None:
    explain_command(october.settings, MONTH, "portal-web", 5, as_json=False)

    told = " ".join(capsys.readouterr().out.split())
    assert "portal-web: minutos que no fueron operativos sin más" in told
    assert "05/10/2026" in told


def test_what_is_not_there_is_refused(october: October) -> None:
    with pytest.raises(Refused, match="no component of 2026-10; there are: api-imei"):
        explain_command(october.settings, MONTH, "nadie", None, as_json=True)
    with pytest.raises(Refused, match="has no day 32"):
        explain_command(october.settings, MONTH, "portal-web", 32, as_json=True)
    with pytest.raises(Refused, match="is not a month"):
        explain_command(october.settings, "octubre", "portal-web", None, as_json=True)


def test_the_tables_have_their_columns_and_no_formula(report: MonthlyReport) -> None:
    for name, rows in tables(report).items():
        assert rows
        assert all(set(row) == set(COLUMNS[name]) for row in rows), name
        read = list(csv.DictReader(as_csv(rows, COLUMNS[name]).splitlines()))
        assert len(read) == len(rows)
        assert not [cell for row in read for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


def test_parquet_holds_the_same(october: October, report: MonthlyReport) -> None:
    export_command(october.settings, MONTH, october.folder / "tablas", "parquet")

    with duckdb.connect(":memory:") as database:
        path = str(october.folder / "tablas" / f"components-{MONTH}.parquet")
        found = dict(database.execute("SELECT name, down FROM read_parquet(?)", [path]).fetchall())
        kinds = database.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
    assert found == {one.name: one.figures.minutes.down for one in report.components}
    assert {kind[1] for kind in kinds} == {"VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN"}


def test_the_command_line_makes_the_files_and_says_when_a_source_is_away(october: October, tmp_path: Path) -> None:
    made = run_renteseg("report", "monthly", MONTH, "--out", str(tmp_path / "uno"), environment=october.environment)
    away = {**october.environment, "RENTESEG_PROMETHEUS_URL": "http://127.0.0.1:9"}
    without = run_renteseg("report", "monthly", MONTH, "--out", str(tmp_path / "dos"), environment=away)
    wrong = run_renteseg("report", "monthly", "2026-13", environment=october.environment)

    assert (made.returncode, made.stderr) == (0, "")
    assert [line.rpartition("/")[2] for line in made.stdout.split()] == [
        f"disponibilidad-{MONTH}-borrador.{form}" for form in ("pdf", "xlsx", "json")
    ]
    assert without.returncode == 3
    assert len(list((tmp_path / "dos").iterdir())) == 3
    assert "Prometheus no respondió" in without.stderr
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (1, 1)


def test_explaining_without_prometheus_says_that_it_is_away(october: October) -> None:
    october.settings.prometheus_url = "http://127.0.0.1:9"
    with pytest.raises(Away):
        explain_command(october.settings, MONTH, "portal-web", 5, as_json=True)
