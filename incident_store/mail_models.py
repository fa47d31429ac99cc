"""The tables of the mailroom: notices that leave, messages that came, and how the ways in and out are doing."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from incident_store.models import Base, Key

WORKED_ON = "state IN ('due', 'approved', 'sending')"
"""What a worker looks for: notices without a text, and those to be delivered."""


class NoticeRow(Base):
    """One notice. `key` says what it is about, so that the same cause writes it once; `token` is in its Message-ID and
    never changes. Subject, text and recipients are written by the mailroom and final once it is approved. `problem` is
    the one line that says why it waits. `lease` marks the sender that has it, until `due_at`."""

    __tablename__ = "notices"
    __table_args__ = (
        Index(
            "ix_notices_worked_on", "state", "due_at", sqlite_where=text(WORKED_ON), postgresql_where=text(WORKED_ON)
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(String(128), unique=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"), index=True)
    sequence: Mapped[int | None]
    facts: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    created_at: Mapped[datetime]
    author: Mapped[str]
    message_id: Mapped[str | None] = mapped_column(unique=True)
    subject: Mapped[str | None]
    text: Mapped[str | None]
    attachments: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    due_at: Mapped[datetime]
    lease: Mapped[str | None] = mapped_column(String(32))
    attempts: Mapped[int]
    problem: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    by_mail: Mapped[bool]
    ticket: Mapped[str | None]


class RecipientRow(Base):
    """What became of one recipient of a notice: pending, sent, failed or bounced, and the server's words."""

    __tablename__ = "notice_recipients"
    __table_args__ = (UniqueConstraint("notice_id", "address"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"))
    address: Mapped[str]
    name: Mapped[str]
    party: Mapped[str]
    outcome: Mapped[str] = mapped_column(String(16))
    said: Mapped[str]
    at: Mapped[datetime | None]


class MessageRow(Base):
    """One mail that came. `identity` is the digest of Message-ID and content: the same mail by two ways is one row.
    The original is the blob `original`; everything else was read out of it. `place` is where it lies in the mailbox
    (`uidvalidity/uid`) while it is still to be moved. `proposal` is what reading suggested, `verdict` what a person
    decided."""

    __tablename__ = "messages"
    __table_args__ = (
        Index(
            "ix_messages_waiting",
            "id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    identity: Mapped[str] = mapped_column(String(64), unique=True)
    message_id: Mapped[str | None] = mapped_column(index=True)
    original: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    received_at: Mapped[datetime]
    written_at: Mapped[datetime | None]
    stored_at: Mapped[datetime]
    sender_address: Mapped[str]
    sender_name: Mapped[str]
    party: Mapped[str | None]
    party_kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str]
    text: Mapped[str]
    thread: Mapped[list[str]] = mapped_column(JSON)
    attachments: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    remarks: Mapped[list[str]] = mapped_column(JSON)
    nature: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"), index=True)
    proposal: Mapped[dict[str, Any]]
    verdict: Mapped[str | None] = mapped_column(String(16))
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    place: Mapped[str | None] = mapped_column(String(64), index=True)


class MailboxRow(Base):
    """How far a mailbox has been read: every message of `uidvalidity` up to `uid` is stored."""

    __tablename__ = "mailboxes"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    uidvalidity: Mapped[int] = mapped_column(Key)
    uid: Mapped[int] = mapped_column(Key)


class MailWayRow(Base):
    """How a way in or out is doing: working (`reason` empty) or not, since when, and the line that says what to do."""

    __tablename__ = "mail_ways"

    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    reason: Mapped[str] = mapped_column(String(16))
    line: Mapped[str]
    since: Mapped[datetime]
