"""maintenance windows and their events."""

import sqlalchemy as sa
from alembic import op

revision = "0005_maintenance"
down_revision = "0004_blobs"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "maintenance_windows",
        sa.Column("id", KEY, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_windows")),
    )
    op.create_index("ix_maintenance_windows_span", "maintenance_windows", ["starts_at", "ends_at"])
    op.create_table(
        "maintenance_events",
        sa.Column("id", KEY, nullable=False),
        sa.Column("window_id", KEY, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["window_id"], ["maintenance_windows.id"], name=op.f("fk_maintenance_events_window_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_events")),
        sa.UniqueConstraint("window_id", "sequence", name=op.f("uq_maintenance_events_window_id_sequence")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("maintenance_events")
    op.drop_table("maintenance_windows")
