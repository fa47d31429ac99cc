"""Find the last incident of a component."""

from alembic import op

revision = "0002_component_index"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index("ix_incidents_component", "incidents", ["component"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_incidents_component", "incidents")
