"""A notice as the mail that leaves: headers that thread it and stop loops, a text, its HTML twin, attachments."""

import re
from collections.abc import Mapping
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from incident_store.domain.incidents import MONITORING
from incident_store.outbox import Notice
from mailroom.contacts import Contacts
from mailroom.facts import plain
from mailroom.threads import Thread

NOTICE_HEADER = "X-RENTESEG-Notice"
HIDDEN = "Interesados RENTESEG"
"""How recipients of different parties are named to each other."""
MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")


def compose_mail(
    notice: Notice, contacts: Contacts, thread: Thread, html: str, attachments: Mapping[str, bytes]
) -> bytes:
    """The mail's bytes, the same at each attempt. `attachments` holds the bytes by SHA-256."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(contacts.sender.name, contacts.sender.address)
    mail["To"] = _visible(notice)
    mail["Subject"] = _header(notice.subject or "")
    mail["Date"] = format_datetime(notice.approved_at or notice.created_at)
    mail["Message-ID"] = notice.message_id or ""
    if thread.in_reply_to:
        mail["In-Reply-To"] = thread.in_reply_to
        mail["References"] = " ".join(thread.references)
    mail[NOTICE_HEADER] = notice.token
    if notice.approved_by == MONITORING:
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    mail.set_content(_text(notice.text or ""))
    mail.add_alternative(_text(html), subtype="html")
    for one in notice.attachments:
        main, sub = (one.media_type if MEDIA_TYPE.fullmatch(one.media_type) else "application/octet-stream").split("/")
        mail.add_attachment(attachments[one.sha256], maintype=main, subtype=sub, filename=_header(one.name))
    return mail.as_bytes()


def _visible(notice: Notice) -> list[Address] | list[Group]:
    """Recipients of one party see each other; those of several are told that there are others, not who."""
    addresses = [_address(one.name, one.address) for one in notice.recipients]
    if len({one.party for one in notice.recipients}) == 1:
        return addresses
    return [Group(HIDDEN, ())]


def _address(name: str, address: str) -> Address:
    return Address(display_name=_header(name), addr_spec=address)


def _header(text: str) -> str:
    """One line that can be encoded: what would end the header, or is no character at all, is gone."""
    return plain(_text(text))


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")
