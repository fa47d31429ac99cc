"""What kind of mail it is: decided from its headers alone, before anybody sees it. Pure.

Loops, automatic answers, lists and our own notices open no report; they are filed, and can still be read.
"""

import re
from email.message import Message

from incident_store.inbox import Nature
from mailroom.parsing import Mail, clean

OUR_TOKEN = re.compile(r"<([0-9a-f]{16})\.renteseg@")
SUBJECTS = re.compile(
    r"^\s*(?:respuesta automática|autorespuesta|fuera de (?:la )?oficina|ausente|"
    r"auto(?:matic)?[- ]?reply|out of (?:the )?office)\b",
    re.IGNORECASE,
)
SUPPRESSED = re.compile(r"\b(?:all|oof|autoreply)\b")
PRECEDENCES = {"bulk": Nature.LIST, "list": Nature.LIST, "junk": Nature.LIST, "auto_reply": Nature.AUTO_REPLY}
DAEMONS = re.compile(r"^(?:mailer-daemon|postmaster)@", re.IGNORECASE)
SAID = re.compile(r"\s+")


def nature(mail: Mail, ours: frozenset[str]) -> Nature:
    """What kind of mail it is; `ours` are the addresses that our own mail comes from."""
    headers = mail.headers
    if is_bounce(mail):
        return Nature.BOUNCE
    if mail.sender_address in ours or "x-renteseg-notice" in headers_lower(mail):
        return Nature.OWN
    if _automatic(mail):
        return Nature.AUTO_REPLY
    if headers.get("List-Id") or headers.get("List-Unsubscribe"):
        return Nature.LIST
    return PRECEDENCES.get(headers.get("Precedence", ""), Nature.REPLY if mail.thread else Nature.REPORT)


def headers_lower(mail: Mail) -> set[str]:
    """The names of the telling headers that the mail has."""
    return {name.lower() for name in mail.headers}


def _automatic(mail: Mail) -> bool:
    headers = mail.headers
    submitted = headers.get("Auto-Submitted", "no").split(";")[0].strip()
    return (
        submitted not in {"", "no"}
        or any(name in headers for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply"))
        or SUPPRESSED.search(headers.get("X-Auto-Response-Suppress", "")) is not None
        or headers.get("Return-Path") == "<>"
        or SUBJECTS.match(mail.subject) is not None
    )


def is_bounce(mail: Mail) -> bool:
    """Whether a mail server tells that a mail did not arrive (RFC 3464), or what old servers write instead."""
    if mail.report is not None:
        return any(_status(part) for part in mail.report.walk() if part.get_content_type() == "message/delivery-status")
    return "X-Failed-Recipients" in mail.headers or (
        bool(DAEMONS.match(mail.sender_address)) and mail.headers.get("Return-Path", "<>") == "<>"
    )


def bounced(mail: Mail, original: str) -> tuple[str | None, dict[str, str]]:
    """The token of our notice that came back, and the reason by recipient ('' for all of them) as far as it is told.

    `original` is the text in which a copy of our mail may stand.
    """
    token = OUR_TOKEN.search(" ".join([*mail.thread, original]))
    reasons: dict[str, str] = {}
    for part in mail.report.walk() if mail.report is not None else ():
        if part.get_content_type() == "message/delivery-status":
            reasons |= _status(part)
    if not reasons:
        reasons = dict.fromkeys(_failed_recipients(mail), "el servidor avisa que no llegó")
    return (token[1] if token else None), reasons


def _status(part: Message) -> dict[str, str]:
    """The recipients of a delivery status that failed, and why; delays are no failure."""
    failed: dict[str, str] = {}
    fields = part.get_payload()
    for one in fields if isinstance(fields, list) else []:
        if isinstance(one, Message) and str(one.get("Action", "")).strip().lower() == "failed":
            address = str(one.get("Final-Recipient", "")).rpartition(";")[2].strip().strip("<>").lower()
            said = str(one.get("Diagnostic-Code", "") or one.get("Status", "")).rpartition("; ")[2]
            failed[clean(address)[:320]] = SAID.sub(" ", clean(said))[:300]
    return failed


def _failed_recipients(mail: Mail) -> list[str]:
    named = [one.strip() for one in mail.headers.get("X-Failed-Recipients", "").split(",") if one.strip()]
    return named or [""]
