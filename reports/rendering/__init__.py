"""The report as PDF, XLSX and JSON. Renderers choose words and places; every figure comes from the report's value."""

from collections.abc import Callable, Mapping

from reports.monthly_report import MonthlyReport, Signature
from reports.rendering.document import as_json
from reports.rendering.pdf import as_pdf
from reports.rendering.xlsx import as_xlsx

Render = Callable[[MonthlyReport, Signature | None], bytes]
RENDERERS: Mapping[str, Render] = {"pdf": as_pdf, "xlsx": as_xlsx, "json": as_json}
"""By the ending of the file's name."""
