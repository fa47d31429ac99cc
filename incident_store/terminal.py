"""Incidents on a terminal: tables in Spanish for people, JSON for programs."""

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
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
from incident_store.domain.policies import ClockName, Responsible, SlaPolicy
from incident_store.explaining import explanation, standing_and_time
from incident_store.queries import IncidentRecord
from incident_store.words import CLOCK_STATES, EVENTS, LIMA, RESPONSIBLES, STATES, details_in_words, lima

__all__ = ["LIMA", "lima", "plain", "print_incident", "print_json", "print_list", "utc_now"]

WIDE = 120
"""Columns of a terminal that has room for all of an event."""
NARROW = ("N°", "Ocurrió", "Hecho", "Por")


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
        show_edge=False,
        pad_edge=False,
        padding=0,
    )
    for heading in ("N°", "Componente", "Crit.\nResp.", "Estado", "Detectada", "Respuesta", "Solución"):
        table.add_column(heading, overflow="fold", no_wrap=heading not in {"Componente", "Estado"})
    for record in records:
        incident = record.incident
        clocks = {clock.name: clock for clock in read_clocks(record.events, policy, now)}
        table.add_row(
            str(record.number),
            plain(record.component),
            f"{incident.severity.value.capitalize()} {_letter(incident.responsible)}",
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
        standing, time = standing_and_time(clock)
        _print_lines(screen, standing, [time, *(explanation(clock, earlier) if explain else ())])
    screen.print(_episodes_table(episodes) if episodes else "\nAlertas: ninguna")
    screen.print(_events_table(record.events, screen.width))


def _letter(responsible: Responsible) -> str:
    """Whose fault, in a letter."""
    return "—" if responsible is Responsible.NOBODY else responsible.value


def _print_lines(screen: Console, first: str, below: Iterable[str]) -> None:
    """A line and those that belong to it, each broken between words, and first where two spaces stand before them."""
    screen.print(first, markup=False)
    for line in map(_visible, below):
        place = line.rfind("  ") if len(line) > screen.width - 2 else -1
        before, after = (line, "") if place < 0 else (line[:place], line[place:].strip())
        for text, indent in ((before, "  "), (after, "      ")):
            for piece in textwrap.wrap(text, screen.width, initial_indent=indent, subsequent_indent="      "):
                screen.print(piece, markup=False)


def _table(title: str) -> Table:
    padding = (0, 1, 0, 0)
    return Table(
        title=f"\n{title}", title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=padding
    )


def _episodes_table(episodes: Sequence[Episode]) -> Table:
    table = _table("Alertas")
    for heading in ("Alerta", "Inicio", "Fin"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "Alerta")
    for episode in episodes:
        end = lima(episode.ended_at) if episode.ended_at else "activa"
        table.add_row(plain(episode.labels.get("alertname", "")), lima(episode.started_at), end)
    return table


def _events_table(events: Sequence[Event], width: int) -> Table:
    """The events with the numbers that corrections name. Where there is little room the details stand below what
    happened, and when it was written down is left out."""
    table = _table("Hechos")
    headings = ("N°", "Ocurrió", "Registrado", "Hecho", "Por", "Detalle") if width >= WIDE else NARROW
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in {"Ocurrió", "Registrado"})
    for number, (event, effective) in enumerate(zip(events, corrected(events), strict=True), 1):
        details = details_in_words(_with_short_hashes(event.details))
        if effective.at != event.at:
            details = f"hora corregida: {lima(effective.at)}" + (f"; {details}" if details else "")
        cells = [lima(event.recorded_at), EVENTS[event.kind], plain(event.author), plain(details)]
        if headings is NARROW:
            cells = [f"{EVENTS[event.kind]}\n{cells[3]}".rstrip(), cells[2]]
        table.add_row(str(number), lima(event.at), *cells)
    return table


def _with_short_hashes(details: Mapping[str, str]) -> dict[str, str]:
    """Enough of a hash to tell it from others; all of it is in the JSON."""
    return {name: f"{value[:16]}…" if name in {"sha256", "snapshot"} else value for name, value in details.items()}


def plain(text: str) -> str:
    """Text from outside as it stands: no markup, and no character that steers a terminal."""
    return escape(_visible(text))


def _visible(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text)


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
