"""on SQLite no row of the record takes the place of another."""

from alembic import op

from incident_store.append_only import allow_replacement, refuse_replacement

revision = "0013_nothing_is_replaced"
down_revision = "0012_access"
branch_labels = None
depends_on = None

TABLES = (
    "events",
    "maintenance_events",
    "checkpoints",
    "checkpoint_entries",
    "blobs",
    "blob_chunks",
    "signed_reports",
    "access_events",
)


def upgrade() -> None:
    """Apply."""
    for table in TABLES:
        refuse_replacement(op.get_bind(), table)


def downgrade() -> None:
    """Undo."""
    for table in TABLES:
        allow_replacement(op.get_bind(), table)
