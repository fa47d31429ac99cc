"""The cases of the alerts: how `cases/*.yml` is read, and what promtool is given for it.

An alert's entry names its `series` once, in short, with the values they have in every case (`usual`), one every
`step` (5 s), and the `labels` it fires with. A case gives other values, in promtool's notation (`1x6` is seven ones,
`_` nothing, `stale` a failed scrape) and with `(1 0)x5` for a repetition; in `missed` no series at all has a sample, as
when a scrape fails or a process is started again. `firing` and `quiet` are the moments at which exactly this alert, or
none, fires; a case may fire with other `labels` (null takes one away). `annotations` are what is said at the first such
moment of the first case. Where days pass, rules are `evaluated` less often than there are samples.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

ROOT = Path(__file__).parent.parent.parent
FOLDER = Path(__file__).parent / "cases"
KINDS = ("fires", "does not fire", "resolves", "survives a missed scrape", "survives a restart")
"""What the cases of an alert begin with, among others; each has at least one of each."""
SAID = {"firing", "quiet", "missed", "labels"}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Words(yaml.SafeLoader):
    """YAML in which `0x60` is sixty-one zeros and not a hexadecimal number."""

    yaml_implicit_resolvers: ClassVar = {
        first: [one for one in resolvers if one[0].endswith((":merge", ":null"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def entries() -> dict[str, dict[str, Any]]:
    """Every alert's entry, by the alert's name."""
    files = [yaml.load(path.read_text(encoding="utf-8"), Words) for path in sorted(FOLDER.glob("*.yml"))]
    return {name: entry for file in files for name, entry in file.items()}


def rules() -> list[dict[str, Any]]:
    """Every rule that Prometheus loads."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "rules").glob("*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def needed(rule: Mapping[str, Any], known: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    """The recording rules that this rule's expression reads, those that they read before them; then the rule itself."""
    read = [one for one in known if "record" in one and one["record"] in rule["expr"] and one is not rule]
    found: list[Mapping[str, Any]] = []
    for one in [*(before for each in read for before in needed(each, known)), rule]:
        if one not in found:
            found.append(one)
    return found


def promtool_tests(name: str, entry: Mapping[str, Any], rule: Mapping[str, Any], rule_file: Path) -> dict[str, Any]:
    """A whole test file of promtool for one alert."""
    step = entry.get("step", "5s")
    tests = [_test(name, entry, title, case, rule, step) for title, case in entry["cases"].items()]
    return {"rule_files": [str(rule_file)], "evaluation_interval": entry.get("evaluated", step), "tests": tests}


def _test(
    name: str, entry: Mapping[str, Any], title: str, case: Mapping[str, Any], rule: Mapping[str, Any], step: str
) -> dict[str, Any]:
    labels = {key: value for key, value in {**entry["labels"], **case.get("labels", {})}.items() if value is not None}
    values = {**entry.get("usual", {}), **{key: value for key, value in case.items() if key not in SAID}}
    test: dict[str, Any] = {
        "name": title,
        "interval": step,
        "input_series": [
            {"series": entry["series"][key], "values": " ".join(_holed(expand(str(text)), case.get("missed"), step))}
            for key, text in values.items()
        ],
        "promql_expr_test": list(_moments(name, labels, case)),
    }
    if "annotations" in entry and case is next(iter(entry["cases"].values())):
        said = {"exp_labels": labels, "exp_annotations": {**_links(rule, labels), **entry["annotations"]}}
        test["alert_rule_test"] = [{"alertname": name, "eval_time": case["firing"][0], "exp_alerts": [said]}]
    return test


def _moments(name: str, labels: Mapping[str, str], case: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    query = f'ALERTS{{alertname="{name}", alertstate="firing"}}'
    shown = ", ".join(
        f'{key}="{value}"' for key, value in {"alertname": name, "alertstate": "firing", **labels}.items()
    )
    for moment in case.get("firing", []):
        yield {"expr": query, "eval_time": moment, "exp_samples": [{"labels": f"ALERTS{{{shown}}}", "value": 1}]}
    for moment in case.get("quiet", []):
        yield {"expr": query, "eval_time": moment, "exp_samples": []}


def _links(rule: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, str]:
    links = {key: rule["annotations"][key] for key in ("runbook_url", "dashboard_url")}
    return {
        key: re.sub(r"{{ \$labels\.(\w+) \| urlquery }}", lambda m: labels[m[1]], url) for key, url in links.items()
    }


def expand(text: str) -> list[str]:
    """The samples of promtool's notation, one by one."""
    if repeated := re.search(r"\(([^()]*)\)x(\d+)", text):
        once = f" {repeated[1]} " * int(repeated[2])
        return expand(text[: repeated.start()] + once + text[repeated.end() :])
    return [sample for word in text.split() for sample in _samples(word)]


def _samples(word: str) -> list[str]:
    if not (series := re.fullmatch(r"(_|stale|-?[\d.]+)(?:([+-])([\d.]+))?x(\d+)", word)):
        return [word]
    start, sign, change, count = series.groups()
    if start == "_":
        return ["_"] * int(count)
    if start == "stale" or change is None:
        return [start] * (int(count) + 1)
    factor = float(change) * (-1 if sign == "-" else 1)
    return [
        f"{float(start) + factor * index:g}" if factor.is_integer() else f"{float(start) + factor * index:.6f}"
        for index in range(int(count) + 1)
    ]


def _holed(samples: list[str], missed: str | None, step: str) -> list[str]:
    """The samples without those that nobody took; what was there before is marked stale, as by a failed scrape."""
    if missed is None:
        return samples
    first, last = (seconds(moment) // seconds(step) for moment in (missed.split("-") * 2)[:2])
    return [
        sample if not first <= index <= last else "stale" if index == first else "_"
        for index, sample in enumerate(samples)
    ]


def seconds(duration: str) -> int:
    """A duration with one unit."""
    return int(duration[:-1]) * UNITS[duration[-1]]
