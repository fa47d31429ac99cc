"""`renteseg incident regularisations` and `renteseg loads owed`: what confirmed outages left owed."""

from collections.abc import Iterable
from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table

from groundwork.settings import Settings
from incident_store.advance import NoSuchIncident
from incident_store.announcements import regularisation_announcement
from incident_store.database import read_store
from incident_store.documents import regularisation_json
from incident_store.domain.incidents import Incident
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import SlaPolicy
from incident_store.domain.regularisations import OwedLoad, Regularisation, due_at, outage_of
from incident_store.given import LARGEST_NUMBER
from incident_store.policy_file import read_policy
from incident_store.queries import find_incident
from incident_store.regularisations import of_incident, open_regularisations
from incident_store.regularising import ask_owed
from incident_store.terminal import lima, plain, print_json, utc_now
from incident_store.words import REGULARISATION_STANDINGS


def incident_command(settings: Settings, number: int, *, as_json: bool) -> None:
    """What an incident left owed, with the announcement drafted; before its closing, what it would leave owed now.

    Raises NoSuchIncident; Away when the file-load exporter is needed and does not answer.
    """
    policy, now = read_policy(settings.config), utc_now()
    with read_store(settings.database_url) as connection:
        found = find_incident(connection, number) if abs(number) <= LARGEST_NUMBER else None
        owed = of_incident(connection, number) if found else []
    if found is None:
        raise NoSuchIncident(number)
    incident = found[0].incident
    proposed = EventKind.CLOSED not in incident.times
    if proposed:
        owed = _proposal(settings, number, incident, policy, now)
    if as_json:
        draft = regularisation_announcement(number, owed, policy, now).text if owed else None
        regularisations = [regularisation_json(one, now) for one in owed]
        print_json({"proposed": proposed, "regularisations": regularisations, "announcement": draft})
        return
    if proposed:
        print("Propuesta, por confirmar al cerrar con unavailability=confirmed:")
    _print(owed, now)
    if owed:
        print("\nBorrador de la comunicación:\n")
        print(regularisation_announcement(number, owed, policy, now).text)


def _proposal(
    settings: Settings, number: int, incident: Incident, policy: SlaPolicy, now: datetime
) -> list[Regularisation]:
    """What the incident would leave owed if it were closed now as unavailable."""
    outage = outage_of(incident)
    owed: list[OwedLoad] = [] if outage is None else ask_owed(settings.file_loads_url, outage)
    due = due_at(policy.at(now), now)
    return [Regularisation(number, one.load, due, one.processed_at) for one in owed if one.owed]


def owed_command(settings: Settings, *, as_json: bool) -> None:
    """What is still owed because of confirmed outages, the earliest due first."""
    now = utc_now()
    with read_store(settings.database_url) as connection:
        owed = open_regularisations(connection)
    if as_json:
        print_json([regularisation_json(one, now) for one in owed])
    else:
        _print(owed, now)


def _print(owed: Iterable[Regularisation], now: datetime) -> None:
    rows = [
        (
            str(one.incident),
            one.load.operator,
            one.load.file_type,
            one.load.data_day.strftime("%d/%m/%Y"),
            lima(one.due_at),
            lima(one.processed_at) if one.processed_at else "—",
            REGULARISATION_STANDINGS[one.standing(now)],
        )
        for one in owed
    ]
    if not rows:
        print("No hay cargas pendientes de regularizar.")
        return
    table = Table(title="Regularizaciones (hora de Lima)", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Inc.", "Operador", "Tipo", "Día", "Plazo", "Procesada", "Estado"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(plain(cell) for cell in row))
    Console().print(table)
