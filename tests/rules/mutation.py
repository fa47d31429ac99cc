"""How much of each rule its tests hold: every rule is spoiled in one place after the other, and the tests must notice.

`make mutate` spoils every place and prints what nobody noticed; the suite spoils every fifteenth.
"""

import copy
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chain.programs import program
from tests.rules.cases import entries, needed, promtool_tests, rules

RECORDING_TESTS = Path(__file__).parent / "recording.yml"
REQUIRED = 0.95

TOKENS = re.compile(
    r"""(?P<matcher>(?<=\w)(?:=~|!~|!=|=)(?="))|(?P<text>"[^"]*")|\[(?P<window>\w+)\]|(?P<offset>offset\s\w+)"""
    r"""|(?P<comparison>==|!=|>=|<=|>|<)|(?P<number>(?<![\w.:])\d+(?:\.\d+)?(?![\w.:]))|\b(?P<operator>and|unless|or)\b"""
)
CHANGES = {
    "matcher": {"=": ["!="], "!=": ["="], "=~": ["!~"], "!~": ["=~"]},
    "comparison": {
        ">": ["<", ">="], "<": [">", "<="], ">=": ["<", ">"], "<=": [">", "<"], "==": ["!="], "!=": ["=="],
    },
    "operator": {"and": ["unless"], "unless": ["and"], "or": ["unless"]},
}  # fmt: skip
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Mutant:
    """A rule with one change."""

    name: str
    kind: str
    what: str
    rule: dict[str, Any]
    original: dict[str, Any]


def mutants(rule: dict[str, Any]) -> Iterator[Mutant]:
    """The rule spoiled in each place: threshold, window, comparison, matcher, operator, `for`, label."""
    name = rule.get("alert") or rule["record"]
    for found in TOKENS.finditer(rule["expr"]):
        kind = str(found.lastgroup)
        for word in _changed(kind, found[kind]):
            expr = rule["expr"][: found.start(kind)] + word + rule["expr"][found.end(kind) :]
            near = rule["expr"][max(0, found.start() - 30) : found.end() + 10].replace("\n", " ")
            yield Mutant(name, kind, f"{found[kind]} -> {word} in …{near}…", rule | {"expr": expr}, rule)
    for wait in _waits(rule.get("for")):
        yield Mutant(name, "for", f"{rule['for']} -> {wait}", rule | {"for": wait}, rule)
    for label in rule.get("labels", {}):
        yield Mutant(name, "label", label, rule | {"labels": rule["labels"] | {label: "other"}}, rule)


def _changed(kind: str, word: str) -> list[str]:
    if kind == "number":
        return [f"{float(word) * 2:g}", f"{float(word) / 2:g}"] if float(word) else ["1"]
    if kind == "window":
        return [f"{max(1, int(word[:-1]) * UNITS[word[-1]] // 12)}s"]
    return CHANGES.get(kind, {}).get(word, [])


def _waits(wait: str | None) -> list[str]:
    return ["0s", f"{3 * int(wait[:-1])}{wait[-1]}"] if wait else []


def survives(mutant: Mutant, known: Sequence[dict[str, Any]], cases: dict[str, Any]) -> bool | None:
    """Whether no test fails with this mutant; None when it is no rule at all."""
    spoiled = [mutant.rule if rule == mutant.original else rule for rule in known]
    for tests, used in _tests(mutant, spoiled, cases):
        if (passed := _passes(tests, used)) is not True:
            return passed
    return True


def _tests(
    mutant: Mutant, spoiled: list[dict[str, Any]], cases: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], Sequence[Any]]]:
    """The tests that this rule has a part in, each with the rules that it reads; the quick ones first."""
    if "record" in mutant.rule:
        yield yaml.safe_load(RECORDING_TESTS.read_text(encoding="utf-8")), [one for one in spoiled if "record" in one]
    for rule in spoiled:
        if "alert" in rule and mutant.rule in (used := needed(rule, spoiled)):
            yield promtool_tests(rule["alert"], cases[rule["alert"]], rule, Path("rules.yml")), used


def _passes(tests: dict[str, Any], used: Sequence[Any]) -> bool | None:
    groups = {"groups": [{"name": "spoiled", "rules": [copy.deepcopy(dict(rule)) for rule in used]}]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rules.yml").write_text(json.dumps(groups), encoding="utf-8")
        (folder / "tests.yml").write_text(json.dumps(tests | {"rule_files": ["rules.yml"]}), encoding="utf-8")
        command = [str(program("promtool")), "test", "rules", str(folder / "tests.yml")]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=os.environ | {"GOMAXPROCS": "1"}
        )
    return None if "could not parse expression" in done.stdout + done.stderr else done.returncode == 0


def run(chosen: Sequence[Mutant]) -> tuple[Counter[str], list[Mutant]]:
    """How many of each kind were tried, and those that nobody noticed."""
    known, cases = rules(), entries()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(lambda mutant: survives(mutant, known, cases), chosen))
    real = [(mutant, verdict) for mutant, verdict in zip(chosen, verdicts, strict=True) if verdict is not None]
    return Counter(mutant.kind for mutant, _ in real), [mutant for mutant, survived in real if survived]


def main() -> int:
    """Every mutant; 0 when enough of them are noticed."""
    tried, unnoticed = run([mutant for rule in rules() for mutant in mutants(rule)])
    left = Counter(mutant.kind for mutant in unnoticed)
    for mutant in unnoticed:
        print(f"not noticed: {mutant.name}: {mutant.kind} {mutant.what}")
    for kind, count in sorted(tried.items()):
        print(f"{kind:12} {count - left[kind]:4} of {count}")
    share = 1 - len(unnoticed) / tried.total()
    print(f"{'all':12} {tried.total() - len(unnoticed):4} of {tried.total()} ({share:.1%}; required {REQUIRED:.0%})")
    return int(share < REQUIRED)


if __name__ == "__main__":
    sys.exit(main())
