"""Add pipelines, when which record stood in which stage, and when a message was answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261124_sixth"
down_revision: str | None = "20261123_fifth"

INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Towards this release."""
    _add_pipelines()
    op.add_column("messages", sa.Column("replied_at", INSTANT, nullable=True))


def downgrade() -> None:
    """Back to the release before."""
    op.drop_column("messages", "replied_at")
    op.drop_index(op.f("ix_stage_stays_record_id"), table_name="stage_stays")
    op.drop_table("stage_stays")
    op.drop_table("pipelines")


def _add_pipelines() -> None:
    op.create_table(
        "pipelines",
        sa.Column("object", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("order", sa.Integer(), nullable=False),
        sa.Column("stages", DOCUMENT, nullable=False),
        sa.Column("sets_close_date", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["object"], ["object_types.name"], name=op.f("fk_pipelines_object_object_types")),
        sa.PrimaryKeyConstraint("object", "value", name=op.f("pk_pipelines")),
    )
    op.create_table(
        "stage_stays",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("record_id", sa.String(length=36), nullable=False),
        sa.Column("pipeline", sa.String(length=200), nullable=True),
        sa.Column("stage", sa.String(length=200), nullable=False),
        sa.Column("cause_kind", sa.String(length=20), nullable=False),
        sa.Column("cause_id", sa.String(length=100), nullable=True),
        sa.Column("entered_at", INSTANT, nullable=False),
        sa.Column("left_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_stage_stays_record_id_records")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_stays")),
    )
    op.create_index(op.f("ix_stage_stays_record_id"), "stage_stays", ["record_id"], unique=False)
