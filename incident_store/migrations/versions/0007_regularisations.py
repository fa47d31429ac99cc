"""outages that closings confirmed, and the loads that they left owed."""

import sqlalchemy as sa
from alembic import op

revision = "0007_regularisations"
down_revision = "0006_checkpoints"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "confirmed_outages",
        sa.Column("id", KEY, nullable=False),
        sa.Column("incident_id", KEY, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_confirmed_outages_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmed_outages")),
    )
    op.create_index(
        "ix_confirmed_outages_unlisted",
        "confirmed_outages",
        ["id"],
        sqlite_where=sa.text("NOT listed"),
        postgresql_where=sa.text("NOT listed"),
    )
    op.create_table(
        "regularisations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("outage_id", KEY, nullable=False),
        sa.Column("incident_id", KEY, nullable=False),
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("file_type", sa.String(length=64), nullable=False),
        sa.Column("data_day", sa.String(length=10), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["outage_id"], ["confirmed_outages.id"], name=op.f("fk_regularisations_outage_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_regularisations_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regularisations")),
        sa.UniqueConstraint(
            "incident_id",
            "operator",
            "file_type",
            "data_day",
            name=op.f("uq_regularisations_incident_id_operator_file_type_data_day"),
        ),
    )
    op.create_index(
        "ix_regularisations_open",
        "regularisations",
        ["outage_id"],
        sqlite_where=sa.text("processed_at IS NULL"),
        postgresql_where=sa.text("processed_at IS NULL"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("regularisations")
    op.drop_table("confirmed_outages")
