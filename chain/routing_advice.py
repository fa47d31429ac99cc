"""Whom an edited alertmanager.yml, valid as it is, would no longer tell; and matchers that match nothing of ours."""

import difflib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain.alertmanager_advice import OUR_PATH
from chain.rules_check import SEVERITIES, Alert, alerts, entries
from groundwork.configuration import Document, Location, parse, read_text, substitute
from groundwork.problems import ConfigurationError, Problem
from groundwork.settings import Settings

MATCHER = re.compile(r"""^\s*"?(\w+)"?\s*(=~|!~|!=|=)\s*(?:"(.*)"|'(.*)'|(.*?))\s*$""")
POSTED = ("Watchdog", "RentesegComponentDown", "RentesegLinkDown", "RentesegFileRejected", "RentesegLoadFailed")
"""Alerts that the receiver must have: the sign of life, and what always becomes an incident."""
MATCHERS = ("matchers", "source_matchers", "target_matchers")


@dataclass(frozen=True)
class Arrival:
    """A receiver that an alert reaches, and the route that sends it there."""

    receiver: str
    route: Location


def advise_routes(settings: Settings) -> list[Problem]:
    """What to change so that everybody is told; empty when nothing is lost or the file cannot be read."""
    path = settings.config / "alertmanager.yml"
    try:
        values, lines = parse(substitute(read_text(path), path, os.environ), path)
    except ConfigurationError:
        return []  # `check` says so
    if not isinstance(values, dict) or not isinstance(values.get("route"), dict):
        return []
    document, known = Document(path, values, lines), alerts()
    return [*_strange_matchers(document, known), *_untold(document, known)] if known else []


# --- matchers that match nothing --------------------------------------------------------------------------------


def _strange_matchers(document: Document, known: Sequence[Alert]) -> Iterator[Problem]:
    names = sorted({alert.name for alert in known})
    for location, text in _matchers(document.values, ()):
        if (found := MATCHER.match(text)) is None:
            continue
        label, operator, value = found[1], found[2], found[3] or found[4] or found[5] or ""
        if label == "severity" and operator == "=" and value not in SEVERITIES:
            yield _nothing(document, location, f"{value!r} is the severity of no alert", SEVERITIES, value)
        if label == "alertname" and operator in {"=", "=~"}:
            for one in value.split("|") if operator == "=~" and "(" not in value else [value]:
                if _misspelt(one, names, pattern=operator == "=~"):
                    yield _nothing(document, location, f"{one!r} is the name of no alert of rules/", names, one)


def _misspelt(name: str, known: Sequence[str], *, pattern: bool) -> bool:
    """Whether a name means one of ours and is not: alerts of other systems are left alone."""
    try:
        if any(re.fullmatch(name, one) if pattern else name == one for one in known):
            return False
    except re.error:
        return False  # amtool says so
    return name.startswith("Renteseg") or bool(difflib.get_close_matches(name, known, n=1, cutoff=0.8))


def _nothing(document: Document, location: Location, what: str, known: Iterable[str], word: str) -> Problem:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    held = "this inhibition holds nothing back" if "inhibit_rules" in location else "this route takes nothing"
    remedy = f"did you mean {near[0]!r}?" if near else f"write one of {', '.join(list(known)[:5])}"
    return Problem(str(document.path), f"{what}: {held}", remedy, document.line(location), _where(location))


def _matchers(value: Any, location: Location) -> Iterator[tuple[Location, str]]:
    """Every matcher of routes and inhibitions, with its place."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _matchers(entry, (*location, str(key)))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _matchers(entry, (*location, index))
    elif isinstance(value, str) and {*location} & {*MATCHERS}:
        yield location, value


# --- who is told ----------------------------------------------------------------------------------------------


def _untold(document: Document, known: Sequence[Alert]) -> Iterator[Problem]:
    people, ours = _receivers(document.values)
    lost: dict[tuple[Location, str], list[str]] = defaultdict(list)
    for alert in known:
        arrivals = list(_arrivals(document.values["route"], alert.labels(), ("route",), ""))
        reached = {one.receiver for one in arrivals}
        if alert.name in POSTED and not reached & ours:
            lost[arrivals[-1].route, "the receiver of incidents"].append(alert.name)
        if alert.name != "Watchdog" and alert.labels().get("severity") in SEVERITIES[:2] and not reached & people:
            lost[arrivals[-1].route, "anybody who reads"].append(alert.name)
    for (location, whom), names in lost.items():
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        what = f"{shown} would no longer reach {whom}: this route is the last that takes them"
        remedy = "write continue: true here, or correct the receiver"
        yield Problem(str(document.path), what, remedy, document.line(location), _where(location))


def _receivers(values: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The receivers that tell people, and those that post to us."""
    people, ours = set(), set()
    for receiver in entries(values, "receivers"):
        ways = {key: entry for key, entry in receiver.items() if key.endswith("_configs") and entry}
        posted = [str(hook.get("url", "")).rstrip("/").endswith(OUR_PATH) for hook in entries(ways, "webhook_configs")]
        if any(posted):
            ours.add(str(receiver.get("name")))
        if ways.keys() - {"webhook_configs"} or (posted and not all(posted)):
            people.add(str(receiver.get("name")))
    return people, ours


def _arrivals(route: Mapping[str, Any], labels: Mapping[str, str], location: Location, above: str) -> Iterator[Arrival]:
    """As Alertmanager walks its tree: the first child that matches, and those after one that continues."""
    receiver = str(route.get("receiver") or above)
    found = False
    for number, child in enumerate(entries(route, "routes")):
        if _matches(child, labels):
            found = True
            yield from _arrivals(child, labels, (*location, "routes", number), receiver)
            if not child.get("continue"):
                break
    if not found:
        yield Arrival(receiver, location)


def _matches(route: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    given = route.get("matchers") or []
    found = [MATCHER.match(str(one)) for one in ([given] if isinstance(given, str) else given)]
    return all(one is None or _holds(one, labels) for one in found)


def _holds(matcher: re.Match[str], labels: Mapping[str, str]) -> bool:
    value, wanted = labels.get(matcher[1], ""), matcher[3] or matcher[4] or matcher[5] or ""
    try:
        equal = bool(re.fullmatch(wanted, value)) if matcher[2].endswith("~") else value == wanted
    except re.error:
        return False  # amtool says so
    return equal is not matcher[2].startswith("!")


def _where(location: Location) -> str:
    return ".".join(str(part) for part in location)
