"""`renteseg simulate`: what it does, and how it refuses."""

import json

import pytest
from typer.testing import CliRunner

from simulator.cli import app

run = CliRunner()


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RENTESEG_STATE", str(tmp_path))
    monkeypatch.setenv("RENTESEG_SIMULATOR_DATABASE_URL", "")
    return tmp_path


def test_a_fault_is_turned_on_for_some_time_and_off_again(state):
    assert run.invoke(app, ["fault", "api-slow", "--for", "10m"]).exit_code == 0
    assert json.loads((state / "simulator" / "faults.json").read_text())["api-slow"]
    assert "api-slow       on until" in run.invoke(app, ["list"]).stdout

    assert run.invoke(app, ["clear", "api-slow"]).stdout == "cleared: api-slow\n"
    assert "api-slow       off" in run.invoke(app, ["list"]).stdout


def test_clear_without_a_name_turns_everything_off():
    run.invoke(app, ["fault", "api-slow"])
    run.invoke(app, ["fault", "link-down"])

    assert run.invoke(app, ["clear"]).stdout == "cleared: api-slow, link-down\n"
    assert run.invoke(app, ["clear"]).stdout == "nothing was on\n"


@pytest.mark.parametrize("command", ["fault", "clear"])
def test_an_unknown_fault_is_refused_naming_those_there_are(command):
    refused = run.invoke(app, [command, "coffee-out"])

    assert refused.exit_code == 1
    assert "coffee-out" in refused.stderr
    assert "portal-down" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("duration", ["ten", "0s", "99999999999999w", "-5m"])
def test_a_wrong_duration_is_wrong_usage(duration, state):
    refused = run.invoke(app, ["fault", "api-slow", f"--for={duration}"])

    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert not (state / "simulator" / "faults.json").exists()


def test_db_down_is_refused_where_it_cannot_be_done(monkeypatch, postgres_server):
    monkeypatch.setenv("RENTESEG_SIMULATOR_DATABASE_URL", postgres_server)

    refused = run.invoke(app, ["fault", "db-down"])

    assert refused.exit_code == 1
    assert "not possible here" in refused.stderr


def test_there_is_no_last_mail_before_the_first():
    assert run.invoke(app, ["mail"]).exit_code == 0
    refused = run.invoke(app, ["mail", "--last"])

    assert refused.exit_code == 1
    assert refused.stderr == "no mail has been received yet\n"


def test_a_wrong_setting_is_named(monkeypatch):
    monkeypatch.setenv("RENTESEG_SMTP_PORT", "mail")

    refused = run.invoke(app, ["list"])

    assert refused.exit_code == 1
    assert "RENTESEG_SMTP_PORT" in refused.stderr


def test_a_folder_that_cannot_be_written_is_refused_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for state in ("/proc/x", str(tmp_path / "file")):
        monkeypatch.setenv("RENTESEG_STATE", state)
        refused = run.invoke(app, ["fault", "api-slow"])
        assert refused.exit_code == 1
        assert refused.stderr.startswith(state)
        assert refused.stderr.count("\n") == 1
