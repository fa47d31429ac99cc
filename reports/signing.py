"""Signing a month: its figures, what they rest on and its files are kept, whole, under who signed them and when.

Versions only grow. Two people who sign at once collide, and the later one is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select

from incident_store import blobs
from incident_store.domain.lifecycle import Role
from incident_store.domain.steps import Actor
from incident_store.models import ReportClockRow, ReportDayRow, ReportLoadRow, SignedReportRow
from incident_store.signing_refusals import SigningRefused, Unsigned
from incident_store.transactions import in_transaction
from reports.differences import read_at_once
from reports.digests import canonical, figures_digest
from reports.monthly_report import Figures, MonthlyReport, Signature, Status
from reports.rendering import RENDERERS


@dataclass(frozen=True)
class Signed:
    """A signed month as kept: the report, its signature, and the digests of its files by format."""

    report: MonthlyReport
    signature: Signature
    files: Mapping[str, str]


def sign(engine: Engine, report: MonthlyReport, actor: Actor, now: datetime, reason: str) -> Signed:
    """Keep this report as the month's next version; raises Refused saying what is in the way, StoreUnavailable."""
    with engine.connect() as connection:
        last = last_signed(connection, report.month)
    _check(report, actor, reason, last)
    version = last.signature.version + 1 if last else 1
    signature = Signature(
        version=version, signed_by=actor.name, signed_at=now, reason=reason, figures=figures_digest(report)
    )
    files = {form: render(report, signature) for form, render in RENDERERS.items()}
    return in_transaction(engine, lambda connection: _keep(connection, report, signature, files, now))


def _check(report: MonthlyReport, actor: Actor, reason: str, last: Signed | None) -> None:
    month = report.month
    if actor.role is not Role.SUPERVISOR:
        raise SigningRefused(Unsigned.WRONG_ROLE, f"{actor.name} is {actor.role.value}: a supervisor signs")
    if report.status is Status.PROVISIONAL:
        raise SigningRefused(Unsigned.NOT_OVER, f"{month} is not over: a month is signed after it has ended")
    if report.status is Status.INCOMPLETE:
        away = f"{month} is incomplete, for Prometheus did not answer: sign it when it does"
        raise SigningRefused(Unsigned.INCOMPLETE, away)
    if last is not None and not reason.strip():
        signed = f"{month} was signed by {last.signature.signed_by}: a correction needs --reason"
        raise SigningRefused(Unsigned.NO_REASON, signed)
    if last is not None and not substance_differs(last.report, report):
        same = f"nothing changed since version {last.signature.version} of {month}"
        raise SigningRefused(Unsigned.UNCHANGED, same)


def substance_differs(first: MonthlyReport, second: MonthlyReport) -> bool:
    """Whether anything differs but the moment at which the sources were read, and how far running clocks have come."""
    return canonical(first.model_copy(update={"as_of": second.as_of})) != canonical(read_at_once(first, second))


def _keep(
    connection: Connection, report: MonthlyReport, signature: Signature, files: Mapping[str, bytes], now: datetime
) -> Signed:
    last = _rows(connection, report.month)
    if len(last) + 1 != signature.version:
        other = f"{last[-1].signed_by} signed version {last[-1].version} of {report.month} meanwhile; look at it"
        raise SigningRefused(Unsigned.OVERTAKEN, other)
    kept = {form: blobs.put_bytes(connection, content, now).sha256 for form, content in files.items()}
    blobs.put_bytes(connection, canonical(report), now)
    number = connection.execute(
        insert(SignedReportRow)
        .values(
            month=report.month,
            version=signature.version,
            signed_by=signature.signed_by,
            signed_at=signature.signed_at,
            as_of=report.as_of,
            reason=signature.reason,
            figures=signature.figures,
            **kept,
        )
        .returning(SignedReportRow.id)
    ).scalar_one()
    for table, rows in (
        (ReportDayRow, _days(report)),
        (ReportClockRow, _clocks(report)),
        (ReportLoadRow, _loads(report)),
    ):
        if values := [{"report_id": number, **row} for row in rows]:
            connection.execute(insert(table), values)
    return Signed(report, signature, kept)


def _days(report: MonthlyReport) -> Iterator[dict[str, Any]]:
    subjects: list[tuple[str, str, str, Figures]] = [
        ("service", one.name, one.name, one.figures) for one in report.services
    ]
    subjects += [("component", one.name, one.service, one.figures) for one in report.components]
    for kind, name, service, figures in subjects:
        for day in figures.days:
            counts = day.model_dump(exclude={"day"})
            yield {"kind": kind, "name": name, "service": service, "day": day.day.isoformat(), **counts}


def _clocks(report: MonthlyReport) -> Iterator[dict[str, Any]]:
    for row in report.incidents:
        for clock in row.clocks:
            values = clock.model_dump(exclude={"name", "by_responsible", "pauses", "restored_seconds", "working_hours"})
            words = {"incident": row.number, "severity": row.severity, "responsible": row.responsible}
            yield {"clock": clock.name, **words, **values}


def _loads(report: MonthlyReport) -> Iterator[dict[str, Any]]:
    for load in report.loads:
        for one in {one.day: one for one in load.days}.values():
            line = {"operator": load.operator, "file_type": load.file_type}
            yield {**line, "day": one.day.isoformat(), "state": one.state}


def signed_versions(connection: Connection, month: str | None = None) -> list[Signature]:
    """The signatures of a month, or of all months, oldest first."""
    return [_signature(row) for row in _rows(connection, month)]


def signed_months(connection: Connection) -> list[tuple[str, Signature]]:
    """Every signed version with its month, by month and version."""
    return [(row.month, _signature(row)) for row in _rows(connection, None)]


def last_signed(connection: Connection, month: str, version: int | None = None) -> Signed | None:
    """The last signed version of a month, or the one asked for; None when there is none."""
    rows = [row for row in _rows(connection, month) if version is None or row.version == version]
    if not rows:
        return None
    report = MonthlyReport.model_validate_json(blobs.get(connection, rows[-1].figures))
    files = {form: getattr(rows[-1], form) for form in RENDERERS}
    return Signed(report, _signature(rows[-1]), files)


def _rows(connection: Connection, month: str | None) -> Sequence[Row[Any]]:
    query = select(*SignedReportRow.__table__.c).order_by(SignedReportRow.month, SignedReportRow.version)
    return connection.execute(query if month is None else query.where(SignedReportRow.month == month)).all()


def _signature(row: Row[Any]) -> Signature:
    return Signature(
        version=row.version,
        signed_by=row.signed_by,
        signed_at=row.signed_at,
        reason=row.reason,
        figures=row.figures,
    )
