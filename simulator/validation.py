"""The rules of a whole file (F01 to F10): bytes and context in, a named verdict out."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

from simulator.file_format import FileName, checksum, parse_name, parse_time
from simulator.row_rules import Row, judge_rows
from simulator.vocabulary import FileReason, Operator, RowReason

DAYS_ACCEPTED = 7
"""How many days back a file may reach: room for regularisations after an outage."""
BAD_ROWS_PERCENT = 5
UNUSUAL_FACTOR = 5
ROWS_WORTH_COMPARING = 20

UNREADABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
"""Control characters other than LF: a carriage return too, for it would change the checksum."""


@dataclass(frozen=True)
class Context:
    """What a file is judged against besides itself.

    `sender` is known from the folder the file came through; `today` is the day in Lima; `sequences` and `checksums`
    are those of the load's earlier files (checksums: of the accepted ones); `usual_rows` is the count of rows on a
    usual day; `planned` says that this very file was announced as a batch.
    """

    sender: Operator
    today: date
    usual_rows: float
    sequences: frozenset[int] = frozenset()
    checksums: frozenset[str] = frozenset()
    planned: bool = False


@dataclass(frozen=True)
class Verdict:
    """Why the file is refused or held, or None; and, as far as it could be read, what is in it."""

    reason: FileReason | None
    total: int = 0
    rows: tuple[Row, ...] = ()
    faults: Counter[RowReason] = field(default_factory=Counter)
    checksum: str = ""


@dataclass(frozen=True)
class Frame:
    """The lines of a file."""

    header: list[str]
    details: list[str]
    trailer: list[str]


def judge(file_name: str, body: bytes, context: Context) -> Verdict:
    """The verdict on a file; the rules are tried in the order in which the provider's system can know them."""
    name = parse_name(file_name)
    if name is None:
        return Verdict(FileReason.NAME)
    text = decode(body)
    reason = judge_name(name, context) or (None if text is not None else FileReason.UNREADABLE)
    if reason or text is None:
        return Verdict(reason)
    frame = split(text)
    reason = judge_header(frame, name, context) or judge_trailer(frame)
    if reason:
        return Verdict(reason)
    return judge_content(frame, name, context)


def decode(body: bytes) -> str | None:
    """The file's text, or None when it is not readable UTF-8."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if UNREADABLE.search(text) else text


def split(text: str) -> Frame:
    """First line, lines between, last line."""
    lines = text.removesuffix("\n").split("\n")
    return Frame(lines[0].split("|"), lines[1:-1], lines[-1].split("|"))


def judge_name(name: FileName, context: Context) -> FileReason | None:
    """F07, F08, F06: what the name alone tells."""
    if name.load.operator is not context.sender:
        return FileReason.WRONG_OPERATOR
    if not context.today - timedelta(days=DAYS_ACCEPTED) <= name.load.day < context.today:
        return FileReason.DATE_OUT_OF_RANGE
    return FileReason.DUPLICATE if name.sequence in context.sequences else None


def judge_header(frame: Frame, name: FileName, context: Context) -> FileReason | None:
    """F03 for a header that does not say what the name says, F07 when it names another operator."""
    load = name.load
    header = frame.header
    if len(header) != 6 or header[0] != "H" or not _is_time(header[5]):
        return FileReason.HEADER
    if header[1] in set(Operator) and header[1] != context.sender:
        return FileReason.WRONG_OPERATOR
    expected = [load.operator, load.file_type, f"{load.day:%Y%m%d}", f"{name.sequence:02d}"]
    return None if header[1:5] == expected else FileReason.HEADER


def judge_trailer(frame: Frame) -> FileReason | None:
    """F04 for a missing trailer or a wrong count, F05 for a wrong checksum."""
    trailer = frame.trailer
    if len(trailer) != 3 or trailer[0] != "T" or not all(line.startswith("D|") for line in frame.details):
        return FileReason.TRAILER
    if trailer[1] != str(len(frame.details)):
        return FileReason.TRAILER
    return None if trailer[2].lower() == checksum(frame.details) else FileReason.CHECKSUM


def judge_content(frame: Frame, name: FileName, context: Context) -> Verdict:
    """F06 for rows already received under another name, F09 and F10 for what their number tells."""
    total = len(frame.details)
    digest = frame.trailer[2].lower()
    rows, faults = judge_rows(frame.details, name.load)
    reason = None
    if total and digest in context.checksums:
        reason = FileReason.DUPLICATE
    elif faults.total() * 100 > total * BAD_ROWS_PERCENT:
        reason = FileReason.TOO_MANY_BAD_ROWS
    elif not context.planned and is_unusual(total, context.usual_rows):
        reason = FileReason.UNUSUAL_COUNT
    return Verdict(reason, total, tuple(rows), faults, digest)


def is_unusual(total: int, usual: float) -> bool:
    """Whether a count lies far from the usual one; a handful of rows is never unusual."""
    if total > UNUSUAL_FACTOR * max(usual, ROWS_WORTH_COMPARING):
        return True
    return usual >= ROWS_WORTH_COMPARING and total * UNUSUAL_FACTOR < usual


def _is_time(text: str) -> bool:
    try:
        parse_time(text)
    except ValueError:
        return False
    return True
