"""Real files through the simulated provider, one for each F and R error: exporter and own count agree."""

import random
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from exporters.file_loads.main import LoadLogSource
from exporters.file_loads.snapshot import Snapshot
from simulator.data_days import LIMA
from simulator.file_format import FileName, render
from simulator.handsets import row
from simulator.options import Options
from simulator.vocabulary import FileReason, FileType, Load, Operator, RowReason
from tests.exporters.file_loads.load_logs import configuration
from tests.simulator.conftest import MIDNIGHT, Register

DAY = date(2026, 10, 5)
NOON = datetime(2026, 10, 5, 12, 0, tzinfo=LIMA)
ROWS = 40
Rows = list[tuple[str, ...]]


def changed(position: int, value: str) -> Callable[[Sequence[str]], tuple[str, ...]]:
    return lambda fields: (*fields[:position], value, *fields[position + 1 :])


BAD_ROWS: dict[RowReason, Callable[[Sequence[str]], tuple[str, ...]]] = {
    RowReason.IMEI_LENGTH: changed(0, "12345"),
    RowReason.LUHN: changed(0, "001010010000015"),
    RowReason.IMSI: changed(1, "7161"),
    RowReason.MSISDN: changed(2, "51812345678"),
    RowReason.DOCUMENT: changed(3, "09"),
    RowReason.DATE: changed(5, "20261032000000"),
    RowReason.CODE: changed(6, "03"),
    RowReason.DUPLICATE: tuple,
    RowReason.ALREADY_LISTED: changed(0, "001010010000014"),
    RowReason.MISSING_FIELD: lambda fields: tuple(fields[:-1]),
}


class Provider:
    """The simulated provider at midnight, when no operator sends anything by itself."""

    def __init__(self, folder: Path, url: str) -> None:
        self.register = Register(folder, MIDNIGHT, Options(scale=0.01, speed=1), url)
        self.register.rounds()
        self.number = 0
        self.handset = 5_000_000

    def rows(self, file_type: FileType = FileType.ALTAS, count: int = ROWS) -> Rows:
        """Rows of handsets that nobody has reported."""
        first, self.handset = self.handset, self.handset + count
        load = Load(Operator.CLARO, file_type, DAY)
        return [row(load, first + number, NOON, random.Random(number)) for number in range(count)]

    def name(self, file_type: FileType = FileType.ALTAS, day: date = DAY) -> FileName:
        self.number += 1
        return FileName(Load(Operator.CLARO, file_type, day), self.number)

    def send(self, name: object, body: bytes, sender: Operator = Operator.CLARO) -> None:
        self.register.deliver(sender, str(name), body)
        self.register.settle()

    def send_rows(self, rows: Rows, file_type: FileType = FileType.ALTAS) -> None:
        name = self.name(file_type)
        self.send(name, render(name, NOON, rows))


def send_every_file_error(provider: Provider) -> None:
    """F01 to F10, each once."""
    provider.send("altas.txt", b"")
    name = provider.name()
    provider.send(name, render(name, NOON, provider.rows()).replace(b"H|", b"H\xff|"))
    name = provider.name()
    provider.send(name, render(name, NOON, provider.rows()).replace(b"H|CLARO|ALTAS", b"H|CLARO|BAJAS"))
    for trailer in (b"T|41|00", b"T|40|" + b"0" * 64):
        name = provider.name()
        lines = render(name, NOON, provider.rows()).rstrip(b"\n").split(b"\n")[:-1]
        provider.send(name, b"\n".join((*lines, trailer, b"")))
    twice = provider.rows()
    provider.send_rows(twice)
    provider.send_rows(twice)
    name = provider.name()
    provider.send(name, render(name, NOON, provider.rows()), Operator.BITEL)
    name = provider.name(day=date(2026, 8, 1))
    provider.send(name, render(name, NOON, []))
    bad = [(*fields[:2], "999", *fields[3:]) if number < 3 else fields for number, fields in enumerate(provider.rows())]
    provider.send_rows(bad)
    provider.send_rows(provider.rows(count=1))


def send_every_row_error(provider: Provider) -> None:
    """R01 to R11, each in a file of its own; R10 needs a file of cancellations."""
    for reason, spoil in BAD_ROWS.items():
        rows = provider.rows()
        rows[20] = tuple(rows[19]) if reason is RowReason.DUPLICATE else spoil(rows[20])
        provider.send_rows(rows)
    provider.send_rows(provider.rows(FileType.BAJAS), FileType.BAJAS)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_every_error_of_real_files_is_counted_as_an_own_count_does(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/renteseg.db" if engine == "sqlite" else request.getfixturevalue("postgres_url")
    provider = Provider(tmp_path, url)

    def read() -> Snapshot:
        """A new process each time, on the same state."""
        return LoadLogSource(configuration(url), tmp_path / "state", lambda: provider.register.now).read()

    read()
    send_every_file_error(provider)
    read()
    send_every_row_error(provider)
    found = read()

    assert found.totals
    shown = {key: count for key, count in found.totals.shown.items() if count}
    reasons = {key[3]: count for key, count in shown.items() if key[0] == "rejection"}
    row_reasons: dict[str, int] = {}
    for key, count in shown.items():
        if key[0] == "row_error":
            row_reasons[key[3]] = row_reasons.get(key[3], 0) + count
    assert set(reasons) == {reason.value for reason in FileReason}
    assert set(row_reasons) == {reason.value for reason in RowReason}
    for table, figures in OWN_COUNTS.items():
        assert own_count(url, figures) == {
            key[1:]: count for key, count in found.totals.counted.items() if count and key[0] == table
        }, table
    outcomes = {key[1:]: count for key, count in shown.items() if key[0] == "outcome"}
    assert outcomes == own_count(url, OWN_COUNTS["outcome"])


LINE = "operador, coalesce(tipo_archivo, 'unknown')"
OWN_COUNTS = {
    "outcome": f"SELECT {LINE}, CASE estado WHEN 'PROCESADO' THEN 'processed' WHEN 'RECHAZADO' THEN 'rejected' "
    "ELSE 'observed' END, count(*) FROM carga_archivo "
    "WHERE estado IN ('PROCESADO', 'PROCESADO_CON_OBSERVACIONES', 'RECHAZADO') GROUP BY 1, 2, 3",
    "rejection": f"SELECT {LINE}, motivo_rechazo, count(*) FROM carga_archivo WHERE motivo_rechazo IS NOT NULL "
    "GROUP BY 1, 2, 3",
    "row_error": f"SELECT {LINE}, motivo, sum(cantidad) FROM carga_archivo JOIN carga_error_fila ON carga_id = id "
    "GROUP BY 1, 2, 3",
    "rows": f"SELECT {LINE}, 'loaded', sum(registros_ok) FROM carga_archivo GROUP BY 1, 2 HAVING sum(registros_ok) > 0 "
    f"UNION ALL SELECT {LINE}, 'rejected', sum(registros_error) FROM carga_archivo GROUP BY 1, 2 "
    "HAVING sum(registros_error) > 0",
}


def own_count(url: str, statement: str) -> dict[tuple[str, ...], int]:
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text(statement)).all()
    engine.dispose()
    return {tuple(str(part) for part in row[:-1]): int(row[-1]) for row in rows}
