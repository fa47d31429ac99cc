"""The month's report over the API: as it was signed, or, while nobody has signed it, as it would be now."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from flask import current_app
from pydantic import Field

from console.api.operations import Call, Nothing, Operation, Reply
from console.api.problems import Problem, Trouble
from console.api.values import Count, Query, Told
from console.moments import LIMA
from console.month_reports import MonthReports
from groundwork.problems import Away, ConfigurationError, Refused
from incident_store.domain.months import Month, month_of, parse_month

DRAFTED = 13
"""So many months, the present one among them, are reckoned when nobody has signed them."""
RECKONED_SECONDS = 5


class Standing(StrEnum):
    """What the figures are: frozen by a supervisor's signature, or a draft that may change."""

    SIGNED = "signed"
    DRAFT = "draft"


class SignatureTold(Told):
    """Who signed which version, when (UTC) and why; `figures` is the SHA-256 of the report in canonical JSON."""

    version: int
    signed_by: str
    signed_at: datetime
    reason: str
    figures: str


class MonthTold(Told):
    """A month's report. `signature` is null for a draft, whose `report.status` says whether the month is over
    (`final`), goes on (`provisional`), or a source did not answer (`incomplete`)."""

    standing: Standing
    signature: SignatureTold | None
    report: Annotated[
        dict[str, Any], Field(description="as in the report's file, which docs/schemas/monthly-report.json describes")
    ]


class MonthQuery(Query):
    """Which version."""

    version: Annotated[Count, Field(ge=1)] | None = Field(
        default=None, description="a signed version; the last, when it is not said"
    )


class ReportsAway(Away):
    """The month cannot be reckoned now; asked later it may."""


def show_month(call: Call[MonthQuery, Nothing]) -> Reply:
    """The signed report of a month; of the last 13 months, while none is signed, the draft."""
    month, version = _month(call.place["month"]), call.query.version
    reports: MonthReports | None = current_app.extensions["month-reports"]
    if reports is None:
        raise ReportsAway("this console was started without reports")
    signed = [one.version for text, one in reports.signed(call.connection) if text == str(month)]
    if version in signed or (version is None and signed):
        found = reports.signed_file(call.connection, month, version or signed[-1], "json")
        return _told(Standing.SIGNED, found)
    if version is not None:
        versions = ", ".join(map(str, signed)) or "none"
        raise Problem(Trouble.NOT_FOUND, f"of {month} these versions are signed: {versions}")
    present = month_of(call.now, LIMA)
    if not 0 <= _months_between(month, present) < DRAFTED:
        raise Problem(Trouble.NOT_FOUND, f"{month} is not signed, and drafts are of the last {DRAFTED} months alone")
    return _told(Standing.DRAFT, _draft(reports, month, call.now))


def _draft(reports: MonthReports, month: Month, now: datetime) -> tuple[str, bytes] | None:
    try:
        return reports.draft_file(month, "json", now)
    except (Away, ConfigurationError, Refused) as error:
        raise ReportsAway(f"{month} cannot be reckoned: {error}") from error


def _told(standing: Standing, file: tuple[str, bytes] | None) -> Reply:
    if file is None:
        detail = f"the figures are being reckoned: ask again in {RECKONED_SECONDS} seconds"
        raise Problem(Trouble.BEING_RECKONED, detail, headers={"Retry-After": str(RECKONED_SECONDS)})
    return Reply({"standing": standing, **json.loads(file[1])})


def _month(text: str) -> Month:
    try:
        return parse_month(text)
    except ValueError as error:
        raise Problem(Trouble.NOT_FOUND, str(error)) from error


def _months_between(first: Month, second: Month) -> int:
    return (second.year - first.year) * 12 + second.month - first.month


OPERATIONS = (
    Operation(
        "GET",
        "/reports/monthly/<month>",
        "A month's availability report and SLA matrix",
        MonthTold,
        show_month,
        query=MonthQuery,
        refusals=(Trouble.BEING_RECKONED, Trouble.DAMAGED),
    ),
)
