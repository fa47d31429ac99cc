"""The inbox over the API: mails that came, and what people decide of them."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import Field

from console.api.notices import FileTold
from console.api.operations import Call, Nothing, Operation, Reply, invalid
from console.api.problems import Trouble
from console.api.values import Asked, Count, Flag, Line, Moment, Query, Told
from incident_store.advance import Report
from incident_store.domain.incidents import Kind
from incident_store.domain.notices import BY_MAIL, Reason
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import Reason as StepReason
from incident_store.inbox import Decision, Message, MessageState, Nature, Verdict, decide, find_message
from incident_store.inbox import list_messages as listed

PLAIN = ("incident", "received_at", "written_at", "sender_address", "sender_name", "party", "party_kind", "subject",
         "nature", "state", "proposal", "verdict", "decided_by", "decided_at")  # fmt: skip


class MailTold(Told):
    """A mail; `proposal` holds what reading it suggests, `nature` what it is taken for."""

    mail: int
    incident: int | None
    received_at: datetime
    written_at: datetime | None
    sender_address: str
    sender_name: str
    party: str | None
    party_kind: str
    subject: str
    nature: Nature
    state: MessageState
    proposal: dict[str, str]
    verdict: Verdict | None
    decided_by: str | None
    decided_at: datetime | None


class WholeMail(MailTold):
    """A mail with its text as it was read, what is to be said of it, and its files."""

    text: str
    remarks: list[str]
    attachments: list[FileTold]


class MailList(Told):
    """Mails, 200 at most: those that wait, the oldest first; or all, the newest first."""

    mails: list[MailTold]


class MailQuery(Query):
    """Those that wait for a decision, unless all are asked for."""

    all: Flag = Field(default=False, description="also those that were decided or filed")


class MailDecision(Asked):
    """What a mail is. What is not said is as reading it suggested; `at` is when the responsible answered."""

    verdict: Verdict = Field(strict=False)
    incident: Count | None = None
    component: Line = ""
    service: Line = ""
    title: Line = ""
    severity: Severity | None = Field(default=None, strict=False)
    responsible: Responsible = Field(default=Responsible.NOBODY, strict=False)
    at: Moment | None = None


def list_mails(call: Call[MailQuery, Nothing]) -> Reply:
    """The inbox."""
    return Reply({"mails": [_mail(one) for one in listed(call.connection, waiting_only=not call.query.all)]})


def show_mail(call: Call[Nothing, Nothing]) -> Reply:
    """One mail."""
    return Reply(_whole(find_message(call.connection, call.place["mail"])))


def decide_mail(call: Call[Nothing, MailDecision]) -> Reply:
    """Decide what a mail is: an incident, a consulta, part of one, an answer, or nothing."""
    number = call.place["mail"]
    message = find_message(call.connection, number)
    proposed = message.proposal.get("incident", "")
    incident = call.body.incident or message.incident or (int(proposed) if proposed.isdecimal() else None)
    decision = Decision(call.body.verdict, _report(message, call.body), incident, call.body.at)
    decide(call.connection, number, decision, call.actor, call.now)
    return Reply(_whole(find_message(call.connection, number)))


def _report(message: Message, given: MailDecision) -> Report | None:
    """What is registered: what was said, else what the mail suggests."""
    if given.verdict not in {Verdict.INCIDENT, Verdict.QUESTION}:
        return None
    component = given.component or message.proposal.get("component", "")
    if not component.strip() and given.verdict is Verdict.INCIDENT:
        raise invalid("component", "say which component it is about")
    return Report(
        kind=Kind(given.verdict.value),
        component=component.strip() or "consulta",
        service=given.service or message.proposal.get("service", ""),
        title=given.title.strip() or message.subject or "Reporte por correo",
        severity=given.severity or Severity(message.proposal.get("severity", Severity.MEDIUM)),
        suspected=given.responsible,
        channel=BY_MAIL,
        detected_at=message.received_at,
    )


def _mail(one: Message) -> dict[str, Any]:
    return {"mail": one.number, **{name: getattr(one, name) for name in PLAIN}}


def _whole(one: Message) -> dict[str, Any]:
    files = [asdict(each) for each in one.attachments]
    return {**_mail(one), "text": one.text, "remarks": list(one.remarks), "attachments": files}


OPERATIONS = (
    Operation("GET", "/mails", "Mails that came", MailList, list_mails, query=MailQuery),
    Operation("GET", "/mails/<int:mail>", "One mail with its text", WholeMail, show_mail),
    Operation(
        "POST",
        "/mails/<int:mail>/decision",
        "Decide what a mail is",
        WholeMail,
        decide_mail,
        body=MailDecision,
        refusals=(*Reason, *StepReason, Trouble.NOT_FOUND, Trouble.BEING_ATTENDED),
    ),
)
