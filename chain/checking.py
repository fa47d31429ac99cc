"""`renteseg check`: everything wrong with the configuration, at once."""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from chain.dotenv import unknown_names
from chain.programs import ProgramMissing, program
from chain.rendering import ROOT, render
from exporters.availability.check import check as check_targets
from exporters.file_loads.configuration import check as check_file_loads
from groundwork.configuration import Location, parse, read_text, substitute
from groundwork.problems import ConfigurationError, Problem
from groundwork.settings import Settings
from incident_store.policy_file import read_policy

LINE = re.compile(r"line (\d+)")


def check(settings: Settings) -> list[Problem]:
    """Every problem of every file under the configuration folder and of the rules; empty when all is well."""
    return [
        *unknown_names(Path(".env"), settings.config),
        *check_targets(settings.config),
        *check_file_loads(settings.config),
        *_problems_of(lambda: read_policy(settings.config)),
        *_foreign_files(settings.config, settings.state),
    ]


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


def _verdict(words: tuple[str, ...], file: Path, places: dict[str, str]) -> Iterator[Problem]:
    try:
        command = [str(program(words[0])), *words[1:], str(file)]
    except ProgramMissing as error:
        yield Problem(str(file.name), "was not checked", str(error))
        return
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode == 0:
        return
    said = result.stdout + result.stderr
    for folder, source in places.items():
        said = said.replace(folder, source)
    complaints = [line.strip() for line in said.split("\n") if _complains(line)]
    where = re.search(r"(/[^\s:\"]+\.(?:yml|tmpl))", " ".join(complaints))
    line = LINE.search(" ".join(complaints))
    yield Problem(
        file=where[1] if where else str(Path(places[str(file.parent)]) / file.name),
        line=int(line[1]) if line else None,
        what=f"{words[0]} refuses it: {' '.join(complaints)}",
        remedy="correct what it names",
    )


def _complains(line: str) -> bool:
    words = line.strip()
    return bool(words) and not words.startswith(("Checking", "SUCCESS", "Found", "-")) and "SUCCESS" not in words


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
    except OSError:
        return False
