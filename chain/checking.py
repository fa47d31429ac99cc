"""`renteseg check`: everything wrong with the configuration, at once."""

import difflib
import glob
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alertmanager_webhook.main import read_token
from chain.dotenv import unknown_names
from chain.programs import ProgramMissing, program
from chain.rendering import ROOT, render
from chain.rules_check import check_rules
from exporters.availability.check import check as check_targets
from exporters.file_loads.configuration import check as check_file_loads
from groundwork.configuration import Location, parse, read_text, substitute
from groundwork.problems import ConfigurationError, Problem
from groundwork.settings import Settings
from incident_store.policy_file import check as check_policy
from mailroom.check import check as check_mailroom

LINE = re.compile(r"line (\d+)|\.(?:yml|tmpl):\s?(\d+)")
PREFIX = re.compile(r"^(?:Checking .*?\s{2,})?(?:FAILED:\s*)?")
NOISE = re.compile(r"^(?:Checking|Found|-|amtool: error: failed to validate)|SUCCESS")
FIRST = re.compile(r"\.yml: \d+:\d+: group |^line \d+: ")
"""How one of several findings begins."""
BROKEN = {
    "promtool": "Prometheus would not start with it, and one that runs keeps the rules it has",
    "amtool": "Alertmanager would not start with it: nobody would be told of anything",
}
TEMPLATE_USED = re.compile(r"""\{\{-?\s*template\s+"([^"]+)\"""")
TEMPLATE_DEFINED = re.compile(r"""\{\{-?\s*define\s+"([^"]+)\"""")
BUILT_IN = re.compile(r"__|[a-z]+\.default\.")
"""How the names of the templates begin that Alertmanager brings along."""
NEEDED = {
    "rule_files": "no rule would be evaluated and nothing would ever alert",
    "scrape_configs": "nothing would be measured",
    "alerting": "alerts would reach nobody",
}


def check(settings: Settings) -> list[Problem]:
    """Every problem of every file under the configuration folder and of the rules; empty when all is well."""
    return [
        *unknown_names(Path(".env"), settings.config),
        *check_targets(settings.config),
        *check_file_loads(settings.config),
        *check_policy(settings.config, datetime.now(UTC)),
        *check_mailroom(settings.config),
        *_secret(settings),
        *_foreign_files(settings.config, settings.state),
    ]


def _secret(settings: Settings) -> list[Problem]:
    """What is wrong with the receiver's secret; one under the state folder is made when the chain starts."""
    file = settings.webhook_token_file
    if file is not None and not os.path.lexists(file) and file.absolute().is_relative_to(settings.state):
        return []
    return [replace(one, where="RENTESEG_WEBHOOK_TOKEN_FILE") for one in _problems_of(lambda: read_token(file))]


def _problems_of(read: Callable[[], object]) -> list[Problem]:
    try:
        read()
    except ConfigurationError as error:
        return error.problems
    return []


def _foreign_files(config: Path, state: Path) -> Iterator[Problem]:
    """What Prometheus and Alertmanager themselves say of their files, and the files that these name."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            render(config, Path(folder))
        except ConfigurationError as error:
            yield from error.problems
            return
        places = {f"{folder}/rules": f"{ROOT}/rules", folder: str(config)}
        for name, words in (
            ("prometheus.yml", ("promtool", "check", "config")),
            ("alertmanager.yml", ("amtool", "check-config")),
        ):
            yield from _verdict(words, Path(folder) / name, places)
            yield from _named_files(config / name, state)
        yield from _prometheus(config / "prometheus.yml", Path(folder))
        yield from check_rules()
        yield from _templates(config)


def _prometheus(path: Path, rendered: Path) -> Iterator[Problem]:
    """What promtool lets pass: a file that names nothing, and rule files that are not there."""
    try:
        document, lines = parse(substitute(read_text(path), path, os.environ), path)
    except ConfigurationError:
        return  # said already
    entries = document if isinstance(document, dict) else {}
    for key, consequence in NEEDED.items():
        if not entries.get(key):
            yield Problem(str(path), f"{key!r} is missing or empty: {consequence}", f"add {key!r}", lines.get((key,)))
    patterns = entries.get("rule_files")
    for index, pattern in enumerate(patterns if isinstance(patterns, list) else []):
        if not glob.glob(str(pattern), root_dir=rendered):  # noqa: PTH207 (it may be an absolute one)
            remedy = "write rules/*.yml: the project's rules are put beside this file under that name"
            yield Problem(str(path), f"{pattern!r} matches no rule file", remedy, lines.get(("rule_files", index)))


def _templates(config: Path) -> Iterator[Problem]:
    """Templates that are named and nowhere defined: Alertmanager would find out with the first alert."""
    files = sorted((config / "templates").glob("*.tmpl"))
    if not files:
        yield Problem(str(config / "templates"), "holds no template (*.tmpl)", "mails are written with templates there")
        return
    defined = {name for file in files for name in TEMPLATE_DEFINED.findall(_text(file))}
    for file in (config / "alertmanager.yml", *files):
        for number, line in enumerate(_text(file).split("\n"), 1):
            for name in TEMPLATE_USED.findall(line):
                if name not in defined and not BUILT_IN.match(name) and not line.lstrip().startswith("#"):
                    near = difflib.get_close_matches(name, sorted(defined), n=1)
                    remedy = f"did you mean {near[0]!r}?" if near else "define it in a file of that folder"
                    yield Problem(str(file), f"no file under templates/ defines the template {name!r}", remedy, number)


def _text(file: Path) -> str:
    try:
        return read_text(file)
    except ConfigurationError:
        return ""  # said already


def _verdict(words: tuple[str, ...], file: Path, places: dict[str, str]) -> Iterator[Problem]:
    try:
        command = [str(program(words[0])), *words[1:], str(file)]
    except ProgramMissing as error:
        yield Problem(str(file.name), "was not checked", str(error))
        return
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
    if result.returncode == 0:
        return
    said = result.stdout + result.stderr
    for folder, source in places.items():
        said = said.replace(folder, source)
    for reason in _reasons(said):
        named = _source(reason, Path(places[str(file.parent)]), file.name)
        wrong = reason.removeprefix(f"{named}: ") or "without a reason"
        yield Problem(
            file=str(named),
            line=_line(reason, named),
            what=f"{words[0]} refuses it: {wrong}; {BROKEN[words[0]]}",
            remedy="correct what it names",
        )


def _reasons(said: str) -> list[str]:
    """One for each thing that is wrong; what goes on over a line stays together."""
    lines = [PREFIX.sub("", line.strip()) for line in said.split("\n") if line.strip() and not _is_noise(line.strip())]
    several = [line for line in lines if FIRST.search(line)]
    return list(dict.fromkeys(several)) or [" ".join(line for line in dict.fromkeys(lines) if line)]


def _is_noise(line: str) -> bool:
    return "FAILED:" not in line and NOISE.search(line) is not None


def _source(reasons: str, config: Path, name: str) -> Path:
    """The file that the reasons name, or else the one that was asked about."""
    if whole := re.search(r"(/[^\s:\"]+\.(?:yml|tmpl))", reasons):
        return Path(whole[1])
    if template := re.search(r"([\w.-]+\.tmpl):", reasons):
        return config / "templates" / template[1]
    return config / name


def _line(reasons: str, source: Path) -> int | None:
    """The line that the reasons name, or else the first that holds what they quote."""
    if named := LINE.search(reasons):
        return int(named[1] or named[2])
    lines = _text(source).split("\n")
    for quoted in re.findall(r'"([^"]+)"', reasons):
        pattern = re.compile(rf"(?<!\w){re.escape(quoted)}(?!\w)")
        for number, line in enumerate(lines, 1):
            if pattern.search(line) and not line.lstrip().startswith("#"):
                return number
    return None


def _named_files(path: Path, state: Path) -> Iterator[Problem]:
    """A problem for every `…_file:` entry that cannot be read; those under `state` are made when the chain starts."""
    try:
        document, lines = parse(substitute(read_text(path), path, os.environ), path)
    except ConfigurationError as error:
        yield from error.problems
        return
    for location, value in _entries(document, ()):
        if str(location[-1]).endswith("_file") and isinstance(value, str) and not _readable(Path(value), state):
            yield Problem(
                str(path),
                f"{value} cannot be read",
                "write the secret into that file, or name another",
                lines.get(location),
                ".".join(str(part) for part in location),
            )


def _entries(value: Any, location: Location) -> Iterator[tuple[Location, Any]]:
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _entries(entry, (*location, str(key)))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _entries(entry, (*location, index))
    elif location:
        yield location, value


def _readable(path: Path, state: Path) -> bool:
    if not path.exists() and path.absolute().is_relative_to(state):
        return True
    try:
        with path.open("rb"):
            return True
    except (OSError, ValueError):
        return False
