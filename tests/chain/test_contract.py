"""Metrics and labels that rules, dashboards and documents ask for are really on the live /metrics."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.chain.conftest import Chain, Walk
from tests.processes import ROOT, run_renteseg

pytestmark = pytest.mark.chain

PROCESSES = (
    "prometheus", "alertmanager", "availability", "file_loads", "incidents", "webhook", "worker", "console",
)  # fmt: skip
SELECTOR = re.compile(
    r"\b((?:[a-z]+:)?renteseg_[a-z0-9_]+(?::[a-z0-9]+)?|prometheus_[a-z_]+|alertmanager_[a-z_]+|up)\b(?:{([^}]*)})?"
)
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
ADDED = {"job", "instance", "alertname", "alertstate"}
"""What Prometheus itself adds."""
OTHERS = {"alertmanager_webhook", "renteseg_app"}
"""A package and a database role: no metrics."""


@pytest.fixture(scope="module")
def exposed(chains: dict[str, Chain]) -> dict[str, set[str]]:
    """Every metric that a process of the chain exposes or a rule records, with the labels seen on it."""
    names: dict[str, set[str]] = {"up": set()}
    for process in PROCESSES:
        page = httpx.get(chains["sqlite"].url(process, "/metrics"), timeout=10).raise_for_status().text
        for family in text_string_to_metric_families(page):
            suffixes = ("", "_total", "_sum", "_count", "_bucket") if family.type != "gauge" else ("",)
            names |= {f"{family.name}{suffix}": set() for suffix in suffixes if f"{family.name}{suffix}" not in names}
            for sample in family.samples:
                names.setdefault(sample.name, set()).update(sample.labels)
    for series in chains["sqlite"].query('{__name__=~".+:.+"}'):
        names.setdefault("recorded", set()).update(name for name, _ in series)
    return names | {rule["record"]: set() for rule in rules() if "record" in rule}


def rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "rules").glob("*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """Every expression and where it stands: rules and their annotations, dashboards, documents."""
    for rule in rules():
        name = rule.get("alert") or rule["record"]
        yield name, rule["expr"]
        yield from ((name, text.replace("%q", '"x"')) for text in rule.get("annotations", {}).values())
    for path in sorted((ROOT / "grafana" / "dashboards").glob("*.json")):
        yield from ((path.name, expr) for expr in expressions(json.loads(path.read_text(encoding="utf-8"))))
    for path in [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]:
        yield from ((path.name, text) for text in re.findall(r"`([^`]+)`", path.read_text(encoding="utf-8")))
    for path in sorted((ROOT / "rules" / "queries").glob("*.yml")):
        yield from ((path.name, text) for text in yaml.safe_load(path.read_text(encoding="utf-8")).values())


def expressions(node: Any) -> Iterator[str]:
    """Every query of a dashboard, wherever it stands: panels, variables, annotations."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key in {"expr", "query"} and isinstance(value, str))
        for value in node.values():
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def asked() -> Iterator[tuple[str, str, set[str]]]:
    """Each metric that is asked for, where, and by which labels it is chosen."""
    for place, text in queries():
        for name, matchers in SELECTOR.findall(text):
            if not name.endswith("_") and name not in OTHERS:  # an ellipsis stands for a family of names
                yield place, name, set(MATCHER.findall(matchers))


def test_every_metric_that_is_asked_for_is_exposed(exposed: dict[str, set[str]]) -> None:
    unknown = {(place, name) for place, name, _ in asked() if name not in exposed}

    assert unknown == set()


def test_every_label_that_a_metric_is_chosen_by_is_on_it(exposed: dict[str, set[str]]) -> None:
    wrong = {
        (place, name, label)
        for place, name, labels in asked()
        if exposed.get(name)
        for label in labels - exposed[name] - ADDED
    }

    assert wrong == set()


def test_every_label_that_is_grouped_by_exists_somewhere(exposed: dict[str, set[str]]) -> None:
    known = set().union(*exposed.values()) | ADDED | {"le", "link", "incident", "clock", "severity", "responsible"}
    wrong = {
        (place, label)
        for place, text in queries()
        if SELECTOR.search(text)
        for labels in GROUPING.findall(text)
        for label in re.findall(r"\w+", labels)
        if label not in known
    }

    assert wrong == set()


def test_the_queries_were_found() -> None:
    places = {place for place, _, _ in asked()}

    assert {
        "RentesegComponentDown",
        "operatividad.json",
        "RentesegQueueStuck.md",
        "operations.md",
        "month.yml",
    } <= places


NEEDS_MORE = {
    "Frente a su propia costumbre": "half a day of history",
    "Archivos rechazados en 24 horas": "a day of history",
    "Archivos en cola": "a queue",
    "Errores de formato por motivo": "a row with an error",
    "Registros del archivo más reciente y lo usual": "four weeks of history",
    "Lo que espera a alguien": "an outage that left something owed",
}
"""Panels of which a query stays empty in a chain that is some minutes old, and what it lacks."""
VARIABLES = {"$component": ".+", "$operator": ".+", "$__rate_interval": "1m", "$__range_s": "600", "$__range": "10m"}


def test_every_panel_has_something_to_show_after_the_walk(walks: dict[str, Walk]) -> None:
    walk = walks["sqlite"]
    moments = [walk.began.timestamp() + 100, walk.ended.timestamp()]
    empty = {
        (path.name, panel["title"])
        for path in (ROOT / "grafana" / "dashboards").glob("*.json")
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        for target in panel.get("targets", [])
        if not any(walk.chain.query(filled(target["expr"]), at) for at in moments)
    }

    quiet = {(name, title) for name, title in empty if title == "Alertas activas" and name != "operatividad.json"}
    assert {title for _, title in empty - quiet} <= set(NEEDS_MORE)


def filled(query: str) -> str:
    """The query with Grafana's variables replaced."""
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def test_a_doctor_finds_nothing_wrong_with_a_chain_that_is_well(chains: dict[str, Chain]) -> None:
    done = run_renteseg("doctor", "--json", environment=chains["sqlite"].environment)

    found = [one["what"] for one in json.loads(done.stdout)["findings"]]
    assert [what for what in found if "of the disk" not in what] == []
