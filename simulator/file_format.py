"""The daily file: its name, its header, its rows and its trailer.

UTF-8, lines ended by LF, fields parted by `|`. Times are local to Lima. The trailer's checksum is the SHA-256, in
lower-case hexadecimal, of the D lines, each with its LF.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from simulator.data_days import LIMA
from simulator.vocabulary import FileType, Load, Operator

NAME = re.compile(r"([A-Z]+)_([A-Z]+)_([0-9]{8})_([0-9]{2})\.txt")
LAST_SEQUENCE = 99

ROW_FIELDS = {FileType.ALTAS: 9, FileType.BAJAS: 9, FileType.ROBOS: 12, FileType.RECUPERADOS: 10}
"""Fields of a D line: eight in common, then modality, reason, theft or loss with its report, or the release."""


@dataclass(frozen=True)
class FileName:
    """`CLARO_ROBOS_20260226_01.txt`."""

    load: Load
    sequence: int

    def __str__(self) -> str:
        load = self.load
        return f"{load.operator}_{load.file_type}_{load.day:%Y%m%d}_{self.sequence:02d}.txt"


def parse_name(text: str) -> FileName | None:
    """The parts of a file name, or None when it is not one."""
    match = NAME.fullmatch(text)
    if not match or match[4] == "00":
        return None
    try:
        load = Load(Operator(match[1]), FileType(match[2]), parse_day(match[3]))
    except ValueError:
        return None
    return FileName(load, int(match[4]))


def parse_day(text: str) -> date:
    """`AAAAMMDD`; raises ValueError."""
    return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")


def parse_time(text: str) -> datetime:
    """`AAAAMMDDHHMMSS` in Lima; raises ValueError."""
    if not re.fullmatch(r"[0-9]{14}", text):
        raise ValueError("is not AAAAMMDDHHMMSS")
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=LIMA)


def render_time(moment: datetime) -> str:
    """The moment as a file writes it."""
    return f"{moment.astimezone(LIMA):%Y%m%d%H%M%S}"


def checksum(details: Sequence[str]) -> str:
    """The SHA-256 of the D lines."""
    return hashlib.sha256("".join(f"{line}\n" for line in details).encode()).hexdigest()


def render(name: FileName, created_at: datetime, rows: Iterable[Sequence[str]]) -> bytes:
    """A whole file; `rows` hold the fields that follow the sequence number of their line."""
    load = name.load
    day = f"{load.day:%Y%m%d}"
    header = f"H|{load.operator}|{load.file_type}|{day}|{name.sequence:02d}|{render_time(created_at)}"
    details = ["|".join(("D", str(number), *fields)) for number, fields in enumerate(rows, 1)]
    trailer = f"T|{len(details)}|{checksum(details)}"
    return "".join(f"{line}\n" for line in (header, *details, trailer)).encode()
