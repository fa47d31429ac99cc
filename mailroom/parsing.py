"""Reads any mail there is. Nothing in it is trusted: what cannot be understood is noted, and the original is kept.

The standard library's older header objects (`compat32`) are used on purpose: they give the header as it came, where the
newer ones parse on access and fail, or take minutes, on headers that real and hostile mails have.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.feedparser import BytesFeedParser
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import IO

from groundwork.html_text import without_tags
from mailroom.long_parts import LongParts

PIECE = 256 * 1024
LONGEST_HEADER, LONGEST_TEXT, LONGEST_NAME = 8_000, 100_000, 120
MOST_CONTAINERS, MOST_EDGES, MOST_LINES = 200, 20_000, 300_000
"""More parts and lines than any mail program writes: of such a mail only the headers are read, and the original is
kept. Long stretches count as one line."""
HEADERS = 64 * 1024

MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
ENCODED = {"base64", "quoted-printable"}
EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
NAMELESS = {"text/calendar": "invitación.ics", "message/rfc822": "mensaje.eml", "application/ms-tnef": "winmail.dat"}


@dataclass(frozen=True)
class Part:
    """An attachment: its bytes are read when asked for."""

    name: str
    media_type: str
    part: Message = field(repr=False)
    long: LongParts = field(repr=False)

    def open(self) -> IO[bytes]:
        """The bytes, from a file of their own when they are many; none where they cannot be decoded."""
        if self.part.is_multipart():
            return self.long.restored(b"".join(_as_bytes(one) for one in _children(self.part)))
        return _content(self.part, self.long)


@dataclass(frozen=True)
class Mail:
    """What a mail says. Times are UTC; `arrived_at` is the topmost Received header's. `headers` are those that tell
    what kind of mail it is, in lower case, as they came."""

    message_id: str | None
    sender_address: str
    sender_name: str
    subject: str
    text: str
    written_at: datetime | None
    arrived_at: datetime | None
    thread: Sequence[str]
    headers: dict[str, str]
    content_type: str
    parts: Sequence[Part]
    remarks: Sequence[str]
    identity: str
    report: Message | None = field(repr=False, default=None)


def read_mail(source: IO[bytes]) -> Mail:
    """The mail whose bytes `source` holds from its start; never fails for what is in it."""
    source.seek(0)
    long = LongParts(source)
    message, digest, whole = _parse(source, long)
    remarks = [] if whole else ["demasiadas partes: solo se leyeron los encabezados"]
    leaves = list(_leaves(message)) if whole else []
    text, body = _text(leaves, long)
    parts = [_part(leaf, long) for leaf in leaves if leaf is not body and _is_attachment(leaf, body)]
    remarks += _remarks(message, leaves)
    sender_name, sender_address = _sender(message)
    return Mail(
        message_id=next(iter(_ids(_raw(message, "Message-ID"))), None),
        sender_address=sender_address,
        sender_name=sender_name,
        subject=_header(message, "Subject")[:LONGEST_HEADER],
        text=text,
        written_at=_date(_raw(message, "Date")),
        arrived_at=_date(_raw(message, "Received").rpartition(";")[2]),
        thread=list(dict.fromkeys([*_ids(_raw(message, "References")), *_ids(_raw(message, "In-Reply-To"))])),
        headers={name: _raw(message, name).strip().lower() for name in NATURE_HEADERS if name in message},
        content_type=_type(message),
        parts=parts,
        remarks=remarks,
        identity=_identity(message, digest),
        report=message if _type(message) == "multipart/report" and whole else None,
    )


NATURE_HEADERS = (
    "Auto-Submitted",
    "Precedence",
    "X-Auto-Response-Suppress",
    "X-Autoreply",
    "X-Autorespond",
    "X-Auto-Reply",
    "X-Failed-Recipients",
    "List-Id",
    "List-Unsubscribe",
    "Return-Path",
    "X-RENTESEG-Notice",
)
"""The headers by which loops, automatic answers and lists are known."""


IDENTIFYING = ("Message-ID", "From", "Date", "Subject", "Content-Type", "Content-Transfer-Encoding")
"""The headers that no server on the way writes or changes."""


def _parse(source: IO[bytes], long: LongParts) -> tuple[Message, str, bool]:
    """The message, the digest of what follows its headers, and whether all of it was read."""
    parser, containers, edges = BytesFeedParser(), 0, 0
    try:
        for number, line in enumerate(long.lines()):
            containers += b"boundary=" in line.lower()
            edges += line.startswith(b"--")
            if containers > MOST_CONTAINERS or edges > MOST_EDGES or number > MOST_LINES:
                return _headers_only(source)
            parser.feed(line)
        return parser.close(), _digest(source, after_headers=True), True
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        return _headers_only(source)


def _digest(source: IO[bytes], *, after_headers: bool) -> str:
    source.seek(0)
    digest = hashlib.sha256()
    while after_headers and (line := source.readline(PIECE)):
        after_headers = bool(line.strip(b"\r\n"))
    while piece := source.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()


def _headers_only(source: IO[bytes]) -> tuple[Message, str, bool]:
    source.seek(0)
    head = EMPTY_LINE.split(source.read(HEADERS), maxsplit=1)[0]
    return message_from_bytes(head + b"\r\n\r\n"), _digest(source, after_headers=False), False


def _identity(message: Message, digest: str) -> str:
    """The digest of who wrote what when: the same for copies that came by different ways, whatever these added."""
    kept = [_raw(message, name) for name in IDENTIFYING]
    return hashlib.sha256("\0".join([*kept, digest]).encode("utf-8", "surrogateescape")).hexdigest()


def _leaves(message: Message) -> Iterator[Message]:
    """Every part that is no container; a mail inside a mail is one part."""
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in _children(message):
            yield from _leaves(part)
    else:
        yield message


def _children(message: Message) -> list[Message]:
    payload = message.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _text(leaves: Sequence[Message], long: LongParts) -> tuple[str, Message | None]:
    """What is written in the mail, from its plain text or else its HTML, and the part that says it."""
    for wanted in ("text/plain", "text/html"):
        for leaf in leaves:
            if _type(leaf) == wanted and not _named(leaf):
                text = _decoded(leaf, long)
                words = text if wanted == "text/plain" else without_tags(text[: 4 * LONGEST_TEXT])
                return clean(words)[:LONGEST_TEXT], leaf
    inner = next((leaf for leaf in leaves if _type(leaf) == "message/rfc822" and _children(leaf)), None)
    if inner is not None:
        text, _body = _text(list(_leaves(_children(inner)[0])), long)
        return text, None
    return "", None


def _named(leaf: Message) -> bool:
    return "attachment" in _raw(leaf, "Content-Disposition").lower()


def _is_attachment(leaf: Message, body: Message | None) -> bool:
    """Everything but the body and the other wordings of it."""
    kind = _type(leaf)
    return (
        _named(leaf)
        or bool(_file_name(leaf))
        or not kind.startswith("text/")
        or kind == "text/calendar"
        or body is None
    )


def _part(leaf: Message, long: LongParts) -> Part:
    media_type = _type(leaf)
    return Part(_file_name(leaf) or NAMELESS.get(media_type, "adjunto"), media_type, leaf, long)


def _remarks(message: Message, leaves: Sequence[Message]) -> list[str]:
    found = []
    kinds, names = {_type(leaf) for leaf in leaves}, {_file_name(leaf).lower() for leaf in leaves}
    if "application/ms-tnef" in kinds or "winmail.dat" in names:
        found.append("winmail.dat: adjuntos en el formato propio de Outlook")
    if _type(message) == "multipart/signed" or "application/pkcs7-signature" in kinds:
        found.append("firmado (S/MIME o PGP); la firma no se verifica aquí")
    if kinds & {"application/pkcs7-mime", "application/x-pkcs7-mime"}:
        found.append("el contenido está dentro de la firma o cifrado: abrir el original")
    if _type(message) == "multipart/encrypted":
        found.append("cifrado: abrir el original")
    if "text/calendar" in kinds:
        found.append("trae una invitación de calendario")
    if "message/rfc822" in kinds:
        found.append("trae otro correo adjunto")
    if message.defects:
        found.append("mal formado: leído hasta donde se pudo")
    return found


def _content(part: Message, long: LongParts) -> IO[bytes]:
    encoding = _raw(part, "Content-Transfer-Encoding").strip().lower()
    payload = part.get_payload() if encoding in ENCODED else part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else str(payload).encode("utf-8", "replace")
    return long.restored(raw, encoding)


def _decoded(part: Message, long: LongParts) -> str:
    """The text of a part: in its own charset, else as UTF-8, else as Windows writes Spanish; never refused."""
    with _content(part, long) as file:
        body = file.read(4 * LONGEST_TEXT)
    for charset in (_charset(part), "utf-8"):
        try:
            return body.decode(charset, "strict" if len(body) < 4 * LONGEST_TEXT else "replace")
        except (LookupError, ValueError):
            continue
    return body.decode("cp1252", "replace")


def _charset(part: Message) -> str:
    try:
        return str(part.get_content_charset() or "utf-8")
    except (LookupError, ValueError, TypeError, AttributeError):
        return "utf-8"


def _type(message: Message) -> str:
    try:
        return message.get_content_type()
    except (LookupError, ValueError, TypeError, AttributeError):
        return "application/octet-stream"


def _file_name(part: Message) -> str:
    """The file's name without folders, of one line, never hidden."""
    try:
        given = part.get_filename() or ""
    except (LookupError, ValueError, TypeError, AttributeError):
        given = "adjunto"
    name = " ".join(clean(_words(given)).split()).replace("\\", "/").rpartition("/")[2].lstrip(".")
    return name if len(name) <= LONGEST_NAME else f"{name[:100]}…{name[-19:]}"


def _sender(message: Message) -> tuple[str, str]:
    """Name and address of the sender; the address is empty when it is none."""
    for header in ("From", "Sender", "Reply-To"):
        raw = _raw(message, header)
        try:
            pairs = getaddresses([raw])
        except (ValueError, IndexError, AttributeError, TypeError, RecursionError):
            pairs = []
        for name, address in pairs:
            if address and "@" in address:
                return _line(_words(name)), clean(address).strip().lower()[:320]
        if raw.strip():
            return _line(_words(raw)), ""
    return "", ""


def _raw(message: Message, name: str) -> str:
    """A header as it came, of bounded length; empty when there is none."""
    try:
        value = message.get(name, "")
    except (ValueError, TypeError, IndexError, AttributeError):
        return ""
    text = value if isinstance(value, str) else _bytes_of(value)
    return re.sub(r"\r?\n(?=[ \t])", "", text[:LONGEST_HEADER])


def _bytes_of(value: object) -> str:
    """A header with bytes that no header may hold, as the text that they most likely are."""
    chunks = getattr(value, "_chunks", ())
    raw = "".join(str(chunk[0]) for chunk in chunks)
    return raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _header(message: Message, name: str) -> str:
    return _line(_words(_raw(message, name)))


def _words(raw: str) -> str:
    """A header with its encoded words read."""
    try:
        return "".join(_decoded_word(word, charset) for word, charset in decode_header(raw[:LONGEST_HEADER]))
    except (HeaderParseError, ValueError, LookupError, TypeError):
        return raw


def _decoded_word(word: str | bytes, charset: str | None) -> str:
    if isinstance(word, str):
        return word
    for one in (charset or "utf-8", "utf-8"):
        try:
            return word.decode(one)
        except (LookupError, ValueError):
            continue
    return word.decode("cp1252", "replace")


def _ids(raw: str) -> list[str]:
    return MESSAGE_ID.findall(clean(raw))


def _date(raw: str) -> datetime | None:
    """A date in UTC; None for one that is none. Without a zone it counts as UTC."""
    try:
        found = parsedate_to_datetime(raw.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _line(text: str) -> str:
    return " ".join(clean(text).split())


def clean(text: str) -> str:
    """Text without what acts instead of saying: control characters, marks that turn the writing around, halves of
    characters; every space is a plain one."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    return lines if lines.isprintable() else "".join(one for one in lines if one.isprintable() or one in "\n\t")


def _as_bytes(message: object) -> bytes:
    try:
        return message.as_bytes() if isinstance(message, Message) else b""
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return b""
