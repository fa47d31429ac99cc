"""`renteseg incident evidence` and `draft`: what the metrics said of an opening, and texts drafted from the facts."""

from rich.console import Console

from groundwork.settings import Settings
from incident_store.advance import NoSuchIncident
from incident_store.database import read_store
from incident_store.drafts import DRAFTS, Case, DraftKind, read_case
from incident_store.evidence_words import facts, gaps
from incident_store.given import LARGEST_NUMBER, known_word
from incident_store.policy_file import read_policy
from incident_store.snapshots import Snapshot
from incident_store.terminal import lima, plain, print_json, utc_now


def evidence_command(settings: Settings, number: int, *, as_json: bool) -> None:
    """Print the evidence of each opening; raises NoSuchIncident, Damaged."""
    snapshots = _case(settings, number).snapshots
    if as_json:
        print_json([one.model_dump(mode="json") for one in snapshots])
    elif not snapshots:
        print(f"La incidencia {number} no tiene evidencia todavía: el worker la toma cuando Prometheus responde.")
    for snapshot in () if as_json else snapshots:
        _print(Console(highlight=False, soft_wrap=True), snapshot)


def draft_command(settings: Settings, number: int, kind: str, *, as_json: bool) -> None:
    """Print a draft; raises NoSuchIncident, Refused for one that the incident does not call for."""
    draft = DRAFTS[known_word(DraftKind, kind)](_case(settings, number), read_policy(settings.config), utc_now())
    if as_json:
        print_json({"subject": draft.subject, "text": draft.text})
    else:
        print(draft.subject, draft.text, sep="\n\n", end="")


def _case(settings: Settings, number: int) -> Case:
    if abs(number) > LARGEST_NUMBER:
        raise NoSuchIncident(number)
    with read_store(settings.database_url) as connection:
        return read_case(connection, number)


def _print(screen: Console, snapshot: Snapshot) -> None:
    screen.print(f"[bold]Evidencia de {plain(snapshot.component)}[/bold], apertura {lima(snapshot.moment)}")
    screen.print(f"Tomada {lima(snapshot.taken_at)}")
    for line in [*facts(snapshot), *gaps(snapshot)]:
        screen.print(f"- {plain(line)}")
