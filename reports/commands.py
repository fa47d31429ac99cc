"""The commands `renteseg report …`."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console

from groundwork.problems import Away, Refused
from groundwork.prometheus import Prometheus
from groundwork.settings import Settings
from incident_store.database import read_store
from incident_store.domain.months import Month, parse_month
from incident_store.terminal import utc_now
from reports import words
from reports.building import build
from reports.gathering import ANSWER_SECONDS, LARGEST_ANSWER, gather
from reports.monthly_report import MonthlyReport, Signature, Status
from reports.rendering.document import as_json
from reports.rendering.pdf import as_pdf
from reports.rendering.xlsx import as_xlsx

Render = Callable[[MonthlyReport, Signature | None], bytes]
RENDERERS: Mapping[str, Render] = {"pdf": as_pdf, "xlsx": as_xlsx, "json": as_json}


def monthly_command(settings: Settings, month: str, out: Path, formats: Sequence[str]) -> None:
    """`renteseg report monthly`: the files of a month; raises Refused, ConfigurationError, Away."""
    chosen, asked = _formats(formats), a_month(month)
    with _progress() as progress:
        report = compute(settings, asked, utc_now(), progress)
    write_files(report, None, out, chosen)
    if report.status is Status.INCOMPLETE:
        raise Away("; ".join(words.note_text(note) for note in report.notes if note.kind.endswith("_away")))


def compute(settings: Settings, month: Month, as_of: datetime, progress: Callable[[str], None]) -> MonthlyReport:
    """A month's figures as they were known at a moment."""
    prometheus = Prometheus(settings.prometheus_url, ANSWER_SECONDS, LARGEST_ANSWER)
    with read_store(settings.database_url) as connection:
        return build(gather(connection, prometheus, settings.config, month, as_of, progress))


def write_files(report: MonthlyReport, signature: Signature | None, out: Path, formats: Sequence[str]) -> None:
    """The files, each whole or not at all; their names go to standard output."""
    out.mkdir(parents=True, exist_ok=True)
    for form in formats:
        path = out / f"{file_stem(report, signature)}.{form}"
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(RENDERERS[form](report, signature))
        temporary.replace(path)
        print(path)


def file_stem(report: MonthlyReport, signature: Signature | None) -> str:
    """`disponibilidad-2026-10-v1`, or `…-borrador` without a signature."""
    version = f"v{signature.version}" if signature else "borrador"
    return f"disponibilidad-{report.month}-{version}"


def a_month(text: str) -> Month:
    """The month that was asked for; raises Refused."""
    try:
        return parse_month(text)
    except ValueError as error:
        raise Refused(f"{error}; write the year and the month") from None


def _formats(given: Sequence[str]) -> list[str]:
    unknown = [form for form in given if form not in RENDERERS]
    if unknown:
        raise Refused(f"{unknown[0]!r} is none of {', '.join(RENDERERS)}")
    return list(dict.fromkeys(given)) or list(RENDERERS)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Shows what is being read on a terminal, and nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _words: None
        return
    with Console(stderr=True).status("") as status:
        yield status.update
