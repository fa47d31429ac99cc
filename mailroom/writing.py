"""Writes the texts of notices that are due: drafts for a supervisor, or approved where no supervisor must see them."""

from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection, Engine

from groundwork.problems import ConfigurationError, Refused
from incident_store.database import reading
from incident_store.domain.notices import NoticeKind
from incident_store.domain.personal import masked
from incident_store.drafts import Case, rca_request
from incident_store.evidence import read_evidence
from incident_store.outbox import Notice, Recipient
from incident_store.outbox_work import Draft, keep_draft, keep_waiting, notices_to_write
from incident_store.queries import find_incident
from incident_store.transactions import in_transaction
from mailroom.addressing import CannotBeWritten, Concerned, recipients
from mailroom.contacts import MEBIBYTE, Approval
from mailroom.desk import Desk
from mailroom.facts import Fields, IncidentFacts, gather, plain, reported_by

log = structlog.get_logger()

AGAIN = timedelta(seconds=15)
"""How soon a notice that could not be written is tried again: contacts and templates may have been corrected."""


def write_notices(engine: Engine, desk: Desk, now: datetime) -> None:
    """Write every notice that is due; one that cannot be written waits with the reason and holds back no other."""
    with reading(engine).connect() as connection:
        due = notices_to_write(connection, now)
    for notice in due:
        problem = in_transaction(engine, partial(_write, notice=notice, desk=desk, now=now))
        if problem is not None and problem != notice.problem:
            log.error("notice waits", notice=notice.number, kind=notice.kind.value, problem=problem)


def _write(connection: Connection, notice: Notice, desk: Desk, now: datetime) -> str | None:
    """Keep the notice's text; returns why it has to wait instead."""
    try:
        draft = compose(connection, notice, desk, now)
    except (Refused, CannotBeWritten, ConfigurationError) as error:
        problem = str(error).splitlines()[0]
        keep_waiting(connection, notice, problem, now + AGAIN)
        return problem
    contacts = desk.contacts
    automatic = contacts.notices[notice.kind].approval is Approval.AUTOMATIC
    message_id = f"<{notice.token}.renteseg@{contacts.sender.domain}>"
    keep_draft(connection, notice, draft, message_id, now, approved=automatic)
    return None


def compose(connection: Connection, notice: Notice, desk: Desk, now: datetime) -> Draft:
    """Subject, text and recipients of a notice; raises CannotBeWritten, ConfigurationError."""
    contacts = desk.contacts
    size = sum(one.size for one in notice.attachments)
    if size > contacts.smtp.largest_mb * MEBIBYTE:
        what = f"its attachments have {size // MEBIBYTE} MB and at most {contacts.smtp.largest_mb} MB are sent"
        raise CannotBeWritten(f"{what}: raise smtp.largest_mb, or send a smaller file")
    fields = gather(connection, notice, desk.policy, desk.console_url, now)
    subject, text = _words(connection, notice, desk, fields, now)
    return Draft(_with_token(masked(subject), notice), masked(text), _to(connection, notice, desk, fields))


def _words(connection: Connection, notice: Notice, desk: Desk, fields: Fields, now: datetime) -> tuple[str, str]:
    """Subject and text: as the store drafts them, else from the kind's template."""
    if notice.kind is NoticeKind.MAINTENANCE:
        return plain(str(notice.facts["subject"])), str(notice.facts["text"])
    if notice.kind is not NoticeKind.RCA_REQUEST:
        return desk.wording.write(notice.kind, fields)
    found = find_incident(connection, notice.incident or 0)
    assert found is not None, "a notice refers to its incident by a foreign key"
    request = rca_request(Case(*found, read_evidence(connection, found[0].events)), desk.policy, now)
    return plain(request.subject), request.text


def _with_token(subject: str, notice: Notice) -> str:
    """The subject with the mark by which an answer finds its incident, of a length that every server takes."""
    mark = f"[RENTESEG-{notice.incident}] " if notice.incident else "[RENTESEG] "
    return mark + (subject if len(subject) <= 150 else f"{subject[:149]}…")


def _to(connection: Connection, notice: Notice, desk: Desk, fields: Fields) -> tuple[Recipient, ...]:
    incident = fields.get("incident")
    if not isinstance(incident, IncidentFacts):
        return recipients(notice.kind, Concerned(), desk.contacts)
    reporter = reported_by(connection, notice.incident or 0)
    concerned = Concerned(
        dispatched_to=str(notice.facts.get("operator") or incident.dispatched_to),
        component=incident.component,
        reporter_address=reporter.sender_address if reporter else "",
        reporter_name=reporter.sender_name if reporter else "",
    )
    return recipients(notice.kind, concerned, desk.contacts)
