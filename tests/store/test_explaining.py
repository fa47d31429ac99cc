"""Semantics 19, for people: each clock explains itself in Spanish, and a terminal shows it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from incident_store.domain.incident_clocks import earlier_dues, read_clocks
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import ClockName
from incident_store.explaining import explanation, verdict
from incident_store.queries import IncidentRecord
from incident_store.terminal import print_incident, print_list
from tests.builders import at
from tests.domain.test_steps import ANA, ANALYSED, ANSWERED, DIAGNOSIS, DISPATCHED, POLICY, SOFIA, VALIDATED, walk

LOW = (ANA, EventKind.DIAGNOSED, 10, {**DIAGNOSIS, "severity": "baja"})
WAIT = (SOFIA, EventKind.WAITING_BEGAN, 30, {"reason": "repuesto"})
HISTORY = walk(ANALYSED, LOW, VALIDATED, DISPATCHED, ANSWERED, WAIT, (SOFIA, EventKind.WAITING_ENDED, 60, {}))


def test_a_clock_says_in_spanish_what_counted_why_the_rest_did_not_and_whose_time_it_was() -> None:
    clocks = read_clocks(HISTORY, POLICY, at(4 * 1440))
    clock = next(one for one in clocks if one.name is ClockName.RESOLUTION)
    assert verdict(clock) == (
        "Solución: vencido, vence 09/10/2026 09:30:00, transcurrido 26 h 30 min 00 s de 24 h 00 min 00 s "
        "(valor por defecto, no contractual)"
    )
    lines = list(explanation(clock, earlier_dues(HISTORY, POLICY)))
    assert lines[:3] == [
        "05/10/2026 12:00:00 → 05/10/2026 12:30:00        30 min 00 s  cuenta",
        "05/10/2026 12:30:00 → 05/10/2026 13:00:00        30 min 00 s  no cuenta: repuesto",
        "05/10/2026 13:00:00 → 05/10/2026 17:30:00    4 h 30 min 00 s  cuenta",
    ]
    assert any(line.endswith("no cuenta: fuera de horario") for line in lines)
    assert any(line.endswith("no cuenta: Combate de Angamos") for line in lines)
    assert lines[-2] == "tiempo por responsable: B proveedor 26 h 30 min 00 s"
    assert lines[-1].startswith("antes vencía 05/10/2026 16:00:00 (Alta, B proveedor), hasta el cambio registrado")


def test_an_open_wait_shows_what_remains_instead_of_a_due_time() -> None:
    clocks = read_clocks(HISTORY[:-1], POLICY, at(50))
    clock = next(one for one in clocks if one.name is ClockName.RESOLUTION)
    assert verdict(clock).startswith("Solución: en pausa, sin hora de vencimiento, quedan 23 h 30 min 00 s")


@pytest.mark.parametrize("columns", ["80", "160"])
def test_an_incident_fits_a_terminal_and_shows_numbers_corrections_and_lima_times(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    excluded = {"from": at(30).isoformat(), "until": at(60).isoformat(), "reason": "corte [red]del operador[/red]"}
    history = [
        *HISTORY,
        replace(HISTORY[-1], kind=EventKind.EXCLUSION_PROPOSED, details=excluded),
        replace(HISTORY[-1], kind=EventKind.CORRECTED, at=at(65), details={"event": str(len(HISTORY)), "reason": "x"}),
    ]
    record = IncidentRecord(1, "portal-web", "consulta", "incidencia", "No abre", tuple(history))
    print_incident(record, [], POLICY, at(4 * 1440), explain=False)
    shown = capsys.readouterr().out
    assert all(len(line) <= int(columns) for line in shown.splitlines())
    whole = " ".join(shown.split())
    for words in ("05/10/2026", "corregida", "[red]", "criticidad", f" {len(HISTORY) + 2} "):
        assert words in whole
    assert "+00:00" not in shown


def test_a_list_of_incidents_keeps_names_and_states_whole_on_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    components = ("exportador-availability", "MOVISTAR/RECUPERADOS", "entrega-alertmanager")
    records = [IncidentRecord(1234, name, "s", "incidencia", "No abre", tuple(HISTORY)) for name in components]
    print_list(records, POLICY, at(4 * 1440))
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines) <= 80
    for name in components:
        assert any(f"1234 {name} " in line and "Baja B En atención" in line for line in lines), lines


def test_what_is_printed_of_a_clock_adds_up_to_the_second_however_fine_the_times_were() -> None:
    """Semantics 13: times are reckoned to the second, as they are read."""
    fine = [
        replace(event, at=event.at + timedelta(microseconds=place * 171_717 % 1_000_000))
        for place, event in enumerate(HISTORY)
    ]
    clocks = read_clocks(fine, POLICY, at(4 * 1440) + timedelta(microseconds=999_999))
    assert clocks == read_clocks(HISTORY, POLICY, at(4 * 1440))
    for clock in clocks:
        stretches = clock.reading.explanation
        assert all(one.interval.start.microsecond == one.interval.end.microsecond == 0 for one in stretches)
        counted = sum((one.interval.duration for one in stretches if one.counts), timedelta())
        assert counted == clock.reading.elapsed == sum(clock.by_responsible.values(), timedelta())
