"""The command `renteseg report explain`: on a terminal for people, JSON for programs."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from groundwork.problems import Away, Refused
from groundwork.prometheus import Prometheus, QueryRefused, quoted
from groundwork.settings import Settings
from incident_store.database import read_store
from incident_store.terminal import print_json, utc_now
from incident_store.words import failure
from reports import words
from reports.commands import a_month
from reports.explanation import Rule, Stretch, samples_by_minute, stretches, whole_day
from reports.gathering import ANSWER_SECONDS, LARGEST_ANSWER, Gathered, gather
from reports.reckoning import Subject, subjects
from reports.samples import MILLISECOND, UP

Told = Mapping[int, list[tuple[float, str, str]]]
Reasons = Mapping[int, Sequence[str]]
"""Why probes failed, the most frequent reason first, by a stretch's first minute."""

RULES = {
    Rule.MAINTENANCE: "ventana de mantenimiento aprobada (regla 24)",
    Rule.SAMPLES_DOWN: "falló más de la mitad de sus pruebas (regla 22)",
    Rule.FILLED_DOWN: "sin muestras; los contadores prueban que estuvo caído (regla 26)",
    Rule.FILLED_UP: "sin muestras; los contadores prueban que estuvo operativo (regla 26)",
    Rule.NO_SAMPLES: "nadie lo observó (reglas 22 y 26)",
    Rule.PENDING: "aún no ha transcurrido",
    Rule.RELAPSE: "operativo entre una interrupción y su recaída: cuenta como caído (regla 25)",
}
MOST_SAMPLES = 60
WIDTH_IN_A_PIPE = 180
HEADS = ("Desde", "Hasta", "Min.", "Estado", "Cuenta", "Incidencia", "Ventana", "Muestras", "Regla")


def explain_command(settings: Settings, month: str, component: str, day: int | None, *, as_json: bool) -> None:
    """Every minute that was not up, and why; raises Refused for a component or day that is not there, Away."""
    asked = a_month(month)
    if day is not None and not 1 <= day <= sum(1 for _ in asked.days()):
        raise Refused(f"{month} has no day {day}")
    prometheus = Prometheus(settings.prometheus_url, ANSWER_SECONDS, LARGEST_ANSWER)
    with read_store(settings.database_url) as connection:
        gathered = gather(connection, prometheus, settings.config, asked, utc_now(), lambda _words: None)
    found = {subject.name: subject for subject in subjects(gathered)}
    if component not in found:
        raise Refused(f"{component!r} is no component of {month}; there are: {', '.join(found) or 'none'}")
    alike = list(stretches(gathered, found[component], whole_day(gathered, day)))
    told, why = _told(prometheus, component, alike), _reasons(prometheus, component, alike)
    if as_json:
        print_json(_document(gathered, found[component], alike, told, why))
    else:
        _print(found[component], alike, told, why)
    if not gathered.complete:
        raise Away("; ".join(words.note_text(note) for note in gathered.notes if note.kind.endswith("_away")))


def _told(prometheus: Prometheus, component: str, alike: Sequence[Stretch]) -> Told:
    """The samples of the stretches that have some, an hour at most in one question."""
    found: dict[int, list[tuple[float, str, str]]] = {}
    for one in alike:
        if one.rule in {Rule.NO_SAMPLES, Rule.PENDING, Rule.FILLED_DOWN, Rule.FILLED_UP}:
            continue
        moment = one.starts_at
        while moment < one.ends_at:
            end = min(moment + timedelta(hours=1), one.ends_at)
            asked = f"{UP}{{component={quoted(component)}}}[{int((end - moment).total_seconds() * 1000)}ms]"
            try:
                found.update(samples_by_minute(prometheus.samples(asked, end - MILLISECOND)))
            except QueryRefused as error:
                raise Away(f"Prometheus refuses the samples of {component}: {error}") from error
            moment = end
    return found


def _reasons(prometheus: Prometheus, component: str, alike: Sequence[Stretch]) -> Reasons:
    """What the exporter counted as the reasons of failure in each stretch that samples show down."""
    found: dict[int, Sequence[str]] = {}
    for one in alike:
        if one.rule is Rule.SAMPLES_DOWN:
            seconds = int((one.ends_at - one.starts_at).total_seconds()) + 60  # an increase needs a sample before it
            counted = f"renteseg_probe_failures_total{{component={quoted(component)}}}[{seconds}s]"
            try:
                vector = prometheus.instant(f"sum by (reason) (increase({counted})) > 0", one.ends_at)
            except QueryRefused as error:
                raise Away(f"Prometheus refuses the reasons of {component}: {error}") from error
            vector.sort(key=lambda sample: (-sample.value, sample.labels.get("reason", "")))
            found[one.first] = [sample.labels.get("reason", "") for sample in vector]
    return found


def _document(
    gathered: Gathered, subject: Subject, alike: Sequence[Stretch], told: Told, why: Reasons
) -> dict[str, Any]:
    return {
        "month": str(gathered.horizon.month),
        "component": subject.name,
        "as_of": gathered.as_of.isoformat(),
        "minutes": [
            {
                "minute": _utc(one.starts_at + timedelta(minutes=place)),
                "state": one.state.value,
                "rule": one.rule.value,
                "counts": one.counts,
                "excluded": one.excluded,
                "incidents": list(one.incidents),
                "maintenance": list(one.windows),
                "reasons": list(why.get(one.first, ())),
                "samples": [
                    {"at": _utc(datetime.fromtimestamp(moment, UTC)), "up": value == "1", "instance": instance}
                    for moment, value, instance in told.get(_minute(one.starts_at) + place, [])
                ],
            }
            for one in alike
            for place in range(one.minutes)
        ],
    }


def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def _print(subject: Subject, alike: Sequence[Stretch], told: Told, why: Reasons) -> None:
    screen = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_IN_A_PIPE)
    title = f"{words.plain(subject.name)}: minutos que no fueron operativos sin más (hora de Lima)"
    if not alike:
        screen.print(Text(f"{words.plain(subject.name)}: todos sus minutos fueron operativos."))
        return
    table = Table(*HEADS, title=Text(title))
    for one in alike:
        table.add_row(
            words.local(one.starts_at)[:16],
            words.local(one.ends_at)[:16],
            str(one.minutes),
            words.MINUTE_STATES[one.state],
            "excluido" if one.excluded else "sí" if one.counts else "no",
            ", ".join(map(str, one.incidents)),
            ", ".join(map(str, one.windows)),
            Text(_signs(one, told)),
            Text(RULES[one.rule] + "".join(f"; {words.plain(failure(reason))}" for reason in why.get(one.first, ()))),
        )
    screen.print(table)
    screen.print(Text("Muestras, minuto a minuto: + respondió, x falló; --json da la hora y el origen de cada una."))


def _signs(one: Stretch, told: Told) -> str:
    """The samples of each minute, one sign each."""
    first = _minute(one.starts_at)
    told_of = (told.get(first + place, []) for place in range(one.minutes))
    minutes = ["".join("+" if value == "1" else "x" for _, value, _ in samples) for samples in told_of]
    text = " ".join(minutes) if any(minutes) else ""
    return text if len(text) <= MOST_SAMPLES else f"{text[:MOST_SAMPLES]}…"
