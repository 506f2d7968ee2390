"""Add what contacts agree to be sent: subscription types, states, and their history."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_third"
down_revision: str | None = "20261122_second"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Towards this release."""
    _add_subscriptions()


def downgrade() -> None:
    """Back to the release before."""
    _drop_subscriptions()


def _add_subscriptions() -> None:
    op.create_table(
        "subscription_types",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_types")),
        sa.UniqueConstraint("slug", name=op.f("uq_subscription_types_slug")),
    )
    op.create_table(
        "subscriptions",
        *_whose("subscriptions"),
        sa.Column("state", sa.String(length=16), nullable=False),
        *_grounds(),
        sa.PrimaryKeyConstraint("record_id", "type_id", name=op.f("pk_subscriptions")),
    )
    with op.batch_alter_table("subscriptions", schema=None) as batch_op:
        batch_op.create_index("ix_subscriptions_type_id", ["type_id"], unique=False)

    op.create_table(
        "subscription_history",
        sa.Column("id", sa.String(length=36), nullable=False),
        *_whose("subscription_history"),
        sa.Column("before", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        *_grounds(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_history")),
    )
    with op.batch_alter_table("subscription_history", schema=None) as batch_op:
        batch_op.create_index("ix_subscription_history_record_id_id", ["record_id", "id"], unique=False)


def _drop_subscriptions() -> None:
    with op.batch_alter_table("subscription_history", schema=None) as batch_op:
        batch_op.drop_index("ix_subscription_history_record_id_id")

    op.drop_table("subscription_history")
    with op.batch_alter_table("subscriptions", schema=None) as batch_op:
        batch_op.drop_index("ix_subscriptions_type_id")

    op.drop_table("subscriptions")
    op.drop_table("subscription_types")


def _whose(table: str) -> list[sa.Column[Any] | sa.ForeignKeyConstraint]:
    """The contact and the type a row is about."""
    return [
        sa.Column("record_id", sa.String(length=36), nullable=False),
        sa.Column("type_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f(f"fk_{table}_record_id_records")),
        sa.ForeignKeyConstraint(
            ["type_id"], ["subscription_types.id"], name=op.f(f"fk_{table}_type_id_subscription_types")
        ),
    ]


def _grounds() -> list[sa.Column[Any]]:
    """On which grounds, by whom and when a state was set."""
    return [
        sa.Column("source", sa.String(length=200), nullable=True),
        sa.Column("legal_basis", sa.String(length=500), nullable=True),
        sa.Column("cause_kind", sa.String(length=20), nullable=False),
        sa.Column("cause_id", sa.String(length=100), nullable=True),
        sa.Column("changed_at", INSTANT, nullable=False),
    ]
