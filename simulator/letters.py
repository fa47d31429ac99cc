"""Mails to RENTESEG: what an operator reports, and what somebody answers to a notice."""

from collections.abc import Iterable
from email.message import EmailMessage
from email.utils import formatdate, getaddresses, make_msgid

from simulator.mail import Mail


def new_letter(to: str, sender: str, subject: str, text: str) -> EmailMessage:
    """A mail as a person's program writes it; raises ValueError for what no header may hold."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = sender, to, subject
    letter["Date"] = formatdate(localtime=False)
    letter["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].strip("<> ") or "localhost")
    letter.set_content(text)
    return letter


def answer_to(mails: Iterable[Mail], ours: str, text: str) -> EmailMessage | None:
    """The answer of the first recipient to the newest mail that came from `ours`; None when there is none."""
    for mail in mails:
        sender, recipient = _first_address(mail.sender), _first_address(mail.to)
        if sender.lower() == ours.lower() and mail.message_id and recipient:
            letter = new_letter(ours, recipient, f"Re: {mail.subject}", text)
            letter["In-Reply-To"] = letter["References"] = mail.message_id
            return letter
    return None


def _first_address(header: str) -> str:
    return next((address for _name, address in getaddresses([header])), "")
