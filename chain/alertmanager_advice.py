"""Where an alertmanager.yml, valid as it is, would lose notifications on their way to the receiver."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from chain.rules_check import entries
from groundwork.configuration import Location, parse, read_text, substitute
from groundwork.durations import parse_duration
from groundwork.problems import ConfigurationError, Problem
from groundwork.settings import Settings

LONGEST_REPEAT = timedelta(hours=1)
DEFAULT_REPEAT = "4h"
OUR_PATH = "/api/v1/alerts"
MUTES = ("mute_time_intervals", "active_time_intervals")


@dataclass(frozen=True)
class Document:
    """A parsed alertmanager.yml and the line of each entry."""

    path: Path
    values: Mapping[str, Any]
    lines: Mapping[Location, int]

    def problem(self, location: Location, what: str, remedy: str) -> Problem:
        """A warning about one entry, on the line of the nearest entry around it that stands in the file."""
        known = location
        while known and known not in self.lines:
            known = known[:-1]
        where = ".".join(str(part) for part in location)
        return Problem(str(self.path), what, remedy, self.lines.get(known), where)


def advise(settings: Settings) -> list[Problem]:
    """What to change in this machine's alertmanager.yml; empty when nothing is lost or the file cannot be read."""
    path = settings.config / "alertmanager.yml"
    try:
        values, lines = parse(substitute(read_text(path), path, os.environ), path)
    except ConfigurationError:
        return []  # `check` says so
    if not isinstance(values, dict):
        return []
    return list(_advice(Document(path, values, lines), settings.alertmanager_receiver))


def _advice(document: Document, receiver: str) -> Iterator[Problem]:
    ours = [(location, webhook) for location, _, webhook in _webhooks(document)]
    names = {name for _, name, _ in _webhooks(document)}
    if not ours:
        remedy = f"add a webhook_config whose url ends in {OUR_PATH}"
        yield document.problem(("receivers",), "no receiver posts to RENTESEG's webhook", remedy)
    elif receiver not in names:
        remedy = f"set RENTESEG_ALERTMANAGER_RECEIVER to {' or '.join(sorted(names))}"
        what = f"the worker reconciles the receiver {receiver!r}, which does not post to RENTESEG's webhook"
        yield document.problem(("receivers",), what, remedy)
    for location, webhook in ours:
        yield from _webhook_advice(document, location, webhook)
    route = document.values.get("route")
    if isinstance(route, dict):
        yield from _route_advice(document, ("route",), route, {}, names)


def _webhooks(document: Document) -> Iterator[tuple[Location, str, Mapping[str, Any]]]:
    """Every webhook that posts to us: where it stands, its receiver's name, itself."""
    for number, receiver in enumerate(entries(document.values, "receivers")):
        for index, webhook in enumerate(entries(receiver, "webhook_configs")):
            if str(webhook.get("url", "")).rstrip("/").endswith(OUR_PATH):
                yield ("receivers", number, "webhook_configs", index), str(receiver.get("name")), webhook


def _webhook_advice(document: Document, location: Location, webhook: Mapping[str, Any]) -> Iterator[Problem]:
    shared = document.values.get("global") or {}
    http = webhook.get("http_config") or shared.get("http_config") or {}
    if http.get("follow_redirects", True) is not False:
        what = "a redirect is followed without the body and counts as delivered"
        yield document.problem((*location, "http_config"), what, "write follow_redirects: false")
    if not ({"authorization", "basic_auth"} & http.keys()):
        what = "the receiver answers 401 to whoever does not send its token"
        yield document.problem((*location, "http_config"), what, "add authorization with credentials_file")
    if webhook.get("max_alerts", 0) != 0:
        what = "alerts beyond max_alerts are cut from the body and count as delivered"
        yield document.problem((*location, "max_alerts"), what, "write max_alerts: 0")
    if webhook.get("send_resolved", True) is not True:
        what = "no end of an alert is told: every incident waits for reconciliation"
        yield document.problem((*location, "send_resolved"), what, "write send_resolved: true")


def _route_advice(
    document: Document, location: Location, route: Mapping[str, Any], above: Mapping[str, Any], names: set[str]
) -> Iterator[Problem]:
    """Advice for every route that ends at our receiver; receiver and repeat_interval are inherited from above."""
    inherited = {name: route.get(name, above.get(name)) for name in ("receiver", "repeat_interval")}
    if inherited["receiver"] in names:
        if _repeat(inherited["repeat_interval"]) > LONGEST_REPEAT:
            what = "after a loss an alert that fires is not told again for longer than an hour"
            yield document.problem((*location, "repeat_interval"), what, "write repeat_interval: 5m, at most 1h")
        for mute in MUTES:
            if route.get(mute):
                what = "an alert that ends while muted is never told to have ended"
                remedy = "take the mute off this route, or make sure that `renteseg worker` runs"
                yield document.problem((*location, mute), what, remedy)
    for number, child in enumerate(entries(route, "routes")):
        yield from _route_advice(document, (*location, "routes", number), child, inherited, names)


def _repeat(value: Any) -> timedelta:
    try:
        return timedelta(seconds=float(parse_duration(value or DEFAULT_REPEAT)))
    except ValueError:
        return timedelta.max  # days or weeks, which our own durations do not know; amtool judges the syntax
