"""What promtool lets pass in rules/ and yet would break the way from an alert to its incident and its mails."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain.rendering import ROOT
from groundwork.configuration import Document, Location, parse, read_text, substitute
from groundwork.problems import ConfigurationError, Problem

SEVERITIES = ("critical", "warning", "info")
SAID = {
    "summary": "its mail would have no heading",
    "description": "its mail would not say what happened",
    "runbook_url": "nobody on watch would be told what to do",
}
"""What every alert says, and what its absence costs."""
NAMED = re.compile(r"\$labels\.(\w+)")
KEPT = re.compile(r"\b(?:by|group_left|group_right)\s*\(([^()]*)\)|\"(\w+)\"")
"""Labels that an expression keeps, and the quoted words among which label_replace names the one that it makes."""
EQUAL = re.compile(r"(\w+)\s*=\s*\"")
AGGREGATES = re.compile(r"\b(?:by|without)\s*\(")


@dataclass(frozen=True)
class Alert:
    """An alerting rule and where it stands."""

    document: Document
    location: Location
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The alert's name."""
        return str(self.values["alert"])

    def labels(self) -> dict[str, str]:
        """The labels that it has in any case; those that its expression gives are not known here."""
        given = self.values.get("labels") or {}
        return {"alertname": self.name} | {key: str(value) for key, value in given.items() if "{{" not in str(value)}

    def problem(self, within: Location, what: str, remedy: str) -> Problem:
        """Something wrong with it, on its line."""
        place = (*self.location, *within)
        return Problem(str(self.document.path), what, remedy, self.document.line(place), self.name)


def alerts() -> list[Alert]:
    """Every alert of rules/; none when one of the files is no YAML, which promtool says."""
    try:
        return [alert for path in sorted((ROOT / "rules").glob("*.yml")) for alert in _of_file(path)]
    except ConfigurationError:
        return []


def _of_file(path: Path) -> Iterator[Alert]:
    values, lines = parse(substitute(read_text(path), path, os.environ), path)
    document = Document(path, values, lines)
    for group, entry in enumerate(entries(values, "groups")):
        for place, rule in enumerate(entries(entry, "rules")):
            if {"alert", "expr"} <= rule.keys():
                yield Alert(document, ("groups", group, "rules", place), rule)


def entries(holder: Any, name: str) -> list[dict[str, Any]]:
    """The mappings of a list entry, which may be absent, null or something else."""
    found = holder.get(name) if isinstance(holder, dict) else None
    return [entry if isinstance(entry, dict) else {} for entry in found] if isinstance(found, list) else []


def check_rules() -> Iterator[Problem]:
    """What each rule would break, and what is missing altogether."""
    found = alerts()
    for alert in found:
        yield from _severity(alert)
        yield from _said(alert)
    if found and "Watchdog" not in {alert.name for alert in found}:
        what = "no rule is called Watchdog: nobody would notice that alerts no longer arrive"
        yield Problem(str(ROOT / "rules"), what, "write it again as in monitoring.yml")


def _severity(alert: Alert) -> Iterator[Problem]:
    severity = alert.labels().get("severity")
    if severity in SEVERITIES or "{{" in str((alert.values.get("labels") or {}).get("severity")):
        return
    what = f"the severity is {severity!r}: its incidents would count as media, and no route for its severity takes it"
    yield alert.problem(("labels", "severity"), what, f"write {_nearest(str(severity).lower(), SEVERITIES)}")


def _nearest(word: str, known: tuple[str, ...]) -> str:
    return next(iter(difflib.get_close_matches(word, known, n=1)), " or ".join(known))


def _said(alert: Alert) -> Iterator[Problem]:
    annotations = alert.values.get("annotations") or {}
    for name, consequence in SAID.items():
        if not annotations.get(name):
            yield alert.problem(("annotations",), f"there is no {name}: {consequence}", f"write {name}")
    left = _labels_left(alert)
    for name, text in annotations.items():
        for label in dict.fromkeys(NAMED.findall(str(text))):
            if left is not None and label not in left:
                what = f"{name} names the label {label!r}, which the expression does not keep: it would be empty there"
                yield alert.problem(("annotations", name), what, f"keep {label} in the expression's by (…)")


def _labels_left(alert: Alert) -> set[str] | None:
    """The labels that may be on the alert; None where the expression aggregates nothing away."""
    expr = str(alert.values["expr"])
    if not AGGREGATES.search(expr):
        return None
    kept = {word for found in KEPT.findall(expr) for part in found for word in re.findall(r"\w+", part)}
    return kept | set(EQUAL.findall(expr)) | set(alert.values.get("labels") or {}) | {"alertname"}
