"""what polling found, bodies as evidence, signals between processes, quarantine that is settled."""

import sqlalchemy as sa
from alembic import op

revision = "0003_reconciliation"
down_revision = "0002_component_index"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("episodes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("seen_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("gone", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.create_index(
            "ix_episodes_unsettled",
            ["fingerprint"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL OR to_verify"),
            postgresql_where=sa.text("ended_at IS NULL OR to_verify"),
        )
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.add_column(sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("settlement", sa.String(length=16), nullable=True))
    op.create_table(
        "signals",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_signals")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deliveries_received_at"), ["received_at"], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table("deliveries")
    op.drop_table("signals")
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.drop_column("settlement")
        batch_op.drop_column("settled_at")
    with op.batch_alter_table("episodes", schema=None) as batch_op:
        batch_op.drop_index("ix_episodes_unsettled")
        batch_op.drop_column("gone")
        batch_op.drop_column("seen_until")
