"""The commands for the files of an incident."""

from datetime import datetime
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from groundwork.settings import Settings
from incident_store.advance import NoSuchIncident
from incident_store.attachments import Attachment, Purpose, attach, attachments, find_attachment, save
from incident_store.database import read_store, use_store
from incident_store.documents import attachment_json
from incident_store.given import LARGEST_NUMBER, acting_person, known_word, moment
from incident_store.queries import find_incident
from incident_store.terminal import lima, plain, print_json, utc_now
from incident_store.words import VALUES


def attach_command(
    settings: Settings, number: int, file: Path, *, purpose: str, by: str, at: datetime | None, as_json: bool
) -> None:
    """`renteseg incident attach`; raises Refused saying what would be taken."""
    use, now = known_word(Purpose, purpose), utc_now()
    with use_store(settings.database_url) as engine, file.open("rb") as source:
        attached = attach(
            engine,
            known_number(number),
            file.name,
            source,
            use,
            acting_person(engine, by),
            now,
            limit=settings.attachment_megabytes * 1024 * 1024,
            received_at=moment(at, now),
        )
    if as_json:
        print_json(attachment_json(attached))
    else:
        print(
            f"{number}: {attached.place}, {attached.name}, {attached.blob.size:,} bytes, SHA-256 {attached.blob.sha256}"
        )


def list_command(settings: Settings, number: int, *, as_json: bool) -> None:
    """`renteseg incident attachments`."""
    with read_store(settings.database_url) as connection:
        found = find_incident(connection, known_number(number))
    if found is None:
        raise NoSuchIncident(number)
    files = attachments(found[0].events)
    if as_json:
        print_json([attachment_json(one) for one in files])
    elif not files:
        print(f"La incidencia {number} no tiene archivos adjuntos.")
    else:
        Console(highlight=False).print(_table(files))


def fetch_command(settings: Settings, number: int, place: int, *, out: Path) -> None:
    """`renteseg incident fetch`: the file, verified; raises Refused when it is not what was attached."""
    with read_store(settings.database_url) as connection:
        found = find_attachment(connection, known_number(number), place)
        print(f"{save(connection, found, out)}: {found.blob.size:,} bytes, SHA-256 {found.blob.sha256} verified")


def known_number(number: int) -> int:
    """A number that a store can look for; raises NoSuchIncident for one beyond every store."""
    if abs(number) > LARGEST_NUMBER:
        raise NoSuchIncident(number)
    return number


def _table(files: list[Attachment]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("N°", "Nombre", "Uso", "Bytes", "Por", "Cuándo", "SHA-256"):
        table.add_column(heading, overflow="fold", justify="right" if heading in {"N°", "Bytes"} else "left")
    for one in files:
        purpose, size = VALUES[one.purpose], f"{one.blob.size:,}"
        table.add_row(str(one.place), plain(one.name), purpose, size, plain(one.author), lima(one.at), one.blob.sha256)
    return table
