"""Where a component is written: the file and line that a problem found later, such as a missing key file, names."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from exporters.availability.crosschecks import entries_of
from exporters.availability.watched import Watched
from groundwork.configuration import Document, read_document
from groundwork.problems import ConfigurationError, Problem

Given = Mapping[Path, tuple[Watched, ...]]
"""The components of each followed file."""


class Places:
    """Reads `targets.yml` once more when a line is asked for, rather than remember ten thousand of them."""

    def __init__(self, path: Path, environment: Mapping[str, str], given: Given = MappingProxyType({})) -> None:
        self._path, self._environment = path, environment
        self._files = {component.name: file for file, components in given.items() for component in components}

    def problem(self, name: str, key: str, what: str, remedy: str) -> Problem:
        """A problem with a component, or with one key of it such as `secrets.token`."""
        where = f"{name}.{key}" if key else name
        if name in self._files:
            return Problem(str(self._files[name]), what, remedy, where=where)
        return Problem(str(self._path), what, remedy, self._line(name, key), where)

    def _line(self, name: str, key: str) -> int | None:
        if self._document is None or name not in self._positions:
            return None
        parts = (int(part) if part.isdecimal() else part for part in key.split(".") if part)
        return self._document.line(("components", self._positions[name], *parts))

    @cached_property
    def _document(self) -> Document | None:
        try:
            return read_document(self._path, self._environment)
        except ConfigurationError:
            return None  # it was changed meanwhile, and its own check tells what is wrong

    @cached_property
    def _positions(self) -> dict[str, int]:
        assert self._document
        return {str(entry.get("name")): position for position, entry in entries_of(self._document.values)}
