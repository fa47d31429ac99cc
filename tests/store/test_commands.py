"""The store from the command line: what cannot be is one line that says what to do, and never a secret."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from groundwork.problems import ConfigurationError, Refused
from groundwork.settings import Settings
from incident_store.commands import show_command
from incident_store.database import open_store, upgrade, use_store
from incident_store.domain.lifecycle import Role
from incident_store.people import add_person
from incident_store.queries import find_incident
from incident_store.store import record
from incident_store.terminal import print_incident
from tests.builders import PORTAL_DOWN, at, firing, shipped_policy
from tests.processes import ROOT, renteseg, run_renteseg

PASSWORD = "correct horse battery"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@h:abc/x",
        "postgresql://u@h:99999/x",
        "sqlite+foo:////tmp/x.db",
        "mysql://x",
        "sqlite://",
        "sqlite:////tmp/x.db?mode=ro",
        "sqlite:////proc/x/y.db",
        "nonsense",
        "",
    ],
)
def test_a_url_of_no_store_is_refused_by_the_settings_name(url: str) -> None:
    with pytest.raises(ConfigurationError, match="RENTESEG_DATABASE_URL"):
        open_store(url)


def test_a_store_whose_folder_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for below in ("x.db", "y/x.db"):
        with pytest.raises(ConfigurationError, match="cannot be made"):
            open_store(f"sqlite:///{tmp_path}/file/{below}")


def test_a_person_without_tables_to_stand_in_is_one_line_without_the_password(store_url: str, tmp_path: Path) -> None:
    done = run_renteseg(
        *("user", "add", "ana", "--role", "analyst", "--password-file", "-"),
        environment={"RENTESEG_STATE": str(tmp_path), "RENTESEG_DATABASE_URL": store_url},
        given=PASSWORD + "\n",
    )
    assert done.returncode == 3
    assert "renteseg db check" in done.stderr
    assert len(done.stderr.strip().split("\n")) == 1
    assert "argon2" not in done.stderr
    assert PASSWORD not in done.stderr


def test_a_password_that_is_not_utf_8_is_refused_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        renteseg("user", "add", "ana", "--role", "analyst", "--password-file", "-"),
        input=b"\xff\xfe" * 20,
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={"RENTESEG_STATE": str(tmp_path), "PYTHONUTF8": "1"},
    )
    assert (done.returncode, len(done.stderr.strip().split(b"\n"))) == (1, 1)
    assert b"not UTF-8" in done.stderr


@pytest.mark.parametrize("name", ["an\x1b[31ma", "ana\n", "an\x9ba", "\udcff", "", "x" * 65])
def test_a_name_that_steers_a_terminal_or_is_no_text_is_refused(name: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/incidents.db"
    upgrade(url)
    with use_store(url) as engine, pytest.raises(Refused):
        add_person(engine, name, Role.ANALYST, PASSWORD)


def test_a_number_beyond_every_store_is_an_incident_that_is_not_there(store_url: str, tmp_path: Path) -> None:
    upgrade(store_url)
    settings = Settings(state=tmp_path, database_url=store_url, config=ROOT / "config")
    for number in (2**63, -(2**70)):
        with pytest.raises(Refused, match="there is no incident"):
            show_command(settings, number, explain=False, as_json=False)


def test_a_store_of_a_newer_program_is_refused_in_one_line(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/incidents.db"
    upgrade(url)
    with use_store(url) as engine, engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Refused, match="version"):
        upgrade(url)


def test_labels_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url, policy = f"sqlite:///{tmp_path}/incidents.db", shipped_policy()
    upgrade(url)
    with use_store(url) as engine:
        record(engine, [firing(0, labels={**PORTAL_DOWN, "component": "x\x1b[2J\x9b1m"})], [], policy, at(60))
        with engine.connect() as connection:
            found = find_incident(connection, 1)
    assert found is not None
    print_incident(*found, policy, at(60) + timedelta(hours=1), explain=True)
    shown = capsys.readouterr().out
    assert "Incidencia 1" in shown
    assert not any(character in shown for character in "\x1b\x9b")
