"""A benchmark's figures: printed as a table, written as JSON, each with its target and whether it holds."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Figure:
    """One figure; `ratio` is ours by the peer's, `target` says what is asked for, `holds` whether it is so."""

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    target: str | None = None
    holds: bool | None = None


def at_most(name: str, value: float, unit: str, limit: float) -> Figure:
    """A figure with an upper limit of its own."""
    return Figure(name, round(value, 4), unit, target=f"≤ {limit:g} {unit}", holds=value <= limit)


def against(name: str, value: float, unit: str, peer: str, peer_value: float, limit: float) -> Figure:
    """A figure that must stay below a share of the peer's."""
    ratio = value / peer_value
    return Figure(
        name, round(value, 4), unit, peer, round(peer_value, 4), round(ratio, 3), f"≤ {limit:g} × peer", ratio <= limit
    )


def machine() -> dict[str, object]:
    """Where the figures were measured; absolute times do not travel."""
    return {
        "processors": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def publish(name: str, figures: Sequence[Figure]) -> Path:
    """Print the table and write `results/NAME.json`; returns its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    document = {"name": name, "machine": machine(), "figures": [asdict(figure) for figure in figures]}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _print(name, figures)
    return path


def _print(name: str, figures: Sequence[Figure]) -> None:
    table = Table(title=name, title_justify="left")
    for heading in ("figure", "ours", "unit", "peer", "peer's", "ratio", "target", "holds"):
        table.add_column(heading, overflow="fold")
    for one in figures:
        holds = "" if one.holds is None else ("yes" if one.holds else "NO")
        cells = (one.value, one.unit, one.peer, one.peer_value, one.ratio, one.target)
        table.add_row(one.name, *("" if cell is None else str(cell) for cell in cells), holds)
    Console(highlight=False).print(table)
