"""YAML as we take it: one document of plain values, of a size that its length shows, and the line of every entry.

What YAML allows beyond that (keys that are lists, values that contain themselves, aliases that multiply) is refused.
Where PyYAML comes with libyaml, as its wheels do, that reads the text: a file of ten thousand entries takes a second
instead of ten. What is built of it is built here, step by step, so that a process that reads does other work meanwhile.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import Resolver
from yaml.scanner import Scanner

from groundwork.problems import ConfigurationError, Problem


class _Python(Reader, Scanner, Parser):
    """Reads text without libyaml."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


_Reading = yaml.cyaml.CParser if yaml.__with_libyaml__ else _Python  # type: ignore[attr-defined]

Location = tuple[str | int, ...]

DEEPEST = 50
MOST_ALIASED = 2000
"""Entries that aliases may repeat in one file, all together."""
MOST_BITS = 63
SYNTAX = "check indentation, colons and quotes around this line"


def parse(text: str, path: Path) -> tuple[Any, dict[Location, int]]:
    """The YAML document and the line of each entry; raises ConfigurationError for what we do not take."""
    try:
        _Growth().follow(text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return {}, {}
            if problems := list(_key_problems(node, path)):
                raise ConfigurationError(problems)
            return loader.construct_document(node), dict(_lines(node, ()))
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        raise ConfigurationError([_forbidden_character(text, path)]) from error
    except _Refused as error:
        raise ConfigurationError([Problem(str(path), error.what, error.remedy, error.line)]) from error
    except yaml.MarkedYAMLError as error:
        place = error.problem_mark.line + 1 if error.problem_mark else None
        what = f"is not valid YAML: {error.problem}"
        raise ConfigurationError([Problem(str(path), what, SYNTAX, place)]) from error


def _forbidden_character(text: str, path: Path) -> Problem:
    """The first of the characters that YAML does not allow: libyaml counts bytes to it, Python characters."""
    found = Reader.NON_PRINTABLE.search(text)
    if found is None:
        return Problem(str(path), "holds a character that YAML does not allow", "take it out")
    what = f"holds the character U+{ord(found[0]):04X}, which YAML does not allow"
    return Problem(str(path), what, "take it out", text.count("\n", 0, found.start()) + 1)


class _Refused(Exception):
    """Something that YAML allows and we do not."""

    def __init__(self, what: str, remedy: str, at: yaml.Event | yaml.Node) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy
        self.line = at.start_mark.line + 1 if at.start_mark else None


@dataclass
class _Growth:
    """Follows a file's events and refuses it before anything is built that would be too deep, too large or endless."""

    open_sizes: list[int] = field(default_factory=lambda: [0])
    open_anchors: list[str | None] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    aliased: int = 0

    def follow(self, text: str) -> None:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._add(self.open_anchors.pop(), self.open_sizes.pop() + 1)
            elif isinstance(event, yaml.ScalarEvent):
                self._add(event.anchor, 1)
            elif isinstance(event, yaml.AliasEvent):
                self._repeat(event)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        self.open_anchors.append(event.anchor)
        self.open_sizes.append(0)
        if len(self.open_anchors) > DEEPEST:
            raise _Refused(f"is nested more than {DEEPEST} deep", "take the brackets apart", event)

    def _add(self, anchor: str | None, size: int) -> None:
        self.open_sizes[-1] += size
        if anchor is not None:
            self.sizes[anchor] = size

    def _repeat(self, event: yaml.AliasEvent) -> None:
        if event.anchor in self.open_anchors:
            raise _Refused(f"*{event.anchor} stands inside itself", "write the entries out", event)
        size = self.sizes.get(str(event.anchor), 1)
        self.aliased += size
        self._add(None, size)
        if self.aliased > MOST_ALIASED:
            what = f"its aliases repeat more than {MOST_ALIASED} entries"
            raise _Refused(what, "write the entries out", event)


class _Loader(Composer, _Reading, SafeConstructor, Resolver):  # type: ignore[misc, valid-type]
    """PyYAML's safe loader. It leaves the errors of Python's own conversions untranslated; this one does not."""

    def __init__(self, text: str) -> None:
        _Reading.__init__(self, text)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._unusable(node, f"is no {node.tag.rsplit(':', 1)[-1]}") from error
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            raise self._unusable(node, "is too large a number")
        if isinstance(value, str) and "\0" in value:
            raise self._unusable(node, "holds a NUL")
        return value

    @staticmethod
    def _unusable(node: yaml.Node, why: str) -> _Refused:
        text = str(node.value)
        shown = repr(text if len(text) <= 40 else f"{text[:40]}…")
        return _Refused(f"{shown} {why}", "correct this entry", node)


def _lines(node: yaml.Node, location: Location) -> Iterator[tuple[Location, int]]:
    yield location, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            entry = (*location, str(key.value))
            yield from _lines(value, entry)
            yield entry, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*location, index))


def _key_problems(node: yaml.Node, path: Path) -> Iterator[Problem]:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            yield from _key_problem(key, seen, path)
            seen[str(key.value)] = key.start_mark.line + 1
            yield from _key_problems(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _key_problems(value, path)


def _key_problem(key: yaml.Node, seen: Mapping[str, int], path: Path) -> Iterator[Problem]:
    line = key.start_mark.line + 1
    if not isinstance(key, yaml.ScalarNode):
        yield Problem(str(path), "a key is a list or a mapping", "write a word before the colon", line)
    elif key.value in seen:
        first = f"it stands already on line {seen[key.value]}"
        yield Problem(str(path), f"key written twice: {first}", "keep one of the two", line, str(key.value))
