"""Views for other programs (Power BI, Excel, Grafana).

On PostgreSQL they are the schema `reporting`, on SQLite they bear the prefix `reporting_`. Names and columns stay;
tables are not. Only the last signed version of a month stands in `availability_days`, `clocks` and `loads`; `reports`
lists them all.
"""

import re

from sqlalchemy import Connection

CAST = re.compile(r"CAST\((\w+\.day) AS date\)")

LAST_SIGNED = (
    "(SELECT r.* FROM signed_reports r "
    "WHERE r.version = (SELECT max(o.version) FROM signed_reports o WHERE o.month = r.month))"
)

VIEWS = {
    "incidents": """
        SELECT i.id AS incident, i.component, i.service, i.kind, i.title, i.state, i.severity, i.responsible,
               i.detected_at,
               (SELECT max(e.at) FROM events e WHERE e.incident_id = i.id AND e.kind = 'restored') AS restored_at,
               (SELECT max(e.at) FROM events e WHERE e.incident_id = i.id AND e.kind = 'closed') AS closed_at
        FROM incidents i""",
    "incident_events": """
        SELECT incident_id AS incident, sequence, kind, at, recorded_at, author FROM events""",
    "reports": """
        SELECT month, version, signed_by, signed_at, as_of, reason, figures FROM signed_reports""",
    "availability_days": """
        SELECT r.month, r.version, d.kind, d.name, d.service, CAST(d.day AS date) AS day, d.up, d.down, d.unknown,
               d.maintenance, d.excluded
        FROM report_days d JOIN LAST_SIGNED r ON r.id = d.report_id""",
    "clocks": """
        SELECT r.month, r.version, c.incident, c.clock, c.severity, c.responsible, c.target_seconds, c.contractual,
               c.elapsed_seconds, c.paused_seconds, c.due_at, c.state
        FROM report_clocks c JOIN LAST_SIGNED r ON r.id = c.report_id""",
    "loads": """
        SELECT r.month, r.version, l.operator, l.file_type, CAST(l.day AS date) AS day, l.state
        FROM report_loads l JOIN LAST_SIGNED r ON r.id = l.report_id""",
}
"""What each view selects. Personal data, free text and the words of events stay out."""


def view(dialect: str, name: str) -> str:
    """A view's name on this engine."""
    return f"reporting.{name}" if dialect == "postgresql" else f"reporting_{name}"


def create_views(connection: Connection) -> None:
    """All views, and on PostgreSQL their schema."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS reporting")
    for name, query in VIEWS.items():
        text = query.replace("LAST_SIGNED", LAST_SIGNED)
        if dialect == "sqlite":  # which has no dates: they stay text
            text = CAST.sub(r"\1", text)
        connection.exec_driver_sql(f"CREATE VIEW {view(dialect, name)} AS {text}")


def drop_views(connection: Connection) -> None:
    """Take them away."""
    for name in VIEWS:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {view(connection.dialect.name, name)}")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS reporting")
