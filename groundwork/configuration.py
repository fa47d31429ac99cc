"""Reads a YAML file into a strict pydantic model and names file, line and remedy for whatever is wrong.

`${NAME}` and `${NAME:-default}` in a file are replaced from the environment before it is read, so one file
serves a laptop and production. Only upper-case names are replaced: templates of other programs stay as they are.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from groundwork.problems import ConfigurationError, Problem
from groundwork.yaml_documents import Location, parse

__all__ = [
    "VARIABLE",
    "Document",
    "Location",
    "Strict",
    "Unfit",
    "parse",
    "read",
    "read_document",
    "read_text",
    "substitute",
    "validated",
]

VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]+@")

LONGEST_SHOWN = 80

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """The base of every configuration entry: unknown keys are refused, values are never guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Unfit(ValueError):
    """An entry that cannot be used, for validators that know what to write instead."""

    def __init__(self, what: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(what)


@dataclass(frozen=True)
class Document:
    """A file as it is written: its plain values, and the line of every entry."""

    path: Path
    values: Any
    lines: Mapping[Location, int]

    def line(self, location: Location) -> int | None:
        """The line of the entry, or of the nearest entry around it."""
        while location not in self.lines and location:
            location = location[:-1]
        return self.lines.get(location)


def read(path: Path, model: type[Model], environment: Mapping[str, str] = os.environ) -> Model:
    """The file as `model`; raises ConfigurationError with every problem of the file at once."""
    return validated(read_document(path, environment), model)


def read_document(path: Path, environment: Mapping[str, str] = os.environ) -> Document:
    """The file's values and lines; raises ConfigurationError when it is not YAML as we take it."""
    values, lines = parse(substitute(read_text(path), path, environment), path)
    return Document(path, values, lines)


def validated(document: Document, model: type[Model]) -> Model:
    """The document as `model`; raises ConfigurationError with everything that is wrong with it."""
    try:
        return model.model_validate(document.values)
    except ValidationError as error:
        raise ConfigurationError(_problems(error, document, model)) from error


def read_text(path: Path) -> str:
    """The file's text; raises ConfigurationError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a path that holds a NUL
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigurationError(
            [
                Problem(
                    str(path),
                    f"cannot be read: {reason}",
                    "run this in the project's folder, or set RENTESEG_CONFIG; check permissions and encoding",
                )
            ]
        ) from error


def substitute(text: str, path: Path, environment: Mapping[str, str]) -> str:
    """The text with `${NAME}` replaced; an empty value counts as none where there is a default.

    Raises ConfigurationError for names without value or default, and for values that are more than one line.
    """
    problems = [
        Problem(
            str(path),
            f"${{{match[1]}}} has no value",
            f"set {match[1]} in .env or write ${{{match[1]}:-default}}",
            number,
        )
        for number, line in enumerate(text.split("\n"), 1)
        if not line.lstrip().startswith("#")
        for match in VARIABLE.finditer(line)
        if match[2] is None and match[1] not in environment
    ] + [
        Problem(str(path), f"the value of {name} holds a line break or another control character", f"correct {name}")
        for name in sorted({match[1] for match in VARIABLE.finditer(text)})
        if CONTROL.search(environment.get(name, ""))
    ]
    if problems:
        raise ConfigurationError(problems)
    return VARIABLE.sub(lambda match: environment.get(match[1]) or match[2] or "", text)


def _problems(error: ValidationError, document: Document, model: type[BaseModel]) -> Iterator[Problem]:
    written = {part for location in document.lines for part in location}
    for entry in error.errors():
        # Tagged unions add parts to the location that no file has.
        location: Location = tuple(part for part in entry["loc"] if part in written)
        yield Problem(
            file=str(document.path),
            line=document.line(location),
            where=".".join(str(part) for part in location),
            what=_what(entry),
            remedy=_remedy(entry, model),
        )


def _what(entry: Any) -> str:
    if entry["type"] == "extra_forbidden":
        return f"unknown key {entry['loc'][-1]!r}"
    if entry["type"] == "missing":
        return f"{entry['loc'][-1]!r} is missing"
    if entry["type"] in {"enum", "literal_error"}:  # the words that fit are in the remedy
        return f"{_shown(entry.get('input'))} is no word that fits here"
    message: str = entry["msg"].removeprefix("Value error, ")
    given = entry.get("input")
    return message if isinstance(given, dict | list) else f"{message} (found {_shown(given)})"


def _shown(given: object) -> str:
    """What was given, cut where it goes on for long, without the passwords of the addresses in it."""
    text = PASSWORD.sub(r"\1***@", repr(given))
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _remedy(entry: Any, model: type[BaseModel]) -> str:
    if entry["type"] == "missing":
        return f"add {entry['loc'][-1]!r}"
    if entry["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(entry["loc"][-1]), sorted(set(_keys(model, set()))), n=1)
        return f"did you mean {near[0]!r}?" if near else "remove it"
    if entry["type"] == "value_error":
        error = entry.get("ctx", {}).get("error")
        return error.remedy if isinstance(error, Unfit) else "correct this entry"
    return f"write {_expected(entry)}"


def _expected(entry: Any) -> str:
    context = entry.get("ctx", {})
    if "expected" in context:
        return f"one of {context['expected']}"
    words: dict[str, Callable[[], str]] = {
        "int": lambda: "a whole number",
        "float": lambda: "a number",
        "bool": lambda: "true or false",
        "string": lambda: "text, in quotes when it looks like a number",
        "list": lambda: "a list, one '- ' an entry",
        "dict": lambda: "a mapping, one 'key: value' an entry",
        "model": lambda: "a mapping, one 'key: value' an entry",
        "date": lambda: "a date such as 2026-10-08",
        "time": lambda: "a time such as '06:00'",
    }
    kind = str(entry["type"]).split("_", 1)[0]
    return words[kind]() if kind in words else "a value that fits"


def _keys(model: Any, seen: set[Any]) -> Iterator[str]:
    """Every key that the model and the models inside it know."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)) or model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        yield field.alias or name
        yield from _keys_of_type(field.annotation, seen)


def _keys_of_type(annotation: Any, seen: set[Any]) -> Iterator[str]:
    yield from _keys(annotation, seen)
    for argument in getattr(annotation, "__args__", ()):
        yield from _keys_of_type(argument, seen)
