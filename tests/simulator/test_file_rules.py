"""Every rule of the daily file, from a real file in an inbox to the row in the load log."""

import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import pytest

from simulator.data_days import LIMA
from simulator.file_format import FileName, render
from simulator.handsets import row
from simulator.imei import synthetic_imei
from simulator.vocabulary import FileType, Load, Operator

DAY = date(2026, 10, 5)
NOON = datetime(2026, 10, 5, 12, 0, tzinfo=LIMA)
LAST_FREE = 77
FIRST = 5_000_000

Rows = list[tuple[str, ...]]


@pytest.fixture
def register(quiet_register):
    """Where the rules are tried: nobody else sends anything."""
    return quiet_register


def name_of(file_type: FileType = FileType.ALTAS, number: int = LAST_FREE, day: date = DAY) -> FileName:
    return FileName(Load(Operator.CLARO, file_type, day), number)


def good_rows(file_type: FileType = FileType.ALTAS, count: int = 40) -> Rows:
    """Rows of handsets that no operator has reported."""
    load = Load(Operator.CLARO, file_type, DAY)
    return [row(load, FIRST + number, NOON, random.Random(number)) for number in range(count)]


def good_file(file_type: FileType = FileType.ALTAS, rows: Rows | None = None) -> bytes:
    return render(name_of(file_type), NOON, good_rows(file_type) if rows is None else rows)


def with_trailer(body: bytes, trailer: bytes) -> bytes:
    return b"\n".join((*body.rstrip(b"\n").split(b"\n")[:-1], trailer, b""))


def verdict(register, name: str, body: bytes, sender: Operator = Operator.CLARO):
    """State, reason and counts of a file that has come through its sender's inbox."""
    register.deliver(sender, name, body)
    register.settle()
    found = register.query(
        "SELECT id, estado, motivo_rechazo, registros_total, registros_ok, registros_error"
        f" FROM carga_archivo WHERE nombre_archivo = '{name}' ORDER BY id DESC"
    )
    return found[0]


def test_a_good_file_is_loaded(register):
    loaded = verdict(register, str(name_of()), good_file())

    assert tuple(loaded)[1:] == ("PROCESADO", None, 40, 40, 0)
    imei14 = synthetic_imei(FIRST)[:14]
    assert register.query(f"SELECT operador FROM lista_blanca WHERE imei14 = '{imei14}'") == [("CLARO",)]


def test_an_empty_day_still_sends_header_and_trailer(register):
    name = FileName(Load(Operator.DOLPHIN, FileType.RECUPERADOS, DAY), LAST_FREE)

    loaded = verdict(register, str(name), render(name, NOON, []), Operator.DOLPHIN)

    assert tuple(loaded)[1:] == ("PROCESADO", None, 0, 0, 0)


@pytest.mark.parametrize(
    "name",
    [
        "altas.txt",
        "CLARO_ALTAS_20261005_1.txt",
        "CLARO_ALTAS_20261005_00.txt",
        "CLARO_ALTAS_20261305_01.txt",
        "FLASH_ALTAS_20261005_01.txt",
        "CLARO_VENTAS_20261005_01.txt",
        "CLARO_ALTAS_20261005_01.txt.bak",
    ],
)
def test_f01_a_name_that_is_not_one(register, name):
    assert verdict(register, name, good_file())[1:3] == ("RECHAZADO", "F01")


@pytest.mark.parametrize("spoil", [lambda body: body.replace(b"H|", b"H\xff|"), lambda body: body + b"\x00"])
def test_f02_bytes_that_cannot_be_read(register, spoil):
    assert verdict(register, str(name_of()), spoil(good_file()))[1:3] == ("RECHAZADO", "F02")


def test_f02_line_ends_of_another_system(register):
    body = good_file().replace(b"\n", b"\r\n")

    assert verdict(register, str(name_of()), body)[1:3] == ("RECHAZADO", "F02")


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"H|CLARO|ALTAS|20261005|77|", b"D|CLARO|ALTAS|20261005|77|"),
        (b"H|CLARO|ALTAS|20261005|77|", b"H|CLARO|BAJAS|20261005|77|"),
        (b"H|CLARO|ALTAS|20261005|77|", b"H|CLARO|ALTAS|20261004|77|"),
        (b"H|CLARO|ALTAS|20261005|77|", b"H|CLARO|ALTAS|20261005|76|"),
        (b"H|CLARO|ALTAS|20261005|77|2026", b"H|CLARO|ALTAS|20261005|77|x026"),
        (b"H|CLARO|ALTAS|20261005|77|", b"H|NADIE|ALTAS|20261005|77|"),
        (b"H|CLARO|ALTAS|20261005|77|", b"H|CLARO|ALTAS|20261005|"),
    ],
)
def test_f03_a_header_that_does_not_say_what_the_name_says(register, was, becomes):
    assert verdict(register, str(name_of()), good_file().replace(was, becomes))[1:3] == ("RECHAZADO", "F03")


def test_f03_a_file_without_anything(register):
    assert verdict(register, str(name_of()), b"")[1:3] == ("RECHAZADO", "F03")


@pytest.mark.parametrize("trailer", [b"T|41|00", b"T|40", b"X|40|00", b"T|forty|00", b""])
def test_f04_a_trailer_that_is_missing_or_counts_wrong(register, trailer):
    body = with_trailer(good_file(), trailer)

    assert verdict(register, str(name_of()), body)[1:3] == ("RECHAZADO", "F04")


def test_f04_a_line_that_is_no_row(register):
    body = good_file().replace(b"\nD|7|", b"\nE|7|")

    assert verdict(register, str(name_of()), body)[1:3] == ("RECHAZADO", "F04")


def test_f05_a_wrong_checksum(register):
    body = with_trailer(good_file(), b"T|40|" + b"0" * 64)

    assert verdict(register, str(name_of()), body)[1:3] == ("RECHAZADO", "F05")


def test_f06_a_name_received_before(register):
    assert verdict(register, str(name_of()), good_file())[1] == "PROCESADO"

    assert verdict(register, str(name_of()), good_file(rows=good_rows()[:30]))[1:3] == ("RECHAZADO", "F06")


def test_f06_the_same_rows_under_another_number(register):
    assert verdict(register, str(name_of()), good_file())[1] == "PROCESADO"
    again = render(name_of(number=78), NOON, good_rows())

    assert verdict(register, str(name_of(number=78)), again)[1:3] == ("RECHAZADO", "F06")


def test_a_rejected_file_may_be_sent_again_with_the_next_number(register):
    assert verdict(register, str(name_of()), with_trailer(good_file(), b"T|1|0"))[1] == "RECHAZADO"
    again = render(name_of(number=78), NOON, good_rows())

    assert verdict(register, str(name_of(number=78)), again)[1] == "PROCESADO"


def test_f07_a_file_in_another_operators_folder(register):
    sent = verdict(register, str(name_of()), good_file(), sender=Operator.BITEL)

    assert sent[1:3] == ("RECHAZADO", "F07")


def test_f07_a_header_with_another_operators_name(register):
    body = good_file().replace(b"H|CLARO|", b"H|BITEL|")

    assert verdict(register, str(name_of()), body)[1:3] == ("RECHAZADO", "F07")


@pytest.mark.parametrize("days", [1, -8, 400])
def test_f08_a_day_too_old_or_not_over(register, days):
    name = name_of(day=DAY + timedelta(days=days))

    assert verdict(register, str(name), render(name, NOON, []))[1:3] == ("RECHAZADO", "F08")


def test_a_day_of_last_week_is_still_taken(register):
    name = name_of(day=DAY - timedelta(days=6))
    rows = [(*fields[:5], "20260928120000", *fields[6:]) for fields in good_rows()]

    assert verdict(register, str(name), render(name, NOON, rows))[1] == "PROCESADO"


def test_f09_more_than_five_percent_bad_rows(register):
    rows = [(*fields[:2], "999", *fields[3:]) if n < 3 else fields for n, fields in enumerate(good_rows())]

    rejected = verdict(register, str(name_of()), good_file(rows=rows))

    assert tuple(rejected)[1:] == ("RECHAZADO", "F09", 40, 0, 3)
    assert register.query(f"SELECT motivo, cantidad FROM carga_error_fila WHERE carga_id = {rejected[0]}") == [
        ("R04", 3)
    ]


def test_five_percent_bad_rows_are_left_out_and_observed(register):
    rows = [(*fields[:2], "999", *fields[3:]) if n < 2 else fields for n, fields in enumerate(good_rows())]

    loaded = verdict(register, str(name_of()), good_file(rows=rows))

    assert tuple(loaded)[1:] == ("PROCESADO_CON_OBSERVACIONES", None, 40, 38, 2)


@pytest.mark.parametrize("count", [1, 1000])
def test_f10_a_count_far_from_the_usual_one_is_held_not_rejected(register, count):
    body = good_file(rows=good_rows(count=count))

    assert verdict(register, str(name_of()), body)[1:3] == ("REPROCESO_MANUAL", "F10")


def changed(position: int, value: str) -> Callable[[Sequence[str]], tuple[str, ...]]:
    return lambda fields: (*fields[:position], value, *fields[position + 1 :])


BAD_ROWS = [
    ("R01", FileType.ALTAS, changed(0, "12345")),
    ("R01", FileType.ALTAS, changed(0, "00101001000001X")),
    ("R02", FileType.ALTAS, changed(0, "001010010000015")),
    ("R02", FileType.ALTAS, changed(0, "000000000000000")),
    ("R03", FileType.ALTAS, changed(1, "7161")),
    ("R03", FileType.ALTAS, changed(1, "716060000000001")),
    ("R04", FileType.ALTAS, changed(2, "51812345678")),
    ("R05", FileType.ALTAS, changed(3, "09")),
    ("R05", FileType.ALTAS, changed(4, "1234567")),
    ("R06", FileType.ALTAS, changed(5, "20261032000000")),
    ("R06", FileType.ALTAS, changed(5, "20261006000000")),
    ("R06", FileType.ALTAS, changed(5, "20260801000000")),
    ("R06", FileType.ROBOS, changed(9, "20261001000000")),
    ("R07", FileType.ALTAS, changed(6, "03")),
    ("R07", FileType.ROBOS, changed(6, "X")),
    ("R07", FileType.ROBOS, changed(7, "D")),
    ("R07", FileType.ROBOS, changed(8, "¿?")),
    ("R08", FileType.ALTAS, changed(0, synthetic_imei(FIRST + 1))),
    ("R09", FileType.ALTAS, changed(0, "001010010000014")),
    ("R11", FileType.ALTAS, changed(4, "")),
    ("R11", FileType.ALTAS, lambda fields: tuple(fields[:-1])),
    ("R11", FileType.ROBOS, lambda fields: (*fields, "more")),
]


@pytest.mark.parametrize(("reason", "file_type", "spoil"), BAD_ROWS)
def test_a_bad_row_is_left_out_for_its_reason(register, reason, file_type, spoil):
    rows = good_rows(file_type)
    rows[20] = spoil(rows[20])

    loaded = verdict(register, str(name_of(file_type)), good_file(file_type, rows))

    assert tuple(loaded)[1:] == ("PROCESADO_CON_OBSERVACIONES", None, 40, 39, 1)
    assert register.query(f"SELECT motivo, cantidad FROM carga_error_fila WHERE carga_id = {loaded[0]}") == [
        (reason, 1)
    ]


@pytest.mark.parametrize("file_type", [FileType.BAJAS, FileType.RECUPERADOS])
def test_r10_what_is_on_no_list_cannot_leave_it(register, file_type):
    loaded = verdict(register, str(name_of(file_type)), good_file(file_type))

    assert tuple(loaded)[1:] == ("PROCESADO_CON_OBSERVACIONES", None, 40, 0, 40)
    assert register.query(f"SELECT motivo, cantidad FROM carga_error_fila WHERE carga_id = {loaded[0]}") == [
        ("R10", 40)
    ]


def test_theft_and_recovery_move_a_handset_onto_the_black_list_and_off_it(register):
    imei14 = synthetic_imei(FIRST)[:14]
    on_the_list = f"SELECT count(*) FROM lista_negra WHERE imei14 = '{imei14}'"
    verdict(register, str(name_of(FileType.ROBOS)), good_file(FileType.ROBOS))
    assert register.query(on_the_list) == [(1,)]

    verdict(register, str(name_of(FileType.RECUPERADOS)), good_file(FileType.RECUPERADOS))

    assert register.query(on_the_list) == [(0,)]


def test_a_hostile_file_name_is_one_more_rejected_file(register):
    register.deliver(Operator.CLARO, "';DROP TABLE carga_archivo;--" + "x" * 200, b"\xff\x00")
    register.settle()

    assert register.query(
        "SELECT motivo_rechazo, tipo_archivo FROM carga_archivo WHERE secuencia = 0 AND estado = 'RECHAZADO'"
    ) == [("F01", None)]
