"""Add pipelines, teams, inbound texts, stays in stages, answers to messages, and what tasks are about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261124_sixth"
down_revision: str | None = "20261123_fifth"

INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_TASK_RECORDS = sa.table(
    "task_records", sa.column("task_id", sa.String), sa.column("record_id", sa.String), sa.column("place", sa.Integer)
)


def upgrade() -> None:
    """Towards this release."""
    _add_pipelines()
    op.add_column("messages", sa.Column("replied_at", INSTANT, nullable=True))
    _add_people()
    _reckon_rotations_by("owed", instead_of="given")
    op.add_column("rotations", sa.Column("weights", DOCUMENT, nullable=True))
    _add_texts()
    _add_tasks()
    op.create_index("ix_notifications_user_id_read_at", "notifications", ["user_id", "read_at"], unique=False)
    op.drop_index(op.f("ix_notifications_user_id"), table_name="notifications")
    _add_provider_tokens()


def downgrade() -> None:
    """Back to the release before."""
    op.drop_index(op.f("ix_provider_tokens_received_at"), table_name="provider_tokens")
    op.drop_table("provider_tokens")
    op.create_index(op.f("ix_notifications_user_id"), "notifications", ["user_id"], unique=False)
    op.drop_index("ix_notifications_user_id_read_at", table_name="notifications")
    _drop_tasks()
    op.drop_index(op.f("ix_inbound_texts_record_id_received_at"), table_name="inbound_texts")
    op.drop_table("inbound_texts")
    op.drop_index("ix_messages_recipient", table_name="messages")
    op.drop_column("messages", "segments")
    op.drop_column("rotations", "weights")
    _reckon_rotations_by("given", instead_of="owed")
    _drop_people()
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


def _add_people() -> None:
    op.add_column("users", sa.Column("available", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.add_column("users", sa.Column("away", DOCUMENT, nullable=True))
    op.add_column("users", sa.Column("timezone", sa.String(length=64), nullable=True))
    op.add_column("users", sa.Column("phone", sa.String(length=40), nullable=True))
    op.create_table(
        "teams",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("slug", name=op.f("uq_teams_slug")),
    )
    op.create_table(
        "team_members",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_team_members_team_id_teams")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_team_members_user_id_users")),
        sa.PrimaryKeyConstraint("team_id", "user_id", name=op.f("pk_team_members")),
    )
    op.create_index("ix_team_members_user_id", "team_members", ["user_id"], unique=False)


def _drop_people() -> None:
    op.drop_table("team_members")
    op.drop_table("teams")
    for name in ("phone", "timezone", "away", "available"):
        op.drop_column("users", name)


def _reckon_rotations_by(name: str, *, instead_of: str) -> None:
    """What was counted one way means nothing the other way: every rotation begins anew."""
    op.execute("DELETE FROM rotations")
    op.alter_column("rotations", instead_of, new_column_name=name)


def _add_texts() -> None:
    op.add_column("messages", sa.Column("segments", sa.Integer(), nullable=True))
    op.create_index("ix_messages_recipient", "messages", ["recipient"], unique=False)
    op.create_table(
        "inbound_texts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("sender", sa.String(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("answers", sa.String(length=36), nullable=True),
        sa.Column("record_id", sa.String(length=36), nullable=True),
        sa.Column("event_id", sa.String(length=36), nullable=True),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_texts")),
        sa.UniqueConstraint("reference", name=op.f("uq_inbound_texts_reference")),
    )
    op.create_index(
        op.f("ix_inbound_texts_record_id_received_at"), "inbound_texts", ["record_id", "received_at"], unique=False
    )


def _add_tasks() -> None:
    op.add_column("tasks", sa.Column("type", sa.String(length=16), server_default=sa.text("'to_do'"), nullable=False))
    op.create_index("ix_tasks_assignee_status", "tasks", ["assignee", "status"], unique=False)
    op.create_table(
        "task_records",
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("record_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_records_task_id_tasks")),
        sa.PrimaryKeyConstraint("task_id", "record_id", name=op.f("pk_task_records")),
    )
    op.create_index("ix_task_records_record_id", "task_records", ["record_id"], unique=False)
    tasks = sa.table("tasks", sa.column("id", sa.String), sa.column("record_ids", DOCUMENT))
    for task_id, record_ids in op.get_bind().execute(sa.select(tasks.c.id, tasks.c.record_ids)).all():
        linked = [
            {"task_id": task_id, "record_id": each, "place": n} for n, each in enumerate(dict.fromkeys(record_ids))
        ]
        if linked:
            op.get_bind().execute(sa.insert(_TASK_RECORDS), linked)
    op.drop_column("tasks", "record_ids")


def _drop_tasks() -> None:
    op.add_column("tasks", sa.Column("record_ids", DOCUMENT, server_default=sa.text("'[]'"), nullable=False))
    tasks = sa.table("tasks", sa.column("id", sa.String), sa.column("record_ids", DOCUMENT))
    linked: dict[str, list[str]] = {}
    for task_id, record_id in op.get_bind().execute(
        sa.select(_TASK_RECORDS.c.task_id, _TASK_RECORDS.c.record_id).order_by(_TASK_RECORDS.c.place)
    ):
        linked.setdefault(task_id, []).append(record_id)
    for task_id, record_ids in linked.items():
        op.get_bind().execute(sa.update(tasks).where(tasks.c.id == task_id).values(record_ids=record_ids))
    op.drop_index("ix_task_records_record_id", table_name="task_records")
    op.drop_table("task_records")
    op.drop_index("ix_tasks_assignee_status", table_name="tasks")
    op.drop_column("tasks", "type")


def _add_provider_tokens() -> None:
    op.create_table(
        "provider_tokens",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_tokens")),
    )
    op.create_index(op.f("ix_provider_tokens_received_at"), "provider_tokens", ["received_at"], unique=False)
