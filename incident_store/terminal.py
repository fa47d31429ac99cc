"""Incidents on a terminal: tables in Spanish for people, JSON for programs."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from incident_store.domain.episodes import Episode
from incident_store.domain.incident_clocks import Clock, earlier_dues, read_clocks
from incident_store.domain.incidents import Event, corrected
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import ClockName, SlaPolicy
from incident_store.explaining import explanation, verdict
from incident_store.queries import IncidentRecord
from incident_store.words import CLOCK_STATES, EVENTS, LIMA, RESPONSIBLES, STATES, details_in_words, lima

__all__ = ["LIMA", "lima", "plain", "print_incident", "print_json", "print_list", "utc_now"]

WIDE = 120
"""Columns of a terminal that has room for all of an event."""


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
    earlier = earlier_dues(record.events, policy) if explain else ()
    for clock in read_clocks(record.events, policy, now):
        screen.print(verdict(clock))
        for line in explanation(clock, earlier) if explain else ():
            screen.print(f"  {plain(line)}", soft_wrap=True)
    screen.print(_episodes_table(episodes))
    screen.print(_events_table(record.events, screen.width))


def _episodes_table(episodes: Sequence[Episode]) -> Table:
    table = Table(title="Alertas", title_justify="left")
    for heading in ("Alerta", "Inicio", "Fin"):
        table.add_column(heading)
    for episode in episodes:
        end = lima(episode.ended_at) if episode.ended_at else "activa"
        table.add_row(plain(episode.labels.get("alertname", "")), lima(episode.started_at), end)
    return table


def _events_table(events: Sequence[Event], width: int) -> Table:
    """The events with the numbers that corrections name; when each was written down only where there is room."""
    wide = width >= WIDE
    table = Table(title="Hechos", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("N°", "Hecho", "Ocurrió", *(["Registrado"] if wide else []), "Por", "Detalle"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"Ocurrió", "Registrado"})
    for number, (event, effective) in enumerate(zip(events, corrected(events), strict=True), 1):
        details = details_in_words(event.details)
        if effective.at != event.at:
            details = f"hora corregida: {lima(effective.at)}" + (f"; {details}" if details else "")
        written = [lima(event.recorded_at)] if wide else []
        table.add_row(str(number), EVENTS[event.kind], lima(event.at), *written, plain(event.author), plain(details))
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


def utc_now() -> datetime:
    """The clock, read once by each command."""
    return datetime.now(UTC)
