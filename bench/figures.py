"""Figures of a benchmark: a table for people and `bench/results/NAME.json` for programs."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured value; `peer_value` and `ratio` (ours to the peer's) where there is a peer."""

    name: str
    value: float
    unit: str
    target: str
    holds: bool
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None


def write(name: str, figures: Sequence[Figure]) -> bool:
    """Print the table and write the file; returns whether every target holds."""
    RESULTS.mkdir(exist_ok=True)
    fields = ("name", "value", "unit", "peer", "peer_value", "ratio", "target", "holds")
    document = {
        "name": name,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "figures": [{field: asdict(figure)[field] for field in fields} for figure in figures],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    table = Table("figure", "value", "unit", "peer", "peer's value", "ratio", "target", "holds", title=name)
    for figure in figures:
        values = asdict(figure)
        table.add_row(*("" if values[field] is None else str(values[field]) for field in fields[:3]), *_rest(values))
    Console().print(table)
    return all(figure.holds for figure in figures)


def _rest(values: dict[str, object]) -> list[str]:
    words = ["" if values[field] is None else str(values[field]) for field in ("peer", "peer_value", "ratio", "target")]
    return [*words, "yes" if values["holds"] else "NO"]
