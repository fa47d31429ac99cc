"""JSON objects as they are given: a name that stands twice would hide a value from whoever wrote it."""

from collections.abc import Iterable
from typing import Any


class RepeatedName(ValueError):
    """A JSON object gives a name more than once; which value was meant nobody can know."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!r} is given more than once in the same object: give it once")


def each_name_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """`object_pairs_hook` of `json.loads`; raises RepeatedName."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise RepeatedName(name)
        found[name] = value
    return found
