"""`renteseg incident evidence`: what the metrics said when the incident opened, for people or for programs."""

from rich.console import Console

from groundwork.settings import Settings
from incident_store.advance import NoSuchIncident
from incident_store.database import read_store
from incident_store.evidence import read_evidence
from incident_store.evidence_words import facts
from incident_store.given import LARGEST_NUMBER
from incident_store.queries import find_incident
from incident_store.snapshots import Snapshot
from incident_store.terminal import lima, plain, print_json


def evidence_command(settings: Settings, number: int, *, as_json: bool) -> None:
    """Print the evidence of each opening; raises NoSuchIncident, Damaged."""
    with read_store(settings.database_url) as connection:
        found = find_incident(connection, number) if abs(number) <= LARGEST_NUMBER else None
        if found is None:
            raise NoSuchIncident(number)
        snapshots = read_evidence(connection, found[0].events)
    if as_json:
        print_json([one.model_dump(mode="json") for one in snapshots])
    elif not snapshots:
        print(
            f"La incidencia {number} no tiene evidencia todavía: la toma el proceso worker cuando Prometheus responde."
        )
    for snapshot in () if as_json else snapshots:
        _print(Console(highlight=False, soft_wrap=True), snapshot)


def _print(screen: Console, snapshot: Snapshot) -> None:
    screen.print(f"[bold]Evidencia de {plain(snapshot.component)}[/bold], apertura {lima(snapshot.moment)}")
    screen.print(f"Tomada {lima(snapshot.taken_at)}")
    for line in facts(snapshot):
        screen.print(f"- {plain(line)}")
