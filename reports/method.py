"""The method of the figures, in Spanish, as the PDF and the workbook print it. `docs/reports.md` says it in full."""

from importlib.resources import files

from reports import words
from reports.monthly_report import MonthlyReport

TEXT = files("reports") / "templates" / "method.txt"
"""Paragraphs of a heading and a line."""


def method(report: MonthlyReport) -> tuple[tuple[str, str], ...]:
    """Headings and sentences."""
    text = TEXT.read_text(encoding="utf-8").replace("{relapse}", words.span(report.relapse_window_seconds))
    pairs = (paragraph.strip().split("\n", 1) for paragraph in text.split("\n\n"))
    return tuple((head, sentence) for head, sentence in pairs)
