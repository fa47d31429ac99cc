"""The month's reports for whoever shows them: signed ones as kept, and drafts that are reckoned beside the answers."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine

from groundwork.settings import Settings
from incident_store import blobs
from incident_store.domain.months import Month
from incident_store.domain.steps import Actor
from incident_store.signing_refusals import SigningRefused, Unsigned
from reports.commands import compute
from reports.differences import differences, reasons
from reports.digests import digest
from reports.monthly_report import MonthlyReport, Signature, Status
from reports.rendering import RENDERERS
from reports.rendering.pdf import page_of
from reports.sending import file_name, post_report
from reports.signing import Signed, last_signed, sign, signed_months

FRESH, SOON = timedelta(minutes=5), timedelta(seconds=30)
"""How long a draft is shown again, and one that a source did not answer for."""
MOST_DRAFTS = 6


@dataclass(frozen=True)
class Draft:
    """A month that is being reckoned, or was."""

    begun: datetime
    report: Future[MonthlyReport]

    def stale(self, now: datetime) -> bool:
        """Whether it is to be reckoned anew."""
        if not self.report.done():
            return False
        failed = self.report.exception() is not None or self.report.result().status is Status.INCOMPLETE
        return now - self.begun > (SOON if failed else FRESH)


class Office:
    """Reports of one installation. One draft is reckoned at a time, for all who ask for it."""

    forms = tuple(RENDERERS)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="draft")
        self._lock = Lock()
        self._drafts: dict[Month, Draft] = {}

    def signed(self, connection: Connection) -> Sequence[tuple[str, Signature]]:
        """Every signed version with its month."""
        return signed_months(connection)

    def signed_page(self, connection: Connection, month: Month, version: int | None) -> Mapping[str, Any] | None:
        """The page of a signed version, the last for None; None when there is none."""
        found = last_signed(connection, str(month), version)
        return None if found is None else {**page_of(found.report, found.signature), "version": found.signature.version}

    def draft_page(self, connection: Connection, month: Month, now: datetime) -> Mapping[str, Any] | None:
        """The page of the month as it would be signed now, with what differs from what was; None while it is reckoned.

        `mark` stands for the figures: who signs says which ones they saw. Raises what reckoning raised.
        """
        report = self._draft(month, now)
        if report is None:
            return None
        last = last_signed(connection, str(month))
        return {**page_of(report, None), "mark": _mark(report), "changes": _changes(last, report)}

    def signed_file(self, connection: Connection, month: Month, version: int, form: str) -> tuple[str, bytes] | None:
        """Name and bytes of a file as it was signed."""
        found = last_signed(connection, str(month), version)
        if found is None:
            return None
        return file_name(found.report, found.signature, form), blobs.get(connection, found.files[form])

    def draft_file(self, month: Month, form: str, now: datetime) -> tuple[str, bytes] | None:
        """Name and bytes of a file of the draft; None while it is reckoned."""
        report = self._draft(month, now)
        return None if report is None else (file_name(report, None, form), RENDERERS[form](report, None))

    def sign(self, engine: Engine, month: Month, actor: Actor, now: datetime, reason: str, mark: str) -> int:
        """Sign the draft with this mark; returns the version. Raises SigningRefused, and what reckoning raised."""
        report = self._draft(month, now, wait=True)
        assert report is not None
        if _mark(report) != mark:
            raise SigningRefused(Unsigned.OVERTAKEN, f"the figures of {month} changed since they were shown")
        version = sign(engine, report, actor, now, reason).signature.version
        with self._lock:
            self._drafts.pop(month, None)
        return version

    def send(self, connection: Connection, month: Month, actor: Actor, note: str, now: datetime) -> int:
        """Hand the last signed version to the outbox for the committee; returns the notice's number. Raises Refused."""
        return post_report(connection, str(month), actor, note, now)

    def _draft(self, month: Month, now: datetime, *, wait: bool = False) -> MonthlyReport | None:
        with self._lock:
            held = self._drafts.get(month)
            if held is None or held.stale(now):
                self._drafts.pop(month, None)
                held = Draft(now, self._worker.submit(compute, self._settings, month, now, lambda _words: None))
                self._drafts[month] = held
                for one in list(self._drafts)[:-MOST_DRAFTS]:
                    del self._drafts[one]
        return held.report.result() if wait or held.report.done() else None


def _mark(report: MonthlyReport) -> str:
    """The same for the same figures, whenever they were read."""
    return digest(report.model_copy(update={"as_of": report.ends_at}))


def _changes(last: Signed | None, report: MonthlyReport) -> list[str]:
    return [] if last is None else [*reasons(last.report, report), *differences(last.report, report)]
