"""people who may be disabled, and the record of logins and of what changed for whom."""

import sqlalchemy as sa
from alembic import op

from incident_store.append_only import allow_changes, refuse_changes

revision = "0012_access"
down_revision = "0011_signed_reports"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.add_column("users", sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "access_events",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_events")),
    )
    op.create_index("ix_access_events_person_id", "access_events", ["person", "id"])
    refuse_changes(op.get_bind(), "access_events")


def downgrade() -> None:
    """Undo."""
    allow_changes(op.get_bind(), "access_events")
    op.drop_table("access_events")
    op.drop_column("users", "disabled_at")
