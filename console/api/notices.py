"""Notices over the API: what waits to leave by mail, and what people do with it before it does."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import Field

from console.api.operations import Call, Nothing, Operation, Reply
from console.api.problems import Trouble
from console.api.values import Asked, Count, Flag, Line, Query, Told
from incident_store.domain.notices import ACTORS, ACTS, Act, NoticeKind, NoticeState, Reason
from incident_store.outbox import LONGEST_SUBJECT, LONGEST_TEXT, Notice, Outcome, act_on, edit_draft, find_notice
from incident_store.outbox import list_notices as listed

PLAIN = ("incident", "kind", "state", "version", "created_at", "author", "subject", "approved_at", "approved_by",
         "due_at", "attempts", "problem", "sent_at", "ticket")  # fmt: skip


class RecipientTold(Told):
    """One recipient, and what became of the notice there; `said` are the server's words."""

    address: str
    name: str
    party: str
    outcome: Outcome
    said: str
    at: datetime | None


class FileTold(Told):
    """A file of a notice or a mail."""

    name: str
    media_type: str
    sha256: str
    size: int


class NoticeTold(Told):
    """A notice; `problem` says why it waits, or why it is not sent, and `version` what `seen` is compared with."""

    notice: int
    incident: int | None
    kind: NoticeKind
    state: NoticeState
    version: int
    created_at: datetime
    author: str
    subject: str | None
    recipients: list[RecipientTold]
    approved_at: datetime | None
    approved_by: str | None
    due_at: datetime
    attempts: int
    problem: str | None
    sent_at: datetime | None
    ticket: str | None


class WholeNotice(NoticeTold):
    """A notice with its text, its files and what the asking person may do with it now."""

    text: str | None
    attachments: list[FileTold]
    may: list[Act]


class NoticeList(Told):
    """Notices, the newest first; 200 at most."""

    notices: list[NoticeTold]


class NoticeQuery(Query):
    """Those that have not ended, unless all are asked for."""

    all: Flag = Field(default=False, description="also those that were sent or dismissed")


class NoticeAct(Asked):
    """What is done with a notice: `subject` and `text` belong to an edit, `reason` to a dismissal."""

    act: Act = Field(strict=False)
    seen: Count | None = Field(default=None, description="the version that was read; another one now is refused")
    subject: str | None = Field(default=None, max_length=LONGEST_SUBJECT)
    text: str | None = Field(default=None, max_length=LONGEST_TEXT)
    reason: Line = ""


def list_notices(call: Call[NoticeQuery, Nothing]) -> Reply:
    """The outbox."""
    found = listed(call.connection, open_only=not call.query.all)
    return Reply({"notices": [_notice(one) for one in found]})


def show_notice(call: Call[Nothing, Nothing]) -> Reply:
    """One notice."""
    return Reply(_whole(call, find_notice(call.connection, call.place["notice"])))


def act_on_notice(call: Call[Nothing, NoticeAct]) -> Reply:
    """Edit, approve, redraft, retry or dismiss a notice."""
    number, given = call.place["notice"], call.body
    if given.act is Act.EDIT:
        edit_draft(call.connection, number, call.actor, given.subject, given.text, given.seen)
    else:
        act_on(call.connection, number, given.act, call.actor, call.now, reason=given.reason, seen=given.seen)
    return Reply(_whole(call, find_notice(call.connection, number)))


def _notice(one: Notice) -> dict[str, Any]:
    plain = {name: getattr(one, name) for name in PLAIN}
    return {"notice": one.number, **plain, "recipients": [asdict(each) for each in one.recipients]}


def _whole(call: Call[Any, Any], one: Notice) -> dict[str, Any]:
    may = [act for act in ACTS[one.state] if call.actor.role in ACTORS[act]]
    return {**_notice(one), "text": one.text, "attachments": [asdict(each) for each in one.attachments], "may": may}


OPERATIONS = (
    Operation("GET", "/notices", "Notices that leave by mail", NoticeList, list_notices, query=NoticeQuery),
    Operation("GET", "/notices/<int:notice>", "One notice with its text", WholeNotice, show_notice),
    Operation(
        "POST",
        "/notices/<int:notice>/acts",
        "Edit, approve, redraft, retry or dismiss a notice",
        WholeNotice,
        act_on_notice,
        body=NoticeAct,
        refusals=(*Reason, Trouble.NOT_FOUND),
    ),
)
