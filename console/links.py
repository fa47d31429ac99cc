"""Links to Grafana, Prometheus and Alertmanager: what an alert carries itself, and what its labels lead to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from urllib.parse import quote, urlencode, urlsplit

from flask import Flask

from groundwork.prometheus import quoted
from incident_store.domain.episodes import Episode

CARRIED = (("dashboard_url", "Tablero"), ("runbook_url", "Guía"))
TELLING = ("alertname", "component", "service", "operator", "file_type")
"""The labels that single an alert out."""


@dataclass(frozen=True)
class Places:
    """Where a person's browser finds the other programs; empty for one that it does not reach."""

    grafana: str = ""
    prometheus: str = ""
    alertmanager: str = ""

    def __post_init__(self) -> None:
        for place in fields(self):
            link = getattr(self, place.name).rstrip("/")
            object.__setattr__(self, place.name, link if _followable(link) else "")

    def of_alert(self, episode: Episode) -> Iterator[tuple[str, str]]:
        """Words and addresses for an alert: its own links, its history, and how it stands in Alertmanager."""
        for annotation, words in CARRIED:
            link = episode.annotations.get(annotation, "")
            if _followable(link):
                yield words, link
        yield from self.of_labels(episode.labels)

    def of_labels(self, labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """The same for all alerts that have these labels."""
        chosen = ", ".join(f"{name}={quoted(labels[name])}" for name in TELLING if labels.get(name))
        if self.prometheus:
            asked = {"g0.expr": f"ALERTS{{{chosen}}}", "g0.tab": "0", "g0.range_input": "6h"}
            yield "Prometheus", f"{self.prometheus}/graph?{urlencode(asked)}"
        if self.alertmanager:
            asked = {"filter": f"{{{chosen}}}"}
            yield "Alertmanager", f"{self.alertmanager}/#/alerts?{urlencode(asked, quote_via=quote)}"

    def board(self, name: str, **variables: str) -> str:
        """The address of a dashboard with its variables set; empty without Grafana."""
        if not self.grafana:
            return ""
        asked = urlencode({f"var-{variable}": value for variable, value in variables.items()})
        return f"{self.grafana}/d/renteseg-{name}" + (f"?{asked}" if asked else "")


def prepare_links(app: Flask, places: Places) -> None:
    """Put the places where templates find them."""
    app.jinja_env.globals["places"] = places


def _followable(link: str) -> bool:
    """An absolute web address; `javascript:` and its kin are none."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


NOWHERE = Places()
