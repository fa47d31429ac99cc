"""What one component of `targets.yml` can only be wrong about because of another entry of the file.

Looked for in the file as written, so that these problems come together with those of the single entries.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from groundwork.configuration import Document, Location
from groundwork.durations import parse_duration
from groundwork.problems import Problem

Entry = Mapping[str, Any]
DEFAULT_TIMES = {"interval": "10s", "timeout": "4s"}


def cross_problems(document: Document) -> list[Problem]:
    """Names used twice, links to nowhere, timeouts above the interval."""
    entries = list(entries_of(document.values))
    found = [*_repeated_names(entries), *_unknown_links(entries), *_long_timeouts(entries, _defaults(document.values))]
    return [
        Problem(str(document.path), what, remedy, document.line(where), ".".join(str(part) for part in where))
        for where, what, remedy in found
    ]


Found = tuple[Location, str, str]


def entries_of(values: Any) -> Iterator[tuple[int, Entry]]:
    """The components as written, each with its place in the list."""
    components = values.get("components") if isinstance(values, dict) else None
    for index, entry in enumerate(components if isinstance(components, list) else []):
        if isinstance(entry, dict):
            yield index, entry


def _defaults(values: Any) -> Entry:
    defaults = values.get("defaults") if isinstance(values, dict) else None
    return {**DEFAULT_TIMES, **(defaults if isinstance(defaults, dict) else {})}


def _repeated_names(entries: list[tuple[int, Entry]]) -> Iterator[Found]:
    seen: dict[Any, int] = {}
    for index, entry in entries:
        name = entry.get("name")
        if not isinstance(name, str):
            continue
        if name in seen:
            where = ("components", index, "name")
            yield where, f"the name {name!r} stands twice in this list", "give each component its own name"
        seen[name] = index


def _unknown_links(entries: list[tuple[int, Entry]]) -> Iterator[Found]:
    links: dict[str, object] = {}
    for _, entry in entries:
        if isinstance(entry.get("name"), str):
            links.setdefault(entry["name"], entry.get("link"))
    for index, entry in entries:
        link = entry.get("link")
        if not isinstance(link, str):
            continue
        where = ("components", index, "link")
        if link not in links:
            yield where, f"no component is named {link!r}", "name a component of this file, or add it"
        elif links[link] != link:
            yield where, f"{link!r} is not a link", f"write 'link: {link}' in {link!r} itself if it is one"


def _long_timeouts(entries: list[tuple[int, Entry]], defaults: Entry) -> Iterator[Found]:
    for index, entry in entries:
        timeout, interval = (_seconds(entry.get(key, defaults[key])) for key in ("timeout", "interval"))
        if timeout is None or interval is None or timeout <= interval:
            continue
        key = next((key for key in ("timeout", "interval") if key in entry), "name")
        what = f"the timeout of {timeout:g} s is longer than the interval of {interval:g} s"
        yield ("components", index, key), what, "shorten the timeout or lengthen the interval"


def _seconds(value: object) -> float | None:
    try:
        return parse_duration(value)
    except ValueError:
        return None  # the entry's own check reports it
