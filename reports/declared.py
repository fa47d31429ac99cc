"""What `targets.yml` declares: components that must be reported even if nobody ever saw them, and their services."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from groundwork.configuration import parse, read_text, substitute
from groundwork.problems import ConfigurationError
from groundwork.services import Combination

COMBINATION: TypeAdapter[Combination] = TypeAdapter(Combination)


@dataclass(frozen=True)
class DeclaredComponent:
    """The words that a report needs of a component."""

    name: str
    service: str
    owner: str
    kind: str


@dataclass(frozen=True)
class Declared:
    """Components by name, combinations by service, and what could not be read."""

    components: Mapping[str, DeclaredComponent] = field(default_factory=dict)
    combinations: Mapping[str, Combination] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    text: str = ""


def read_declared(config: Path) -> Declared:
    """The file as far as it can be read: `renteseg check` is strict about it, a report must still be made."""
    path = config / "targets.yml"
    try:
        text = read_text(path)
        document, _ = parse(substitute(text, path, os.environ), path)
    except ConfigurationError as error:
        return Declared(problems=tuple(map(str, error.problems)))
    found = document if isinstance(document, dict) else {}
    components = [_component(entry) for entry in _list(found.get("components"))]
    combinations, problems = _combinations(found.get("services"))
    return Declared({one.name: one for one in components if one.name}, combinations, problems, text)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _component(entry: Any) -> DeclaredComponent:
    words = entry if isinstance(entry, dict) else {}
    return DeclaredComponent(*(str(words.get(key, "")) for key in ("name", "service", "owner", "kind")))


def _combinations(entries: Any) -> tuple[dict[str, Combination], tuple[str, ...]]:
    found: dict[str, Combination] = {}
    problems = []
    for service, entry in (entries if isinstance(entries, dict) else {}).items():
        try:
            found[str(service)] = COMBINATION.validate_python(entry)
        except ValidationError:
            problems.append(f"services.{service}: {entry!r}")
    return found, tuple(problems)
