"""Synthetic handsets and the rows that report them: every number follows from the handset's own, nobody's is real."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta

from simulator.data_days import LIMA
from simulator.file_format import render_time
from simulator.imei import synthetic_imei
from simulator.row_rules import Row
from simulator.vocabulary import LINE_SHARE, PLMN, FileType, Load, Operator

DAILY_ROWS = {
    # Thefts are published (about 4,000 a day); the others are [default] figures of a believable size.
    FileType.ALTAS: 30_000,
    FileType.BAJAS: 25_000,
    FileType.ROBOS: 4_000,
    FileType.RECUPERADOS: 400,
}
MONDAY_THEFTS = 1.25
BATCH_ROWS = (100_000, 130_000)
SEEDED_DAYS = 5
FIRST_HANDSET = 1_000
HOURS = (2, 1, 1, 1, 1, 2, 4, 8, 12, 16, 18, 16, 14, 14, 13, 13, 13, 14, 15, 15, 12, 9, 6, 4)
"""How the events of a day spread over its hours; thefts peak at 10:00."""


def usual_rows(operator: Operator, file_type: FileType, scale: float) -> float:
    """The rows of a usual day."""
    return DAILY_ROWS[file_type] * LINE_SHARE[operator] / sum(LINE_SHARE.values()) * scale


def rows_of_the_day(load: Load, scale: float, chance: random.Random) -> int:
    """How many rows this day brings: about the usual number, more thefts on Mondays."""
    monday = load.day.weekday() == 0 and load.file_type is FileType.ROBOS
    rows = usual_rows(load.operator, load.file_type, scale) * chance.uniform(0.9, 1.1)
    return int(rows * (MONDAY_THEFTS if monday else 1) + chance.random())


def batch_rows(scale: float, chance: random.Random) -> int:
    """How many blocks a planned batch brings."""
    return max(1, int(chance.randint(*BATCH_ROWS) * scale))


def seeded_lines(operator: Operator, scale: float) -> int:
    """How many lines an operator had before the simulation began."""
    return 10 + int(SEEDED_DAYS * usual_rows(operator, FileType.BAJAS, scale))


def seeded_rows(operator: Operator, scale: float) -> list[Row]:
    """Those lines, as the white list knows them."""
    numbers = range(seeded_lines(operator, scale))
    handsets = (handset(operator, FileType.ALTAS, number) for number in numbers)
    return [Row(synthetic_imei(each)[:14], _msisdn(each), "01") for each in handsets]


def handset(operator: Operator, file_type: FileType, number: int) -> int:
    """The handset behind an operator's `number`: thefts and lines of five operators never meet."""
    theft = file_type in (FileType.ROBOS, FileType.RECUPERADOS)
    return FIRST_HANDSET + (number * 2 + theft) * len(Operator) + list(Operator).index(operator)


def rows(load: Load, numbers: range, chance: random.Random) -> Iterator[tuple[str, ...]]:
    """The fields of the rows that report these handsets, in order of the events' time."""
    moments = sorted(_moment(load, chance) for _ in numbers)
    for number, moment in zip(numbers, moments, strict=True):
        yield row(load, handset(load.operator, load.file_type, number), moment, chance)


def row(load: Load, each: int, moment: datetime, chance: random.Random) -> tuple[str, ...]:
    """The fields of one row, without line mark and sequence number."""
    common = (
        synthetic_imei(each),
        f"{PLMN[load.operator]}{each:010d}",
        _msisdn(each),
        *_document(each),
        render_time(moment),
    )
    return (*common, *_particulars(load.file_type, each, moment, chance))


def with_defects(good: Sequence[tuple[str, ...]], count: int, chance: random.Random) -> list[tuple[str, ...]]:
    """The rows and `count` spoiled copies of some of them, as a careless export makes them."""
    mixed = list(good)
    for fields in chance.sample(list(good), count):
        spoil = chance.choice(DEFECTS)
        mixed.insert(chance.randrange(len(mixed) + 1), spoil(fields))
    return mixed


def _imei_short(fields: tuple[str, ...]) -> tuple[str, ...]:
    return (fields[0][:-1], *fields[1:])


def _imei_wrong(fields: tuple[str, ...]) -> tuple[str, ...]:
    return (fields[0][:-1] + str((int(fields[0][-1]) + 1) % 10), *fields[1:])


def _line_wrong(fields: tuple[str, ...]) -> tuple[str, ...]:
    return (*fields[:2], fields[2][2:], *fields[3:])


def _document_wrong(fields: tuple[str, ...]) -> tuple[str, ...]:
    return (*fields[:4], fields[4][:-3], *fields[5:])


def _document_empty(fields: tuple[str, ...]) -> tuple[str, ...]:
    return (*fields[:4], "", *fields[5:])


DEFECTS = (_imei_short, _imei_wrong, _line_wrong, _document_wrong, _document_empty)


def _msisdn(each: int) -> str:
    return f"519{each:08d}"


def _document(each: int) -> tuple[str, str]:
    if each % 40 == 7:
        return "02", f"{each:09d}"
    if each % 40 == 13:
        return "03", f"20{each:09d}"
    return "01", f"{10_000_000 + each % 80_000_000:08d}"


def _moment(load: Load, chance: random.Random) -> datetime:
    hour = chance.choices(range(24), HOURS)[0]
    return datetime.combine(load.day, time(hour, chance.randrange(60), chance.randrange(60)), LIMA)


def _particulars(file_type: FileType, each: int, moment: datetime, chance: random.Random) -> tuple[str, ...]:
    report = f"RB{each:010d}"
    if file_type is FileType.ALTAS:
        return (chance.choice(("01", "02")),)
    if file_type is FileType.BAJAS:
        return (chance.choice(("01", "02", "03", "04")),)
    if file_type is FileType.RECUPERADOS:
        return ("D", report)
    end = datetime.combine(moment.date(), time(23, 59, 59), LIMA)
    reported_at = min(moment + timedelta(minutes=chance.randint(5, 180)), end)
    return (chance.choice("SSSP"), "B", report, render_time(reported_at))
