"""A dashboard's layout drawn from its JSON, for readers who have no Grafana at hand."""

from html import escape
from typing import Any

CELL, ROW, GAP = 40, 30, 4
"""Pixels of a grid unit across and down, and between panels."""
WORDS = {
    "stat": "cifras", "table": "tabla", "timeseries": "serie de tiempo", "state-timeline": "franja de estados",
    "bargauge": "barras",
}  # fmt: skip


def draw(dashboard: dict[str, Any]) -> str:
    """An SVG: each panel a box with its title, what kind it is and its unit, in its place."""
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"]) * ROW + 60
    boxes = "\n".join(_box(panel) for panel in dashboard["panels"])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {24 * CELL + 20} {height}" '
        'font-family="Arial, Helvetica, sans-serif">\n'
        f'<text x="10" y="32" font-size="22">{escape(dashboard["title"])}</text>\n<g transform="translate(10 50)">\n'
        f"{boxes}\n</g>\n</svg>\n"
    )


def _box(panel: dict[str, Any]) -> str:
    place = panel["gridPos"]
    x, y = place["x"] * CELL, place["y"] * ROW
    width, height = place["w"] * CELL - GAP, place["h"] * ROW - GAP
    if panel["type"] == "row":
        return f'<text x="{x}" y="{y + 20}" font-size="15" font-weight="bold">{escape(panel["title"])}</text>'
    kind = WORDS.get(panel["type"], panel["type"])
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="#f4f6f8" stroke="#8795a1"/>\n'
        f'<text x="{x + 10}" y="{y + 24}" font-size="14">{escape(panel["title"])}</text>\n'
        f'<text x="{x + 10}" y="{y + 44}" font-size="12" fill="#57606a">{escape(kind)}</text>'
    )
