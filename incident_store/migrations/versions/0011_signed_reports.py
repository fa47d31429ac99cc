"""signed months with their figures by day, clock and load, and the views that other programs read."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from incident_store.append_only import allow_changes, refuse_changes
from incident_store.reporting_views import create_views, drop_views

revision = "0011_signed_reports"
down_revision = "0010_blobs_stay"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COUNTS = ("up", "down", "unknown", "maintenance", "excluded")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "signed_reports",
        sa.Column("id", KEY, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        *(sa.Column(name, sa.String(length=64), nullable=False) for name in ("figures", "pdf", "xlsx", "json")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signed_reports")),
        sa.UniqueConstraint("month", "version", name=op.f("uq_signed_reports_month_version")),
    )
    refuse_changes(op.get_bind(), "signed_reports")
    _of_report(
        "report_days",
        ("report_id", "kind", "name", "day"),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
    )
    _of_report(
        "report_clocks",
        ("report_id", "incident", "clock"),
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("clock", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("responsible", sa.String(length=16), nullable=False),
        sa.Column("target_seconds", sa.Float(), nullable=False),
        sa.Column("contractual", sa.Boolean(), nullable=False),
        sa.Column("elapsed_seconds", sa.Float(), nullable=False),
        sa.Column("paused_seconds", sa.Float(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
    )
    _of_report(
        "report_loads",
        ("report_id", "operator", "file_type", "day"),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("file_type", sa.Text(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
    )
    create_views(op.get_bind())


def _of_report(table: str, unique: tuple[str, ...], *columns: sa.Column[Any]) -> None:
    """A table whose rows belong to a signed report."""
    op.create_table(
        table,
        sa.Column("id", KEY, nullable=False),
        sa.Column("report_id", KEY, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["report_id"], ["signed_reports.id"], name=op.f(f"fk_{table}_report_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(*unique, name=op.f(f"uq_{table}_{'_'.join(unique)}")),
    )


def downgrade() -> None:
    """Undo."""
    drop_views(op.get_bind())
    for table in ("report_loads", "report_clocks", "report_days"):
        op.drop_table(table)
    allow_changes(op.get_bind(), "signed_reports")
    op.drop_table("signed_reports")
