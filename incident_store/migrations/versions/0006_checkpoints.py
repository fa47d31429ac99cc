"""checkpoints over all chains of events, and triggers that keep what is append-only."""

import sqlalchemy as sa
from alembic import op

from incident_store.append_only import allow_changes, refuse_changes

revision = "0006_checkpoints"
down_revision = "0005_maintenance"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("events", "maintenance_events", "checkpoints", "checkpoint_entries")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "checkpoints",
        sa.Column("number", KEY, nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("through", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_checkpoints")),
    )
    op.create_index("ix_checkpoints_sealed_at", "checkpoints", ["sealed_at"])
    op.create_table(
        "checkpoint_entries",
        sa.Column("chain", sa.String(length=32), nullable=False),
        sa.Column("number", KEY, nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("checkpoint", KEY, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("chain", "number", "events", name=op.f("pk_checkpoint_entries")),
    )
    op.create_index("ix_checkpoint_entries_checkpoint", "checkpoint_entries", ["checkpoint"])
    for table in TABLES:
        refuse_changes(op.get_bind(), table)


def downgrade() -> None:
    """Undo."""
    for table in TABLES:
        allow_changes(op.get_bind(), table)
    op.drop_table("checkpoint_entries")
    op.drop_table("checkpoints")
