"""The book of faults and the database outage: what is on, until when, and who notices."""

import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from groundwork.problems import ConfigurationError
from simulator.database import Database, DatabaseAway
from simulator.faults import Fault, FaultBook
from simulator.options import read_options
from tests.simulator.conftest import EARLY, Register


@pytest.fixture
def book(tmp_path: Path) -> FaultBook:
    return FaultBook(tmp_path / "faults.json")


def test_a_fault_lasts_until_it_is_cleared(book):
    book.start(Fault.API_SLOW, None, EARLY)
    assert book.active(EARLY + timedelta(days=9)) == {Fault.API_SLOW}

    assert list(book.clear(Fault.API_SLOW, EARLY)) == [Fault.API_SLOW]
    assert not book.active(EARLY)


def test_a_fault_with_an_end_ends_by_itself(book):
    book.start(Fault.API_SLOW, EARLY + timedelta(minutes=10), EARLY)

    assert book.active(EARLY + timedelta(minutes=9, seconds=59))
    assert not book.active(EARLY + timedelta(minutes=10))


def test_faults_survive_the_process_that_asked_for_them(book, tmp_path):
    book.start(Fault.API_SLOW, None, EARLY)
    book.start(Fault.LINK_DOWN, EARLY + timedelta(hours=1), EARLY)

    assert FaultBook(tmp_path / "faults.json").active(EARLY) == {Fault.API_SLOW, Fault.LINK_DOWN}
    assert json.loads((tmp_path / "faults.json").read_text()) == {
        "api-slow": None,
        "link-down": "2026-10-06T09:00:00+00:00",
    }


@pytest.mark.parametrize("content", ["", "{", "[]", '{"no-such-fault": null}', '{"api-slow": 7}', "\xff"])
def test_an_unreadable_file_means_no_fault(book, tmp_path, content):
    (tmp_path / "faults.json").write_bytes(content.encode("latin-1"))

    assert not book.active(EARLY)


def test_a_database_that_is_down_is_down_for_everybody(register):
    path = register.folder / "renteseg.db"
    held = sqlite3.connect(path, timeout=0.1)  # a client that keeps the file open
    assert held.execute("SELECT count(*) FROM carga_archivo").fetchone()[0] > 0

    register.fault(Fault.DB_DOWN)
    register.rounds()

    assert not path.exists()
    with pytest.raises(DatabaseAway):
        register.query("SELECT 1")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        held.execute("SELECT count(*) FROM carga_archivo")
    with pytest.raises(sqlite3.OperationalError):
        sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("SELECT 1 FROM carga_archivo")

    register.clear()
    register.rounds()
    assert held.execute("SELECT count(*) FROM carga_archivo").fetchone()[0] > 0
    assert register.query("SELECT 1") == [(1,)]


def test_a_file_that_a_careless_client_creates_meanwhile_does_not_stay(register):
    register.fault(Fault.DB_DOWN)
    register.rounds()
    sqlite3.connect(register.folder / "renteseg.db").execute("CREATE TABLE intruder (x)").connection.close()

    register.clear()
    register.rounds()

    assert register.query("SELECT count(*) FROM carga_archivo")[0][0] > 0


def test_a_database_outage_outlives_a_killed_simulator(register):
    register.fault(Fault.DB_DOWN)
    register.rounds()
    register.start()
    register.rounds()
    with pytest.raises(DatabaseAway):
        register.query("SELECT 1")

    register.clear()
    register.start()
    register.rounds()

    assert register.query("SELECT count(*) FROM carga_archivo")[0][0] > 0


def test_everything_works_on_postgresql_too(tmp_path, postgres_url):
    register = Register(tmp_path, url=postgres_url)
    register.settle()
    received = register.query("SELECT recibido_en, pg_typeof(recibido_en)::text FROM carga_archivo WHERE secuencia = 1")
    assert len(received) == 20
    assert received[0][0].tzinfo
    assert received[0][1] == "timestamp with time zone"

    register.fault(Fault.MASS_BLOCK)
    register.settle()
    assert register.query("SELECT count(*) FROM lista_negra")[0][0] > 1_000


def test_a_postgresql_database_that_is_down_refuses_everybody(tmp_path, postgres_url):
    register = Register(tmp_path, url=postgres_url)
    register.rounds()
    assert register.database.outage_refusal() is None
    with create_engine(postgres_url).connect() as held:
        held.execute(text("SELECT 1"))
        register.fault(Fault.DB_DOWN)
        register.rounds()
        with pytest.raises(Exception, match="terminat"):
            held.execute(text("SELECT 1"))
    with pytest.raises(DatabaseAway, match="not currently accepting connections"):
        register.query("SELECT 1")

    register.clear()
    register.rounds()
    assert register.query("SELECT 1") == [(1,)]


def test_the_servers_own_database_cannot_be_taken_away(postgres_server):
    refusal = Database(postgres_server).outage_refusal()

    assert refusal and "one of its own" in refusal


@pytest.mark.parametrize("address", ["mysql://host/x", "sqlite://"])
def test_another_kind_of_database_is_refused(address):
    with pytest.raises(ConfigurationError, match="RENTESEG_SIMULATOR_DATABASE_URL"):
        Database(address)


@pytest.mark.parametrize(
    ("name", "value"), [("SCALE", "0"), ("SCALE", "2"), ("SCALE", "many"), ("SPEED", "0.5"), ("SPEED", "nan")]
)
def test_a_wrong_option_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"RENTESEG_SIMULATOR_{name}", value)

    with pytest.raises(ConfigurationError, match=f"RENTESEG_SIMULATOR_{name}"):
        read_options()
