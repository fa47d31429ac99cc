"""Targets files that other programs write: found, read leniently, and noticed when they change.

A file that cannot be read keeps the components it last gave; an entry that cannot be built is left out and told.
Neither stops the others.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from exporters.availability.probes.table import KINDS
from exporters.availability.targets import COMPONENT, FollowedFiles, Targets, read_targets
from exporters.availability.watched import Watched
from groundwork.configuration import Document, parse
from groundwork.problems import ConfigurationError, Problem

KEYS_FROM_LABELS = ("name", "service", "owner", "link")

Stamp = tuple[tuple[str, int, int], ...]
"""Which files there are, when each was written and how long it is."""


@dataclass
class Followed:
    """The files that `follow` names; `given` remembers what each gave when it could last be read."""

    folder: Path
    given: dict[Path, tuple[Watched, ...]] = field(default_factory=dict)

    def stamp(self, targets: Targets) -> Stamp:
        """Changes when any of the files does; raises ConfigurationError when they cannot be listed."""
        found = []
        for file in {file for entry in targets.follow for file in self._files(entry)}:
            try:
                status = file.stat()
            except OSError:
                continue
            found.append((str(file), status.st_mtime_ns, status.st_size))
        return tuple(sorted(found))

    def found(self, targets: Targets) -> tuple[tuple[Watched, ...], list[Problem]]:
        """The components of all files, and what is wrong with them; a name that is taken stays with who has it.

        Raises ConfigurationError when the files cannot be listed: that is no reason to forget them.
        """
        problems: list[Problem] = []
        seen = {component.name for component in targets.components}
        links = {component.name for component in targets.components if component.link == component.name}
        components: list[Watched] = []
        for entry in targets.follow:
            for file in self._files(entry):
                for component in self._read(file, entry, problems):
                    if complaint := _misfit(targets.filled(component), seen, links):
                        problems.append(Problem(str(file), complaint, "correct the entry", where=component.name))
                        continue
                    seen.add(component.name)
                    components.append(component)
        return tuple(components), problems

    def _files(self, entry: FollowedFiles) -> Iterator[Path]:
        """The files there are now; raises ConfigurationError when a folder cannot be listed."""
        for pattern in entry.files:
            anchor = Path(Path(pattern).anchor) if Path(pattern).is_absolute() else self.folder
            relative = str(Path(pattern).relative_to(anchor)) if Path(pattern).is_absolute() else pattern
            try:
                yield from sorted(anchor.glob(relative))
            except OSError as error:
                what = f"cannot be listed: {error.strerror}"
                raise ConfigurationError([Problem(str(error.filename or pattern), what, "check its disk")]) from error

    def _read(self, file: Path, entry: FollowedFiles, problems: list[Problem]) -> tuple[Watched, ...]:
        try:
            document = _document(file)
        except (ConfigurationError, OSError, ValueError) as error:
            what = f"cannot be read: {str(error).splitlines()[0]}"
            problems.append(Problem(str(file), what, "its last good content is kept until it can"))
            return self.given.get(file, ())
        components = []
        for position, values in enumerate(document.values):
            for made in _expanded(values, entry.component):
                try:
                    components.append(COMPONENT.validate_python(made))
                except ValidationError as error:
                    problems.extend(_complaints(error, document, position))
        self.given[file] = tuple(components)
        return self.given[file]


def known_components(config: Path) -> dict[str, str]:
    """The service of every component that is watched, by its name; raises ConfigurationError."""
    return {component["name"]: component["service"] for component in described_components(config)}


def described_components(config: Path) -> list[dict[str, str]]:
    """Name, kind, service and owner of every component that is watched; raises ConfigurationError."""
    targets = read_targets(config / "targets.yml")
    found, _ = Followed(config).found(targets)
    words = ("name", "kind", "service", "owner")
    watched = targets.with_found(found).components
    return [{word: str(getattr(component, word)) for word in words} for component in watched]


def _document(file: Path) -> Document:
    """The file's list; the lines are known of YAML alone. Raises ConfigurationError, OSError or ValueError."""
    text = file.read_text(encoding="utf-8")
    values, lines = (json.loads(text), {}) if file.suffix == ".json" else parse(text, file)
    if not isinstance(values, list):
        raise ValueError("is not a list of entries")
    return Document(file, values, lines)


def _expanded(values: Any, template: Mapping[str, Any]) -> Iterator[Any]:
    """One component's values for each target of a file_sd entry; any other entry as it is."""
    if not (isinstance(values, dict) and isinstance(values.get("targets"), list)):
        yield values
        return
    said = values.get("labels")
    labels: dict[str, Any] = said if isinstance(said, dict) else {}
    given = {key: labels[key] for key in KEYS_FROM_LABELS if key in labels}
    for target in values["targets"]:
        named = {"name": _slug(str(target))} if len(values["targets"]) > 1 or "name" not in given else {}
        yield {**_filled(template, str(target)), **given, **named}


def _filled(value: Any, target: str) -> Any:
    if isinstance(value, str):
        return value.replace("{target}", target)
    if isinstance(value, dict):
        return {key: _filled(entry, target) for key, entry in value.items()}
    return [_filled(entry, target) for entry in value] if isinstance(value, list | tuple) else value


def _slug(target: str) -> str:
    """A name made of a target: `db.example:5432` is `db-example-5432`."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in target.lower()).split())


def _misfit(component: Watched, seen: set[str], links: set[str]) -> str | None:
    """Why a component that is right by itself cannot stand beside the others."""
    if component.name in seen:
        return "the name is taken by another component"
    if component.link not in (None, component.name) and component.link not in links:
        return f"no link is named {component.link!r}"
    if component.timeout > component.interval:
        return f"the timeout of {component.timeout:g} s is longer than the interval of {component.interval:g} s"
    return None


def _complaints(error: ValidationError, document: Document, position: int) -> Iterator[Problem]:
    for one in error.errors():
        where = (position, *one["loc"])
        yield Problem(
            str(document.path),
            one["msg"].removeprefix("Value error, "),
            "correct the entry; the others are watched meanwhile",
            document.line(tuple(part for part in where if part not in KINDS)),
            ".".join(str(part) for part in where),
        )
