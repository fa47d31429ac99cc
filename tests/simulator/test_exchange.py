"""The day of the exchange: what operators send, when, and what the load log says of it; each fault of the exchange."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from simulator.data_days import LIMA
from simulator.faults import Fault
from simulator.file_format import LAST_SEQUENCE
from simulator.imei import imei_fault
from simulator.notebook import Notebook, Sent
from simulator.options import Options
from simulator.vocabulary import FileType, Load, Operator
from tests.simulator.conftest import AFTERNOON, DAY, EARLY, MIDNIGHT, MORNING, Register

LOADED = {"PROCESADO", "PROCESADO_CON_OBSERVACIONES"}
EVERY_LOAD = len(Operator) * len(FileType)


def test_every_load_of_the_day_is_expected_from_its_start(empty_register):
    empty_register.fault(Fault.LINK_DOWN)
    empty_register.rounds()

    expected = empty_register.query(
        "SELECT fecha_datos, estado, secuencia, count(*) FROM carga_archivo GROUP BY 1, 2, 3"
    )

    assert expected == [(DAY.isoformat(), "ESPERADO", 0, EVERY_LOAD)]


def test_the_first_files_are_loaded_within_seconds(empty_register):
    started = empty_register.now
    empty_register.settle()

    assert empty_register.now - started < timedelta(seconds=15)
    states = empty_register.query("SELECT estado, count(*) FROM carga_archivo WHERE secuencia = 1 GROUP BY 1")
    assert {state for state, _ in states} <= LOADED
    assert sum(count for _, count in states) == EVERY_LOAD


def test_times_in_the_log_are_utc_and_in_order(register):
    rows = register.query("SELECT recibido_en, encolado_en, procesado_en FROM carga_archivo WHERE secuencia = 1")

    for row in rows:
        times = [datetime.fromisoformat(text) for text in row]
        assert all(text.endswith("+00:00") for text in row)
        assert times == sorted(times)


def test_files_are_written_in_the_format(register):
    files = list((register.folder / "archive" / "CLARO").glob("*CLARO_ROBOS_20261005_01.txt"))
    header, *details, trailer = files[0].read_text().splitlines()

    assert header.startswith("H|CLARO|ROBOS|20261005|01|20261006")
    digest = hashlib.sha256("".join(f"{line}\n" for line in details).encode()).hexdigest()
    assert trailer == f"T|{len(details)}|{digest}"
    for line in details:
        fields = line.split("|")
        assert imei_fault(fields[2]) is None
        assert fields[2].startswith("00101001")
        assert fields[3].startswith("71610")


def test_each_load_sends_again_after_its_period(register):
    register.now = EARLY + timedelta(minutes=17)
    register.settle()

    numbers = register.query(
        f"SELECT max(secuencia) FROM carga_archivo WHERE fecha_datos = '{DAY}' GROUP BY operador, tipo_archivo"
    )

    assert numbers == [(2,)] * EVERY_LOAD


def test_operators_report_no_handset_twice_and_none_that_is_not_listed(tmp_path):
    register = Register(tmp_path, EARLY, Options(scale=0.01, speed=5760))
    register.rounds(40, seconds=15)

    assert register.query("SELECT count(*) FROM carga_archivo WHERE motivo_rechazo IS NOT NULL") == [(0,)]
    assert register.query("SELECT count(*) FROM carga_error_fila WHERE motivo IN ('R09', 'R10')") == [(0,)]


def test_a_new_day_begins_at_midnight_in_lima(tmp_path):
    register = Register(tmp_path, datetime(2026, 10, 6, 23, 59, 30, tzinfo=LIMA).astimezone(UTC))
    register.settle()
    assert register.query("SELECT DISTINCT fecha_datos FROM carga_archivo") == [("2026-10-05",)]

    register.now = datetime(2026, 10, 7, 0, 0, 0, tzinfo=LIMA).astimezone(UTC)
    register.settle()

    days = register.query("SELECT fecha_datos, count(*) FROM carga_archivo WHERE secuencia = 1 GROUP BY 1 ORDER BY 1")
    assert days == [("2026-10-05", EVERY_LOAD), ("2026-10-06", EVERY_LOAD)]


def test_in_real_time_files_come_between_two_and_a_quarter_to_six(tmp_path):
    register = Register(tmp_path, MIDNIGHT, Options(scale=0.01, speed=1))
    while register.now < datetime(2026, 10, 6, 6, 30, tzinfo=LIMA):
        register.rounds(4)
        register.now += timedelta(minutes=5)

    first, last, count = register.query(
        "SELECT min(recibido_en), max(recibido_en), count(*) FROM carga_archivo WHERE secuencia > 0"
    )[0]
    assert count == EVERY_LOAD
    assert datetime(2026, 10, 6, 2, 0, tzinfo=LIMA) <= datetime.fromisoformat(first)
    assert datetime.fromisoformat(last) <= datetime(2026, 10, 6, 6, 0, tzinfo=LIMA)


def test_a_first_file_after_the_deadline_is_late_before_it_is_processed(tmp_path):
    register = Register(tmp_path, MORNING)
    register.rounds(1)
    assert register.state(Operator.CLARO, FileType.ALTAS)[1] == "TARDIO"

    register.settle()

    assert register.state(Operator.CLARO, FileType.ALTAS)[1] in LOADED


def test_a_load_that_never_comes_is_missing_after_noon(tmp_path):
    register = Register(tmp_path, MORNING)
    register.fault(Fault.LINK_DOWN)
    register.rounds(3, seconds=70)
    assert register.state(Operator.CLARO, FileType.ALTAS)[1] == "ESPERADO"

    register.now = AFTERNOON
    register.rounds()

    assert register.query("SELECT DISTINCT estado FROM carga_archivo") == [("NO_RECIBIDO",)]


def test_old_files_do_not_pile_up(register):
    assert list((register.folder / "archive").glob("*/*.txt"))

    register.fault(Fault.LINK_DOWN)
    register.now = datetime.now(UTC) + timedelta(days=3)
    register.rounds()

    assert not list((register.folder / "archive").glob("*/*.txt"))


def test_reject_files_brings_rejections_at_once_and_heals_when_cleared(register):
    register.fault(Fault.REJECT_FILES)
    register.settle()
    assert register.state(Operator.CLARO, FileType.ROBOS) == (2, "RECHAZADO", "F04")

    register.rounds(2, seconds=11)
    register.settle()
    assert register.state(Operator.CLARO, FileType.ROBOS) == (4, "RECHAZADO", "F04")

    register.clear()
    register.settle()
    assert register.state(Operator.CLARO, FileType.ROBOS) == (5, "PROCESADO", None)


def test_a_number_is_left_for_healing_however_long_files_are_rejected(register):
    notes = register.folder / "operators.json"
    notebook = Notebook.model_validate_json(notes.read_bytes())
    notebook.note(Load(Operator.CLARO, FileType.ROBOS, DAY), Sent(day=DAY, sequence=95, at=register.now))
    notes.write_text(notebook.model_dump_json())
    register.start()

    register.fault(Fault.REJECT_FILES)
    register.rounds(6, seconds=61)
    assert register.state(Operator.CLARO, FileType.ROBOS) == (LAST_SEQUENCE - 1, "RECHAZADO", "F04")

    register.clear()
    register.settle()
    assert register.state(Operator.CLARO, FileType.ROBOS) == (LAST_SEQUENCE, "PROCESADO", None)


def test_corrupt_file_brings_an_unreadable_file_and_heals_when_cleared(register):
    register.fault(Fault.CORRUPT_FILE)
    register.settle()
    assert register.state(Operator.ENTEL, FileType.ALTAS) == (2, "RECHAZADO", "F02")

    register.clear()
    register.settle()
    assert register.state(Operator.ENTEL, FileType.ALTAS)[:2][1] in LOADED


@pytest.mark.parametrize(("now", "state"), [(EARLY, "ESPERADO"), (MORNING, "ESPERADO"), (AFTERNOON, "NO_RECIBIDO")])
def test_missing_file_takes_the_load_out_of_the_log_until_it_is_sent(register, now, state):
    register.fault(Fault.LINK_DOWN)  # so that no regular file comes in between
    register.now = now
    register.fault(Fault.MISSING_FILE)
    register.rounds(2)
    assert register.state(Operator.DOLPHIN, FileType.BAJAS) == (0, state, None)

    register.clear()
    register.rounds(2)
    received = register.state(Operator.DOLPHIN, FileType.BAJAS)
    register.settle()

    assert received[0] == 2
    assert register.state(Operator.DOLPHIN, FileType.BAJAS)[:2] == (2, "PROCESADO")


def test_missing_file_before_the_first_file_withholds_it(empty_register):
    empty_register.fault(Fault.MISSING_FILE)
    empty_register.settle()
    assert empty_register.state(Operator.DOLPHIN, FileType.BAJAS) == (0, "ESPERADO", None)

    empty_register.now = MORNING
    empty_register.clear()
    empty_register.rounds(2)
    states = {empty_register.state(Operator.DOLPHIN, FileType.BAJAS)[1]}
    empty_register.settle()

    assert states <= {"TARDIO", "VALIDANDO", "ENCOLADO"}
    assert empty_register.state(Operator.DOLPHIN, FileType.BAJAS)[:2] == (1, "PROCESADO")


def test_queue_stuck_leaves_files_in_the_queue_until_it_is_cleared(register):
    register.fault(Fault.QUEUE_STUCK)
    register.rounds(20)
    assert register.state(Operator.BITEL, FileType.ROBOS)[1] == "ENCOLADO"

    register.clear()
    register.settle()
    assert register.state(Operator.BITEL, FileType.ROBOS)[1] in LOADED


def test_link_down_makes_files_pile_up_and_arrive_afterwards(register):
    register.fault(Fault.LINK_DOWN)
    register.now = EARLY + timedelta(minutes=17)
    register.rounds(8)
    assert register.query("SELECT max(secuencia) FROM carga_archivo") == [(1,)]
    assert len(list((register.folder / "outbox").glob("*/*.txt"))) == EVERY_LOAD

    register.clear()
    register.settle()
    assert register.query("SELECT count(*) FROM carga_archivo WHERE secuencia = 2") == [(EVERY_LOAD,)]


def test_mass_block_is_loaded_once_and_not_held(register):
    before = register.query("SELECT count(*) FROM lista_negra")[0][0]
    register.fault(Fault.MASS_BLOCK)
    register.settle()
    register.rounds(10)

    assert register.state(Operator.MOVISTAR, FileType.ROBOS)[0] == 2
    assert register.state(Operator.MOVISTAR, FileType.ROBOS)[1] in LOADED
    assert 1_000 <= register.query("SELECT count(*) FROM lista_negra")[0][0] - before <= 1_300


def test_a_restart_in_the_middle_of_a_fault_does_not_repeat_it(register):
    register.fault(Fault.MASS_BLOCK)
    register.settle()

    register.start()
    register.settle()

    assert register.state(Operator.MOVISTAR, FileType.ROBOS)[0] == 2


def test_a_new_database_makes_the_operators_begin_anew(register):
    (register.folder / "renteseg.db").unlink()

    register.start()
    register.settle()

    assert register.query("SELECT count(*) FROM carga_archivo WHERE motivo_rechazo IS NOT NULL") == [(0,)]
    assert register.query("SELECT count(*) FROM carga_error_fila WHERE motivo = 'R10'") == [(0,)]


def test_files_that_come_while_the_database_is_down_are_loaded_afterwards(register):
    register.fault(Fault.DB_DOWN)
    register.now = EARLY + timedelta(minutes=17)
    register.rounds(8)

    register.clear()
    register.settle()

    assert register.query("SELECT count(*) FROM carga_archivo WHERE secuencia = 2") == [(EVERY_LOAD,)]
