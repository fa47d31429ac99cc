"""The commands `renteseg report …`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from groundwork.atomic_file import write_atomically
from groundwork.problems import Away, Refused
from groundwork.prometheus import Prometheus
from groundwork.settings import Settings
from incident_store import blobs
from incident_store.database import read_store, use_store
from incident_store.domain.months import Month, month_of, parse_month
from incident_store.given import acting_person, one_line
from incident_store.queries import incidents_of
from incident_store.terminal import print_json, utc_now
from incident_store.transactions import in_transaction
from reports import words
from reports.building import build
from reports.differences import differences, reasons
from reports.digests import canonical
from reports.gathering import ANSWER_SECONDS, LARGEST_ANSWER, LIMA, gather
from reports.monthly_report import MonthlyReport, Status
from reports.rendering import RENDERERS
from reports.sending import file_name, post_report
from reports.signing import Signed, last_signed, sign, signed_months


def monthly_command(settings: Settings, month: str, out: Path, formats: Sequence[str], *, draft: bool) -> None:
    """`renteseg report monthly`: the files of a month, as signed or, if it was not, as a draft.

    Raises Refused when a signed month would come out otherwise now, ConfigurationError, Away.
    """
    chosen, asked = _formats(formats), a_month(month)
    signed = None if draft else _signed(settings, str(asked), None)
    if signed is not None:
        _hand_out(settings, signed, out, chosen)
        _verify(settings, asked, signed)
        return
    with _progress() as progress:
        report = compute(settings, asked, utc_now(), progress)
    for form in chosen:
        _write(out, file_name(report, None, form), RENDERERS[form](report, None))
    if report.status is Status.INCOMPLETE:
        raise Away("; ".join(words.note_text(note) for note in report.notes if note.kind.endswith("_away")))


def sign_command(settings: Settings, month: str, by: str, reason: str) -> None:
    """`renteseg report sign`; raises Refused saying what is in the way."""
    asked, now = a_month(month), utc_now()
    with use_store(settings.database_url) as engine:
        actor = acting_person(engine, by)
        with _progress() as progress:
            report = compute(settings, asked, now, progress)
        signed = sign(engine, report, actor, utc_now(), one_line(reason))
    print(f"{month}, versión {signed.signature.version}, firmada por {by}: {signed.signature.figures}")


def verify_command(settings: Settings, month: str, version: int | None) -> None:
    """`renteseg report verify`: whether the signed figures come out again; raises Refused listing what does not."""
    asked = a_month(month)
    signed = _signed(settings, str(asked), version)
    if signed is None:
        raise Refused(f"{month} is not signed; `renteseg report list` shows what is")
    _verify(settings, asked, signed)


def list_command(settings: Settings, *, as_json: bool) -> None:
    """`renteseg report list`: every signed version."""
    with read_store(settings.database_url) as connection:
        found = signed_months(connection)
    if as_json:
        print_json([{"month": month, **signature.model_dump(mode="json")} for month, signature in found])
        return
    table = Table("Mes", "Versión", "Firmó", "Cuándo (Lima)", "Motivo", "Huella")
    for month, one in found:
        signed = (words.plain(one.signed_by), words.local(one.signed_at), words.plain(one.reason))
        table.add_row(month, str(one.version), *signed, one.figures[:16])
    Console().print(table)


def send_command(settings: Settings, month: str, by: str, note: str) -> None:
    """`renteseg report send`: hand the signed files to the outbox for the committee; once a version.

    Raises Refused for a month that is not signed and for somebody who is no supervisor.
    """
    asked, now = a_month(month), utc_now()
    with use_store(settings.database_url) as engine:
        actor = acting_person(engine, by)
        number = in_transaction(
            engine, lambda connection: post_report(connection, str(asked), actor, one_line(note), now)
        )
    print(number)


def _verify(settings: Settings, month: Month, signed: Signed) -> None:
    """Reckon the month again as of its signature, and say what was written down later."""
    with _progress() as progress:
        again = compute(settings, month, signed.report.as_of, progress)
    later = _later(settings, month, signed.report.as_of)
    for line in later:
        print(line, file=sys.stderr)
    if canonical(again) == canonical(signed.report):
        print(f"{month}, versión {signed.signature.version}: sale idéntica ({signed.signature.figures})")
        return
    if again.status is Status.INCOMPLETE:
        raise Away("; ".join(words.note_text(note) for note in again.notes if note.kind.endswith("_away")))
    why, found = reasons(signed.report, again), differences(signed.report, again)
    if not found:
        print(f"{month}, versión {signed.signature.version}: las cifras salen iguales, aunque {'; '.join(why)}")
        return
    advice = f"`renteseg report sign {month} --by … --reason …` signs a correction"
    raise Refused("\n".join([f"{month} no longer comes out as it was signed; {advice}:", *why, *found]))


def _later(settings: Settings, month: Month, as_of: datetime) -> Iterator[str]:
    """What was written down of the month's incidents after it was signed."""
    with read_store(settings.database_url) as connection:
        records = incidents_of(connection, month.interval(LIMA))
    for record in records:
        added = [event for event in record.events if event.recorded_at > as_of]
        if added:
            yield f"incidencia {record.number}: {len(added)} hechos registrados después de la firma"


def compute(settings: Settings, month: Month, as_of: datetime, progress: Callable[[str], None]) -> MonthlyReport:
    """A month's figures as they were known at a moment."""
    prometheus = Prometheus(settings.prometheus_url, ANSWER_SECONDS, LARGEST_ANSWER)
    with read_store(settings.database_url) as connection:
        return build(gather(connection, prometheus, settings.config, month, as_of, progress))


def so_far(settings: Settings, as_of: datetime) -> MonthlyReport:
    """The figures of the month that a moment belongs to, until then."""
    return compute(settings, month_of(as_of, LIMA), as_of, lambda _words: None)


def _signed(settings: Settings, month: str, version: int | None) -> Signed | None:
    with read_store(settings.database_url) as connection:
        return last_signed(connection, month, version)


def _hand_out(settings: Settings, signed: Signed, out: Path, formats: Sequence[str]) -> None:
    """The files as they were signed, byte by byte."""
    for form in formats:
        with read_store(settings.database_url) as connection:
            content = blobs.get(connection, signed.files[form])
        _write(out, file_name(signed.report, signed.signature, form), content)


def _write(out: Path, name: str, content: bytes) -> None:
    """A file, whole or not at all, also when two write it at once; its name goes to standard output."""
    write_atomically(out / name, content)
    print(out / name)


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
