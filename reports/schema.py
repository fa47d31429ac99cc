"""`python -m reports.schema > docs/schemas/monthly-report.json`: the published JSON Schema of the report's file."""

import json

from reports.monthly_report import Document


def schema() -> str:
    """The schema as text."""
    return json.dumps(Document.model_json_schema(mode="serialization"), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    print(schema(), end="")
