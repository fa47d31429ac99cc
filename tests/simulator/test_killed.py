"""A process may be killed at any instruction: no file is lost, loaded by halves or loaded twice."""

import random
import signal
import sqlite3
import time
from contextlib import suppress

import pytest

from simulator import lists, load_log, processor
from simulator.faults import Fault
from simulator.folders import Folders
from simulator.vocabulary import FileType, Operator


class Killed(BaseException):
    """Nothing catches this: what has not been done stays undone."""


PLACES = [
    (load_log, "receive"),
    (load_log, "set_state"),
    (load_log, "refuse"),
    (load_log, "write_row_errors"),
    (lists, "load"),
    (processor, "judge"),
    (Folders, "deliver"),
    (Folders, "take_in"),
    (Folders, "archive"),
    (Folders, "prepare"),
    (Folders, "send"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), PLACES, ids=lambda part: getattr(part, "__name__", part))
def test_a_file_finds_its_end_wherever_the_process_is_killed(register, monkeypatch, owner, name, when):
    true_function = getattr(owner, name)

    def fatal(*arguments: object, **more: object) -> None:
        if when == "after":
            true_function(*arguments, **more)
        raise Killed

    register.fault(Fault.MASS_BLOCK)
    register.fault(Fault.REJECT_FILES)
    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(owner, name, fatal)
        register.rounds(10)
    register.start()
    register.clear()
    register.settle()

    assert register.query("SELECT count(*) FROM carga_archivo WHERE motivo_rechazo NOT IN ('F04')") == [(0,)]
    assert_whole(register.query)


def test_a_simulator_killed_again_and_again_loads_every_file_once(own_running):
    chance = random.Random(7)
    for _ in range(5):
        own_running.start()
        time.sleep(chance.uniform(0.1, 0.9))
        own_running.end(signal.SIGKILL)
    own_running.start()
    path = own_running.state / "simulator" / "renteseg.db"

    def query(statement: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    loaded = "SELECT count(DISTINCT operador || tipo_archivo) FROM carga_archivo WHERE estado LIKE 'PROCESADO%'"
    own_running.wait_for(lambda: query(loaded) == [(20,)])
    under_way = "SELECT 1 FROM carga_archivo WHERE secuencia > 0 AND procesado_en IS NULL"
    own_running.wait_for(lambda: not query(under_way))

    assert query("SELECT count(*) FROM carga_archivo WHERE motivo_rechazo IS NOT NULL") == [(0,)]
    assert_whole(query)


def assert_whole(query) -> None:
    """The black list holds what the log says was loaded, not a row more; no name was received twice."""
    logged = """
        SELECT sum(CASE tipo_archivo WHEN 'ROBOS' THEN registros_ok WHEN 'RECUPERADOS' THEN -registros_ok ELSE 0 END)
        FROM carga_archivo WHERE estado LIKE 'PROCESADO%'
    """
    assert query("SELECT count(*) FROM lista_negra") == query(logged)
    assert not query("SELECT 1 FROM carga_archivo WHERE secuencia > 0 GROUP BY nombre_archivo HAVING count(*) > 1")


def test_a_file_lost_by_the_provider_is_the_providers_fault(register):
    register.fault(Fault.QUEUE_STUCK)
    register.rounds(8)
    for path in (register.folder / "accepted" / "BITEL").iterdir():
        path.unlink()

    register.clear()
    register.settle()

    assert register.state(Operator.BITEL, FileType.ROBOS)[1] == "ERROR_PROCESO"
