"""The worked cases, read from `worked_clocks.yml`; run as a program it writes their tables for people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from incident_store.domain.clocks import ClockState, Reading
from incident_store.domain.incident_clocks import read_clocks
from incident_store.domain.incidents import Event
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.policies import ClockName, Responsible, Severity
from incident_store.policy_file import PolicyFile
from incident_store.words import CLOCK_STATES, CLOCKS, EVENTS
from tests.processes import ROOT

LIMA = ZoneInfo("America/Lima")
FILE = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
POLICY = PolicyFile.model_validate(FILE["policy"]).policy()
DOCUMENTS = {"es": ROOT / "docs" / "casos-de-plazos.md", "en": ROOT / "docs" / "worked-clocks.md"}
ATTENDED = ("analysis_began", "diagnosed", "validated", "dispatched", "responsible_answered")


@dataclass(frozen=True)
class Case:
    """One worked case, as it stands in the file."""

    given: Mapping[str, Any]

    @property
    def clock(self) -> ClockName:
        return ClockName(self.given["clock"])

    @property
    def due(self) -> datetime | None:
        return None if self.given["due"] is None else lima(self.given["due"])

    @property
    def elapsed(self) -> timedelta:
        hours, minutes, seconds = map(int, self.given["elapsed"].split(":"))
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)

    @property
    def state(self) -> ClockState:
        return ClockState(self.given["state"])

    @property
    def severity(self) -> Severity:
        """The one that counts in the end."""
        changes = [word["severity"] for _, _, word in self.facts() if "severity" in word]
        return Severity([self.given["severity"], *changes][-1])

    def facts(self) -> Iterator[tuple[datetime, str, dict[str, str]]]:
        """When what happened, and the words with it."""
        for fact in self.given["facts"]:
            day, hour, kind, *rest = fact.split(" ", 3)
            yield lima(f"{day} {hour}"), kind, dict(part.split("=", 1) for part in rest)

    def events(self) -> list[Event]:
        """The facts as an incident's events."""
        events: list[Event] = []
        severity, responsible = self.given["severity"], Responsible.PROVIDER.value
        for at, kind, word in self.facts():
            severity = word.get("severity", severity)
            words = {"severity": severity, "responsible": responsible, **word}
            if kind == "corrected":
                places = [place for place, event in enumerate(events, 1) if event.kind.value == word["event"]]
                words["event"] = str(places[-1])
            kinds = {"attended": ATTENDED, "detected": ("fault_began", "detected", "severity_set", "suspected")}
            events += [Event(EventKind(one), at, at, "ana", words) for one in kinds.get(kind, (kind,))]
        return events

    def reading(self) -> Reading:
        """What the program says."""
        clocks = read_clocks(self.events(), POLICY, lima(self.given["now"]))
        return next(clock.reading for clock in clocks if clock.name is self.clock)


CASES = [Case(given) for given in FILE["cases"]]


def lima(text: str) -> datetime:
    """`05/10/2026 09:00:00`, as it is written in Lima."""
    return datetime.strptime(text, "%d/%m/%Y %H:%M:%S").replace(tzinfo=LIMA).astimezone(UTC)


HEADINGS = {
    "es": ("N°", "Caso", "Plazo", "Hechos (hora de Lima)", "Leído", "Vence", "Transcurrido", "Resultado", "Por qué"),
    "en": ("No.", "Case", "Clock", "Facts (Lima time)", "Read at", "Due", "Elapsed", "Verdict", "Why"),
}
CLOCKS_IN = {"es": CLOCKS, "en": {one: one.value for one in ClockName}}
STATES_IN = {"es": CLOCK_STATES, "en": {one: one.value for one in ClockState}}
ATTENDED_IN = {"es": "Atención", "en": "attended"}
CALENDARS_IN = {"es": {True: "continuo", False: "laborables"}, "en": {True: "round the clock", False: "working hours"}}
PAUSED_IN = {"es": "en pausa", "en": "paused"}
DETAILS_IN = {"es": {"reason": "motivo", "severity": "criticidad", "event": "de"}, "en": {"event": "of"}}


def render(language: str) -> str:
    """The tables for people."""
    headings = HEADINGS[language]
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    lines += ["| " + " | ".join(_cells(number, case, language)) + " |" for number, case in enumerate(CASES, 1)]
    return FILE["introduction"][language] + "\n" + "\n".join(lines) + "\n"


def _cells(number: int, case: Case, language: str) -> list[str]:
    given = case.given
    return [
        str(number),
        given[language],
        _clock(case, language),
        "<br>".join(_fact(at, kind, word, language) for at, kind, word in case.facts()),
        given["now"],
        given["due"] or PAUSED_IN[language],
        given["elapsed"],
        STATES_IN[language][case.state],
        given[f"why_{language}"],
    ]


def _clock(case: Case, language: str) -> str:
    target = POLICY.versions[0].targets[case.clock, case.severity, Responsible.PROVIDER]
    hours = f"{target.target.total_seconds() / 3600:g} h"
    calendar = CALENDARS_IN[language][target.calendar.always_open]
    return f"{CLOCKS_IN[language][case.clock]}, {case.severity.value.capitalize()}: {hours}, {calendar}"


def _fact(at: datetime, kind: str, word: Mapping[str, str], language: str) -> str:
    names = {**{one.value: EVENTS[one] if language == "es" else one.value.replace("_", " ") for one in EventKind}}
    names["attended"] = ATTENDED_IN[language]
    details = ", ".join(
        f"{DETAILS_IN[language].get(name, name)} {names.get(value, value)}" for name, value in word.items()
    )
    return f"{at.astimezone(LIMA):%d/%m %H:%M:%S} {names[kind]}" + (f" ({details})" if details else "")


if __name__ == "__main__":
    for one, document in DOCUMENTS.items():
        document.write_text(render(one), encoding="utf-8")
