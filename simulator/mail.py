"""The mails in the Maildir, read for people. They come from anywhere: plain text only, no control codes."""

import email
import mailbox
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

from groundwork.atomic_file import sync_folder
from groundwork.html_text import without_tags

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, terminal escapes and marks that turn the direction of writing; tab and LF stay."""
RECIPIENTS = "X-Envelope-To"


@dataclass(frozen=True)
class Mail:
    """One received mail as text. `key` names it within its Maildir."""

    key: str
    received_at: datetime
    sender: str
    to: str
    subject: str
    text: str
    message_id: str = ""


def open_maildir(folder: Path) -> mailbox.Maildir:
    """The Maildir at `folder`, created when it is not there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    return mailbox.Maildir(folder, create=True)


def keep(folder: Path, body: bytes) -> None:
    """Add a mail; it is on the disk when this returns. Raises OSError."""
    open_maildir(folder).add(body)
    sync_folder(folder / "new")


def read_mails(folder: Path, limit: int | None = None) -> list[Mail]:
    """The mails, newest first, at most `limit`."""
    if not folder.is_dir():
        return []
    paths = [path for part in ("new", "cur") for path in (folder / part).glob("*") if path.is_file()]
    paths.sort(key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    return [read_mail(path) for path in paths[:limit]]


def read_mail(path: Path) -> Mail:
    """One mail."""
    message = email.message_from_bytes(path.read_bytes())
    return Mail(
        key=path.name.split(":", 1)[0],
        received_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        sender=_header(message, "From"),
        to=_header(message, "To") or _header(message, RECIPIENTS),
        subject=_header(message, "Subject"),
        text=plain(_text(message)),
        message_id=_header(message, "Message-ID"),
    )


def plain(text: str) -> str:
    """The text without what could act on a terminal."""
    return CONTROL.sub("", text.replace("\r\n", "\n"))


def _header(message: Message, name: str) -> str:
    raw = str(message.get(name, ""))
    try:
        text = str(make_header(decode_header(raw)))
    except (ValueError, LookupError, UnicodeError):
        text = raw
    return " ".join(plain(_printable(text)).split())


def _text(message: Message) -> str:
    parts = {part.get_content_type(): part for part in reversed(list(message.walk())) if not part.is_multipart()}
    if "text/plain" in parts:
        return _content(parts["text/plain"])
    if "text/html" in parts:
        return without_tags(_content(parts["text/html"]))
    return ""


def _content(part: Message) -> str:
    payload = part.get_payload(decode=True)
    body = payload if isinstance(payload, bytes) else b""
    try:
        return body.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")


def _printable(text: str) -> str:
    """Bytes that no header may hold come out of the parser as lone surrogates, which cannot be printed."""
    return text.encode("utf-8", "replace").decode()
