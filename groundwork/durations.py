"""Durations as Prometheus writes them (`500ms`, `10s`, `1m30s`, `4h`, `2d`), held in seconds."""

import re
from typing import Annotated

from pydantic import BeforeValidator

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
WHOLE = re.compile(r"(?:[0-9]{1,15}(?:ms|[smhdw]))+")
PART = re.compile(r"([0-9]+)(ms|[smhdw])")
LONGEST = 10 * 366 * 86400
"""Ten years. Nothing that is watched lasts longer, and arithmetic on dates ends not far beyond."""


def parse_duration(text: object) -> float:
    """Seconds in a duration such as `1m30s`; raises ValueError for anything else, zero and decades included."""
    if not isinstance(text, str) or not WHOLE.fullmatch(text):
        raise ValueError("is not a duration such as 500ms, 10s, 5m or 4h")
    seconds = sum(int(number) * UNITS[unit] for number, unit in PART.findall(text))
    if not seconds:
        raise ValueError("is a duration of zero")
    if seconds > LONGEST:
        raise ValueError("is a duration of more than ten years")
    return seconds


Seconds = Annotated[float, BeforeValidator(parse_duration)]
"""A field of configuration that is written as a duration and read as seconds."""
