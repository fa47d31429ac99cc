"""The report's value as JSON text, the form in which it is stored and signed."""

from reports.monthly_report import MonthlyReport, Signature


def as_json(report: MonthlyReport, signature: Signature | None) -> bytes:
    """The value, and its signature or null: `{"report": …, "signature": …}`."""
    signed = "null" if signature is None else signature.model_dump_json(indent=1)
    return f'{{"signature": {signed},\n"report": {report.model_dump_json(indent=1)}}}\n'.encode()
