"""What a file from outside really is: its content must be what its name says, and of a kind that does nothing.

Taken: text, PDF, pictures, documents and sheets without macros, mails, and archives of these. Everything else is
refused by saying what was expected; nothing is guessed and nothing is run.
"""

import codecs
import mimetypes
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from io import BytesIO
from typing import IO

import filetype

from groundwork.problems import Refused
from incident_store.blobs import PIECE, TooLarge, spooled
from incident_store.domain.file_names import suffix

OFFICE = "application/vnd.openxmlformats-officedocument."
MOST_MEMBERS = 10_000
LARGEST_LIST = 1024 * 1024
"""Bytes of an office document's list of contents."""
UNPACKED = 4
"""An archive holds at most so many times the limit once it is unpacked."""

CONTROL = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f]")
"""What no text holds; the escape of coloured logs is left."""
ACTIVE = re.compile(
    r"\s*(#!|@echo\b|%!ps|\{\\rtf|<%|<!--|<\?|<!doctype|"
    r"<(html|head|body|script|iframe|svg|style|title|table|div|font|h1|br|[abp])[\s/>])",
    re.IGNORECASE,
)
"""How scripts, and what a browser takes for a page, begin."""
MACROS = re.compile(r"(^|/)(vbaproject|vbadata|activex|macrosheets)|/embeddings/.*\.(?!xlsx$|docx$)", re.IGNORECASE)
MAIL_HEADER = re.compile(rb"(?:From |[!-9;-~]+:[ \t])")


class NotTaken(Refused):
    """The file is not of a kind that is taken, or not what its name says."""


def examine(name: str, source: IO[bytes], limit: int) -> str:
    """The media type of a file, by its name and confirmed by its content; raises NotTaken saying what was expected.

    `source` can seek and is left anywhere; `limit` (bytes) bounds what an archive may unpack to.
    """
    kind = KINDS.get(suffix(name))
    if kind is None:
        raise NotTaken(f"{name}: only {EXPECTED} are taken")
    media_type, check = kind
    check(name, source, limit)
    return media_type


def _seen(source: IO[bytes]) -> str:
    """What the first bytes say, empty when they say nothing."""
    source.seek(0)
    found = filetype.guess(source.read(8192))
    return "" if found is None else str(found.mime)


def _mistaken(name: str, expected: str, source: IO[bytes]) -> NotTaken:
    seen = _seen(source)
    return NotTaken(f"{name}: its content is not {expected}{f' but {seen}' if seen else ''}; only {EXPECTED} are taken")


def _signed(media_type: str) -> "Check":
    def check(name: str, source: IO[bytes], _limit: int) -> None:
        if _seen(source) != media_type:
            raise _mistaken(name, media_type, source)

    return check


def _text(name: str, source: IO[bytes], _limit: int) -> None:
    """Text to its last byte, in UTF-8, UTF-16 with its mark, or the Windows-1252 of old logs."""
    source.seek(0)
    marked = source.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    encodings = ("utf-16",) if marked else ("utf-8-sig", "cp1252")
    if not any(_reads_as(source, encoding) for encoding in encodings):
        raise _mistaken(name, "text", source)
    source.seek(0)
    if ACTIVE.match(source.read(4096).decode(encodings[0], "replace")):
        raise NotTaken(f"{name}: it begins as a script or a web page does; only {EXPECTED} are taken")


def _reads_as(source: IO[bytes], encoding: str) -> bool:
    source.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for piece in iter(lambda: source.read(PIECE), b""):
            if CONTROL.search(decoder.decode(piece)):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _mail(name: str, source: IO[bytes], limit: int) -> None:
    """A mail whose own attachments are all of a kind that is taken."""
    source.seek(0)
    if not MAIL_HEADER.match(source.read(1024)):
        raise _mistaken(name, "a mail", source)
    source.seek(0)
    try:
        message = BytesParser(policy=policy.default).parse(source)
        for part in message.walk():
            _mail_part(name, part, limit)
    except (MessageError, LookupError, ValueError, RecursionError) as error:
        raise NotTaken(f"{name}: the mail cannot be read: {type(error).__name__}; save it as PDF") from error


def _mail_part(name: str, part: EmailMessage, limit: int) -> None:
    inner = part.get_filename()
    if part.is_multipart() or (inner is None and part.get_content_maintype() == "text"):
        return
    inner = inner or f"parte{mimetypes.guess_extension(part.get_content_type()) or ''}"
    content = part.get_payload(decode=True)
    examine_member(f"{name}: {inner}", BytesIO(content if isinstance(content, bytes) else b""), limit)


def _office(main: str) -> "Check":
    def check(name: str, source: IO[bytes], _limit: int) -> None:
        with _opened(name, source) as archive:
            members = {member.filename: member for member in archive.infolist()}
            contents = members.get("[Content_Types].xml")
            if contents is None or contents.file_size > LARGEST_LIST:
                raise _mistaken(name, "an Office document", source)
            listed = archive.read(contents)
            if f'"{OFFICE}{main}.main+xml"'.encode() not in listed:
                raise _mistaken(name, f"what {suffix(name)} says", source)
            if b"macroenabled" in listed.lower() or any(MACROS.search(member) for member in members):
                raise NotTaken(f"{name}: it holds macros or embedded programs; save it without them, or as PDF")

    return check


def _archive(name: str, source: IO[bytes], limit: int) -> None:
    """An archive of files that are taken by themselves; none inside another."""
    left = UNPACKED * limit
    with _opened(name, source) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            try:
                with archive.open(member) as packed, spooled(packed, left) as (blob, held):
                    left -= blob.size
                    examine_member(f"{name}: {member.filename}", held, limit)
            except TooLarge as error:
                raise NotTaken(f"{name}: unpacked it is larger than {UNPACKED * limit:,} bytes; send parts") from error


def examine_member(name: str, source: IO[bytes], limit: int) -> None:
    """The same for a file within another, which can be no archive; raises NotTaken."""
    if suffix(name) == ".zip":
        raise NotTaken(f"{name}: an archive inside another is not taken; send it by itself")
    examine(name, source, limit)


@contextmanager
def _opened(name: str, source: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """A ZIP archive that is safe to list: few members, no passwords, no rare compression; raises NotTaken."""
    source.seek(0)
    if source.read(4) != b"PK\x03\x04" or sum(_central_headers(source)) > MOST_MEMBERS:
        raise _mistaken(name, f"an archive of at most {MOST_MEMBERS:,} files", source)
    try:
        with zipfile.ZipFile(source) as archive:
            for member in archive.infolist():
                if member.flag_bits & 1 or member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                    raise NotTaken(f"{name}: {member.filename} has a password or a rare compression; pack it without")
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise NotTaken(f"{name}: it cannot be unpacked; pack it again") from error


def _central_headers(source: IO[bytes]) -> Iterator[int]:
    """How many members the archive may list, counted before anything is built from its list."""
    source.seek(0)
    tail = b""
    for piece in iter(lambda: source.read(PIECE), b""):
        joined = tail + piece
        yield joined.count(b"PK\x01\x02")
        tail = joined[-3:]


Check = Callable[[str, IO[bytes], int], None]
KINDS: Mapping[str, tuple[str, Check]] = {
    ".txt": ("text/plain", _text),
    ".log": ("text/plain", _text),
    ".csv": ("text/csv", _text),
    ".json": ("application/json", _text),
    ".eml": ("message/rfc822", _mail),
    ".pdf": ("application/pdf", _signed("application/pdf")),
    ".png": ("image/png", _signed("image/png")),
    ".jpg": ("image/jpeg", _signed("image/jpeg")),
    ".jpeg": ("image/jpeg", _signed("image/jpeg")),
    ".gif": ("image/gif", _signed("image/gif")),
    ".webp": ("image/webp", _signed("image/webp")),
    ".xlsx": (f"{OFFICE}spreadsheetml.sheet", _office("spreadsheetml.sheet")),
    ".docx": (f"{OFFICE}wordprocessingml.document", _office("wordprocessingml.document")),
    ".zip": ("application/zip", _archive),
}
"""What is taken: the ending of a name, its media type, and how the content is confirmed."""
EXPECTED = ", ".join(KINDS)
