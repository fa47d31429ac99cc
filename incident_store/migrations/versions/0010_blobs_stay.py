"""the bytes of files and evidence are never changed or removed."""

from alembic import op

from incident_store.append_only import allow_changes, refuse_changes

revision = "0010_blobs_stay"
down_revision = "0009_mailroom"
branch_labels = None
depends_on = None

TABLES = ("blobs", "blob_chunks")


def upgrade() -> None:
    """Apply."""
    for table in TABLES:
        refuse_changes(op.get_bind(), table)


def downgrade() -> None:
    """Undo."""
    for table in TABLES:
        allow_changes(op.get_bind(), table)
