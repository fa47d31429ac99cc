"""A signed month on its way to the committee: its files are handed to the outbox, once a version."""

from datetime import datetime

from sqlalchemy import Connection

from groundwork.problems import Refused
from incident_store import blobs
from incident_store.domain.lifecycle import Role
from incident_store.domain.notices import NoticeKind
from incident_store.domain.steps import Actor
from incident_store.outbox import Attached, post
from reports import words
from reports.monthly_report import MonthlyReport, Signature
from reports.signing import Signed, last_signed

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""What the committee is sent."""


def post_report(connection: Connection, month: str, actor: Actor, note: str, now: datetime) -> int:
    """Hand the last signed version to the outbox; returns the notice's number.

    Raises Refused for a month that is not signed and for somebody who is no supervisor.
    """
    if actor.role is not Role.SUPERVISOR:
        raise Refused(f"{actor.name} is {actor.role.value}: a supervisor sends the report")
    signed = last_signed(connection, month)
    if signed is None:
        raise Refused(f"{month} is not signed: `renteseg report sign {month} --by …` first")
    return post(
        connection,
        NoticeKind.MONTHLY_REPORT,
        actor.name,
        now,
        facts={"month": words.month_name(month), "note": note},
        attachments=[_attached(connection, signed, form) for form in MEDIA_TYPES],
        key=f"monthly_report:{month}:{signed.signature.version}",
    )


def _attached(connection: Connection, signed: Signed, form: str) -> Attached:
    blob = blobs.find(connection, signed.files[form])
    assert blob is not None  # kept in the transaction that signed
    name = file_name(signed.report, signed.signature, form)
    return Attached(name=name, media_type=MEDIA_TYPES[form], sha256=blob.sha256, size=blob.size)


def file_name(report: MonthlyReport, signature: Signature | None, form: str) -> str:
    """`disponibilidad-2026-10-v1.pdf`, or `…-borrador.pdf` without a signature."""
    version = f"v{signature.version}" if signature else "borrador"
    return f"disponibilidad-{report.month}-{version}.{form}"
