"""The rules of one row: the first one it breaks names the reason it is left out (R01 to R08, R11).

Whether a handset is listed already (R09, R10) is known only when the file is loaded: see `against_lists`.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from simulator.data_days import LIMA
from simulator.file_format import ROW_FIELDS, parse_time
from simulator.imei import ImeiFault, imei_fault
from simulator.vocabulary import PLMN, FileType, Load, RowReason

DOCUMENTS = {
    "01": re.compile(r"[0-9]{8}"),  # DNI
    "02": re.compile(r"[A-Z0-9]{9,12}"),  # carné de extranjería
    "03": re.compile(r"(10|15|16|17|20)[0-9]{9}"),  # RUC
    "04": re.compile(r"[A-Z0-9]{6,12}"),  # passport
}
CODES: dict[FileType, tuple[re.Pattern[str], ...]] = {
    FileType.ALTAS: (re.compile(r"0[12]"),),  # prepaid, postpaid
    FileType.BAJAS: (re.compile(r"0[1-4]"),),  # reason
    FileType.ROBOS: (re.compile(r"[SP]"), re.compile(r"B"), re.compile(r"[A-Z0-9]{6,20}")),
    FileType.RECUPERADOS: (re.compile(r"D"), re.compile(r"[A-Z0-9]{6,20}")),
}
MSISDN = re.compile(r"519[0-9]{8}")
IMSI = re.compile(r"[0-9]{15}")
OLDEST_EVENT = timedelta(days=30)


@dataclass(frozen=True)
class Row:
    """One accepted row. `imei14` identifies the handset."""

    imei14: str
    msisdn: str
    code: str


Fields = Sequence[str]


def judge_rows(details: Iterable[str], load: Load) -> tuple[list[Row], Counter[RowReason]]:
    """The good rows of a file and how many were left out for each reason."""
    rows: list[Row] = []
    faults: Counter[RowReason] = Counter()
    seen: set[str] = set()
    for line in details:
        fields = line.split("|")
        reason = row_fault(fields, load)
        if reason is None and fields[2][:14] in seen:
            reason = RowReason.DUPLICATE
        if reason is not None:
            faults[reason] += 1
            continue
        seen.add(fields[2][:14])
        rows.append(Row(fields[2][:14], fields[4], fields[-1] if len(fields) < 12 else fields[10]))
    return rows, faults


def row_fault(fields: Fields, load: Load) -> RowReason | None:
    """The first rule that a row breaks on its own, or None."""
    return next((reason for reason, holds in RULES if not holds(fields, load)), None)


def against_lists(
    rows: Sequence[Row], file_type: FileType, listed: Collection[str]
) -> tuple[list[Row], Counter[RowReason]]:
    """The rows that change a list, given the handsets already on it; the others are R09 or R10."""
    adds = file_type in (FileType.ALTAS, FileType.ROBOS)
    good = [row for row in rows if (row.imei14 in listed) is not adds]
    reason = RowReason.ALREADY_LISTED if adds else RowReason.NOT_LISTED
    left_out = len(rows) - len(good)
    return good, Counter({reason: left_out} if left_out else {})


def _complete(fields: Fields, load: Load) -> bool:
    return len(fields) == ROW_FIELDS[load.file_type] and all(fields)


def _imei_length(fields: Fields, _load: Load) -> bool:
    return imei_fault(fields[2]) is not ImeiFault.LENGTH


def _luhn(fields: Fields, _load: Load) -> bool:
    return imei_fault(fields[2]) is None


def _imsi(fields: Fields, load: Load) -> bool:
    return bool(IMSI.fullmatch(fields[3])) and fields[3].startswith(PLMN[load.operator])


def _msisdn(fields: Fields, _load: Load) -> bool:
    return bool(MSISDN.fullmatch(fields[4]))


def _document(fields: Fields, _load: Load) -> bool:
    pattern = DOCUMENTS.get(fields[5])
    return bool(pattern and pattern.fullmatch(fields[6]))


def _date(fields: Fields, load: Load) -> bool:
    """The event lies in the thirty days that end with the data day; a theft is not reported before it happens."""
    end = datetime.combine(load.day + timedelta(days=1), time(0), LIMA)
    try:
        times = [parse_time(fields[7]), *([parse_time(fields[11])] if load.file_type is FileType.ROBOS else [])]
    except ValueError:
        return False
    return times == sorted(times) and all(end - OLDEST_EVENT <= moment < end for moment in times)


def _code(fields: Fields, load: Load) -> bool:
    if not (fields[1].isascii() and fields[1].isdigit()):
        return False
    return all(pattern.fullmatch(field) for pattern, field in zip(CODES[load.file_type], fields[8:], strict=False))


RULES: tuple[tuple[RowReason, Callable[[Fields, Load], bool]], ...] = (
    (RowReason.MISSING_FIELD, _complete),
    (RowReason.IMEI_LENGTH, _imei_length),
    (RowReason.LUHN, _luhn),
    (RowReason.IMSI, _imsi),
    (RowReason.MSISDN, _msisdn),
    (RowReason.DOCUMENT, _document),
    (RowReason.DATE, _date),
    (RowReason.CODE, _code),
)
