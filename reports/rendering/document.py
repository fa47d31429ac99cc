"""The report's value as JSON text, as `docs/schemas/monthly-report.json` describes it."""

from reports.monthly_report import Document, MonthlyReport, Signature


def as_json(report: MonthlyReport, signature: Signature | None) -> bytes:
    """The figures and their signature or null."""
    return f"{Document(signature=signature, report=report).model_dump_json(indent=1)}\n".encode()
