"""What differs between a signed report and the same month reckoned again, and which input is no longer the same."""

from collections.abc import Iterator
from typing import Any

from reports import words
from reports.monthly_report import Clock, Incident, MonthlyReport

MOST = 200
INPUTS = {
    "samples": "los minutos observados: llegaron muestras después, o Prometheus ya no las conserva",
    "incidents": "las incidencias",
    "maintenance": "los mantenimientos",
    "loads": "las cargas",
    "policy": "sla.yml",
    "targets": "targets.yml",
    "policy_effective_from": "el acuerdo vigente",
    "holidays_package": "el paquete de feriados",
    "program": "la versión del programa",
}


def reasons(signed: MonthlyReport, again: MonthlyReport) -> list[str]:
    """Which inputs changed."""
    before, after = signed.inputs.model_dump(), again.inputs.model_dump()
    return [f"cambió {text}" for name, text in INPUTS.items() if before[name] != after[name]]


def differences(signed: MonthlyReport, again: MonthlyReport) -> list[str]:
    """Each figure that differs: where it stands, what was signed, what it is now; the first two hundred."""
    both = (signed, read_at_once(signed, again))
    before, after = (one.model_dump(mode="json", exclude={"inputs", "as_of"}) for one in both)
    found = [f"{place}: {_shown(old)} → {_shown(new)}" for place, old, new in _differing("", before, after)]
    more = [f"y {len(found) - MOST} diferencias más"] if len(found) > MOST else []
    return found[:MOST] + more


def read_at_once(first: MonthlyReport, second: MonthlyReport) -> MonthlyReport:
    """The second report without what its running clocks grew by between the two readings: time that passes changes
    no figure. What changed a clock otherwise stands in its times, which are left as they are."""
    between = (second.as_of - first.as_of).total_seconds()
    known = {incident.number: incident for incident in first.incidents}
    incidents = tuple(
        _as_read_before(known[incident.number], incident, between) if incident.number in known else incident
        for incident in second.incidents
    )
    return second.model_copy(update={"incidents": incidents})


def _as_read_before(before: Incident, after: Incident, between: float) -> Incident:
    earlier = {clock.name: clock for clock in before.clocks}
    clocks = (
        earlier[clock.name] if clock.name in earlier and _only_grew(earlier[clock.name], clock, between) else clock
        for clock in after.clocks
    )
    return after.model_copy(update={"clocks": tuple(clocks)})


def _only_grew(before: Clock, after: Clock, between: float) -> bool:
    readings = ("elapsed_seconds", "paused_seconds", "restored_seconds")
    same = after.model_copy(update={name: getattr(before, name) for name in (*readings, "by_responsible")}) == before
    return same and all(0 <= getattr(after, name) - getattr(before, name) <= between + 1 for name in readings)


NOTHING = object()


def _differing(place: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from _differing(f"{place}.{name}".strip("."), before.get(name, NOTHING), after.get(name, NOTHING))
    elif isinstance(before, list) and isinstance(after, list):
        first, second = _named(before), _named(after)
        for name in dict.fromkeys((*first, *second)):
            yield from _differing(f"{place}[{name}]", first.get(name, NOTHING), second.get(name, NOTHING))
    elif before != after:
        yield place, before, after


def _named(entries: list[Any]) -> dict[str, Any]:
    """The entries of a list by what they are called, else by their place."""
    named = {}
    for place, entry in enumerate(entries):
        words_of = entry if isinstance(entry, dict) else {}
        keys = ("name", "number", "component", "operator", "file_type", "day", "starts_at", "clock", "severity", "kind")
        name = " ".join(str(words_of[key]) for key in keys if key in words_of) or str(place)
        named[name if name not in named else f"{name} #{place}"] = entry
    return named


def _shown(value: Any) -> str:
    if value is NOTHING:
        return "no estaba"
    text = words.plain(str(value))
    return text if len(text) <= 80 else f"{text[:80]}…"
