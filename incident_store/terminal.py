"""Incidents on a terminal: tables in Spanish for people, JSON for programs."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from incident_store.domain.episodes import Episode
from incident_store.domain.incident_clocks import Clock, read_clocks
from incident_store.domain.incidents import Event
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import ClockName, SlaPolicy
from incident_store.queries import IncidentRecord
from incident_store.words import CLOCK_STATES, CLOCKS, EVENTS, RESPONSIBLES, STATES, details_in_words

LIMA = ZoneInfo("America/Lima")


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(document, ensure_ascii=False, indent=2))


def print_list(records: Sequence[IncidentRecord], policy: SlaPolicy, now: datetime) -> None:
    """A line an incident: number, what, how grave, whose fault, state, detected (Lima), what is left of each clock."""
    if not records:
        print("No hay incidencias registradas.")
        return
    table = Table(
        title="Incidencias (hora de Lima; respuesta y solución: lo que queda)",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for heading in ("N°", "Componente", "Crit.", "Resp.", "Estado", "Detectada", "Respuesta", "Solución"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "Componente")
    for record in records:
        incident = record.incident
        clocks = {clock.name: clock for clock in read_clocks(record.events, policy, now)}
        table.add_row(
            str(record.number),
            plain(record.component),
            incident.severity.value.capitalize(),
            RESPONSIBLES[incident.responsible].split(" ")[0],
            STATES[incident.state] + (" *" if incident.proposed_restoration else ""),
            incident.times[EventKind.DETECTED].astimezone(LIMA).strftime("%d/%m %H:%M"),
            *(_clock_words(clocks.get(name)) for name in (ClockName.RESPONSE, ClockName.RESOLUTION)),
        )
    Console().print(table)
    if any(record.incident.proposed_restoration for record in records):
        print("* restablecimiento propuesto, por confirmar")


def print_incident(
    record: IncidentRecord, episodes: Sequence[Episode], policy: SlaPolicy, now: datetime, *, explain: bool
) -> None:
    """One incident: its facts, clocks, alerts and events; with `explain`, the stretches of each clock."""
    incident, screen = record.incident, Console(highlight=False)
    screen.print(f"[bold]Incidencia {record.number}[/bold]: {plain(record.title)}")
    screen.print(f"Componente: {plain(record.component)}   Servicio: {plain(record.service)}")
    screen.print(
        f"Estado: {STATES[incident.state]}   Criticidad: {incident.severity.value.capitalize()}   "
        f"Responsable{'' if incident.validated else ' sospechado'}: {RESPONSIBLES[incident.responsible]}"
    )
    if incident.proposed_restoration:
        screen.print(f"Restablecimiento propuesto: {lima(incident.proposed_restoration)} (por confirmar)")
    for clock in read_clocks(record.events, policy, now):
        _print_clock(screen, clock, explain=explain)
    screen.print(_episodes_table(episodes))
    screen.print(_events_table(record.events))


def _print_clock(screen: Console, clock: Clock, *, explain: bool) -> None:
    source = "" if clock.target.contractual else " (valor por defecto, no contractual)"
    due = lima(clock.reading.due) if clock.reading.due else "en pausa"
    spent, target = (span(one.total_seconds()) for one in (clock.reading.elapsed, clock.target.target))
    screen.print(
        f"{CLOCKS[clock.name]}: {CLOCK_STATES[clock.reading.state]}, vence {due}, "
        f"transcurrido {spent} de {target}{source}"
    )
    if explain:
        for stretch in clock.reading.explanation:
            counts = "cuenta" if stretch.counts else f"no cuenta: {plain(stretch.reason)}"
            screen.print(f"  {lima(stretch.interval.start)} → {lima(stretch.interval.end)}  {counts}")


def _episodes_table(episodes: Sequence[Episode]) -> Table:
    table = Table(title="Alertas", title_justify="left")
    for heading in ("Alerta", "Inicio", "Fin"):
        table.add_column(heading)
    for episode in episodes:
        end = lima(episode.ended_at) if episode.ended_at else "activa"
        table.add_row(plain(episode.labels.get("alertname", "")), lima(episode.started_at), end)
    return table


def _events_table(events: Sequence[Event]) -> Table:
    table = Table(title="Hechos", title_justify="left")
    for heading in ("Hecho", "Ocurrió", "Registrado", "Por", "Detalle"):
        table.add_column(heading)
    for event in events:
        details = details_in_words(event.details)
        table.add_row(EVENTS[event.kind], lima(event.at), lima(event.recorded_at), plain(event.author), plain(details))
    return table


def plain(text: str) -> str:
    """Text from outside as it stands: no markup, and no character that steers a terminal."""
    return escape("".join(character if character.isprintable() else "�" for character in text))


def _clock_words(clock: Clock | None) -> str:
    if clock is None:
        return "no corre"
    if clock.stopped:
        return CLOCK_STATES[clock.reading.state]
    left = clock.reading.remaining.total_seconds()
    minutes = int(abs(left)) // 60
    amount = f"{minutes // 60}h{minutes % 60:02}" if minutes >= 60 else f"{minutes} min"
    return amount if left >= 0 else f"−{amount}"


def lima(moment: datetime) -> str:
    """A time as people in Lima write it, to the second."""
    return moment.astimezone(LIMA).strftime("%d/%m/%Y %H:%M:%S")


def span(length: float) -> str:
    """Seconds as `4 h 05 min 30 s`, cut to whole seconds."""
    minutes, rest = divmod(int(length), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min {rest:02} s" if hours else f"{minutes} min {rest:02} s"


def utc_now() -> datetime:
    """The clock, read once by each command."""
    return datetime.now(UTC)
