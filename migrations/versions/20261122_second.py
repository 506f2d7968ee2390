"""Add what entering and leaving need: lists, hooks, goals reached, events in order. No event was ever stored before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_second"
down_revision: str | None = "20261122_first"

INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Towards this release."""
    op.create_table(
        "lists",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("object", sa.String(length=40), nullable=False),
        sa.Column("condition", DOCUMENT, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lists")),
        sa.UniqueConstraint("slug", name=op.f("uq_lists_slug")),
    )
    op.create_table(
        "sweeps",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("swept_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sweeps")),
    )
    op.create_table(
        "hooks",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("workflow_id", sa.String(length=36), nullable=False),
        sa.Column("trigger", sa.String(length=40), nullable=False),
        sa.Column("secret", sa.String(length=80), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name=op.f("fk_hooks_workflow_id_workflows")),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_hooks")),
        sa.UniqueConstraint("workflow_id", "trigger", name="uq_hooks_workflow_id_trigger"),
    )
    op.create_table(
        "list_interests",
        sa.Column("list_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("fk_list_interests_list_id_lists")),
        sa.PrimaryKeyConstraint("list_id", "key", name=op.f("pk_list_interests")),
    )
    with op.batch_alter_table("list_interests", schema=None) as batch_op:
        batch_op.create_index("ix_list_interests_key", ["key"], unique=False)

    op.create_table(
        "list_members",
        sa.Column("list_id", sa.String(length=36), nullable=False),
        sa.Column("record_id", sa.String(length=36), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("fk_list_members_list_id_lists")),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_list_members_record_id_records")),
        sa.PrimaryKeyConstraint("list_id", "record_id", name=op.f("pk_list_members")),
    )
    with op.batch_alter_table("list_members", schema=None) as batch_op:
        batch_op.create_index("ix_list_members_record_id", ["record_id"], unique=False)

    op.create_table(
        "event_uses",
        sa.Column("enrollment_id", sa.String(length=36), nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_event_uses_enrollment_id_enrollments")
        ),
        sa.PrimaryKeyConstraint("enrollment_id", "event_id", name=op.f("pk_event_uses")),
    )
    op.create_table(
        "goals_reached",
        sa.Column("enrollment_id", sa.String(length=36), nullable=False),
        sa.Column("goal", sa.String(length=40), nullable=False),
        sa.Column("workflow_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.String(length=36), nullable=False),
        sa.Column("seen", DOCUMENT, nullable=True),
        sa.Column("reached_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_goals_reached_enrollment_id_enrollments")
        ),
        sa.PrimaryKeyConstraint("enrollment_id", "goal", name=op.f("pk_goals_reached")),
    )
    with op.batch_alter_table("goals_reached", schema=None) as batch_op:
        batch_op.create_index("ix_goals_reached_workflow_id_goal", ["workflow_id", "goal"], unique=False)

    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("end_seen", DOCUMENT, nullable=True))
        batch_op.add_column(sa.Column("entry_event_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("held_at", INSTANT, nullable=True))

    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("external_id", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("seq", sa.BigInteger(), nullable=False))
        batch_op.drop_index(batch_op.f("ix_events_record_id_name"))
        batch_op.create_index("ix_events_record_id_name", ["record_id", "name", "seq"], unique=False)
        batch_op.create_unique_constraint(batch_op.f("uq_events_external_id"), ["external_id"])

    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("place", sa.String(length=80), nullable=True))

    with op.batch_alter_table("workflows", schema=None) as batch_op:
        batch_op.add_column(sa.Column("turn_off_at", INSTANT, nullable=True))

    with op.batch_alter_table("entry_decisions", schema=None) as batch_op:
        batch_op.create_index("ix_entry_decisions_cause_id_id", ["cause_id", "id"], unique=False)


def downgrade() -> None:
    """Back to the release before."""
    with op.batch_alter_table("entry_decisions", schema=None) as batch_op:
        batch_op.drop_index("ix_entry_decisions_cause_id_id")

    with op.batch_alter_table("workflows", schema=None) as batch_op:
        batch_op.drop_column("turn_off_at")

    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("place")

    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_events_external_id"), type_="unique")
        batch_op.drop_index("ix_events_record_id_name")
        batch_op.create_index(batch_op.f("ix_events_record_id_name"), ["record_id", "name"], unique=False)
        batch_op.drop_column("seq")
        batch_op.drop_column("external_id")

    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.drop_column("held_at")
        batch_op.drop_column("entry_event_id")
        batch_op.drop_column("end_seen")

    with op.batch_alter_table("goals_reached", schema=None) as batch_op:
        batch_op.drop_index("ix_goals_reached_workflow_id_goal")

    op.drop_table("goals_reached")
    op.drop_table("event_uses")
    with op.batch_alter_table("list_members", schema=None) as batch_op:
        batch_op.drop_index("ix_list_members_record_id")

    op.drop_table("list_members")
    with op.batch_alter_table("list_interests", schema=None) as batch_op:
        batch_op.drop_index("ix_list_interests_key")

    op.drop_table("list_interests")
    op.drop_table("hooks")
    op.drop_table("sweeps")
    op.drop_table("lists")
