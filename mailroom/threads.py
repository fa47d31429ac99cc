"""The thread of an incident: the Message-IDs that a new mail of it follows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from incident_store.inbox import list_messages
from incident_store.outbox import Notice, notices_of_incident

LATEST = 10
"""How many of the latest mails are named beside the first; mail programs need no more."""


@dataclass(frozen=True)
class Thread:
    """What a mail answers, and the mails before it, the oldest first; empty for one that begins a thread."""

    in_reply_to: str = ""
    references: Sequence[str] = ()


def thread_of(connection: Connection, notice: Notice, domain: str) -> Thread:
    """Where a notice belongs: below its incident's common root, in answer to the last mail of those it goes to."""
    if notice.incident is None:
        return Thread()
    root = f"<incidencia.{notice.incident}.renteseg@{domain}>"
    addresses = {one.address for one in notice.recipients}
    parties = {one.party for one in notice.recipients if one.party}
    mails = [
        (one.received_at, one.message_id, one.sender_address in addresses or one.party in parties)
        for one in list_messages(connection, waiting_only=False, incident=notice.incident)
        if one.message_id
    ] + [
        (one.sent_at, one.message_id, any(to.address in addresses for to in one.recipients))
        for one in notices_of_incident(connection, notice.incident)
        if one.message_id and one.sent_at and one.number != notice.number
    ]
    mails.sort(key=lambda mail: mail[0])
    theirs = [message_id for _at, message_id, concerned in mails if concerned]
    return Thread(theirs[-1] if theirs else root, (root, *theirs[-LATEST:]))
