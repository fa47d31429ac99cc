"""bytes kept by their digest, in pieces."""

import sqlalchemy as sa
from alembic import op

revision = "0004_blobs"
down_revision = "0003_reconciliation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blobs")),
    )
    op.create_table(
        "blob_chunks",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("compressed", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name=op.f("fk_blob_chunks_sha256")),
        sa.PrimaryKeyConstraint("sha256", "place", name=op.f("pk_blob_chunks")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("blob_chunks")
    op.drop_table("blobs")
