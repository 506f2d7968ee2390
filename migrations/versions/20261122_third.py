"""Add what contacts agree to be sent, how far a sweep for what changes by time came, and goals reached afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_third"
down_revision: str | None = "20261122_second"

INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

TIME = "time"
"""The key under which the candidate index holds what reads time."""

RELATIVE = ("within_last", "within_next", "more_than_ago")


def upgrade() -> None:
    """Towards this release."""
    _add_subscriptions()
    _add_progress_of_sweeps()
    _add_late_goals()
    _index_time()


def downgrade() -> None:
    """Back to the release before."""
    _forget_time()
    op.drop_index("ix_late_goals_workflow_id", table_name="late_goals")
    op.drop_table("late_goals")
    _drop_progress_of_sweeps()
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


def _add_progress_of_sweeps() -> None:
    with op.batch_alter_table("sweeps", schema=None) as batch_op:
        batch_op.add_column(sa.Column("until", INSTANT, nullable=True))
        batch_op.add_column(sa.Column("place", sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column("error", sa.Text(), nullable=True))


def _add_late_goals() -> None:
    op.create_table(
        "late_goals",
        sa.Column("enrollment_id", sa.String(length=36), nullable=False),
        sa.Column("goal", sa.String(length=40), nullable=False),
        sa.Column("workflow_id", sa.String(length=36), nullable=False),
        sa.Column("record_id", sa.String(length=36), nullable=False),
        sa.Column("seen", DOCUMENT, nullable=True),
        sa.Column("reached_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_late_goals_enrollment_id_enrollments")
        ),
        sa.PrimaryKeyConstraint("enrollment_id", "goal", name=op.f("pk_late_goals")),
    )
    op.create_index("ix_late_goals_workflow_id", "late_goals", ["workflow_id"], unique=False)


def _drop_progress_of_sweeps() -> None:
    with op.batch_alter_table("sweeps", schema=None) as batch_op:
        batch_op.drop_column("error")
        batch_op.drop_column("place")
        batch_op.drop_column("until")


def _interests() -> sa.TableClause:
    return sa.table(
        "interests", sa.column("key"), sa.column("workflow_id"), sa.column("version"), sa.column("trigger")
    )  # fmt: skip


def _index_time() -> None:
    """Write for every version that reads time what publishing writes from now on."""
    versions = sa.table(
        "versions", sa.column("workflow_id"), sa.column("version"), sa.column("definition", DOCUMENT)
    )  # fmt: skip
    workflows = sa.table("workflows", sa.column("id"), sa.column("version"))
    current = {row.id: row.version for row in op.get_bind().execute(sa.select(workflows))}
    for row in op.get_bind().execute(sa.select(versions)).all():
        same = {"key": TIME, "workflow_id": row.workflow_id, "version": row.version}
        found = [{**same, "trigger": None}] if _leaves_by_time(row.definition) else []
        if current.get(row.workflow_id) == row.version:
            found += [{**same, "trigger": trigger} for trigger in _triggers(row.definition)]
        if found:
            op.bulk_insert(_interests(), found)


def _forget_time() -> None:
    interests = _interests()
    op.execute(interests.delete().where(interests.c.key == TIME))


def _triggers(definition: dict[str, Any]) -> Iterator[str]:
    for trigger in definition.get("entry", {}).get("triggers", ()):
        if trigger.get("on") == "filter" and _reads_time(trigger.get("where")):
            yield trigger["id"]


def _leaves_by_time(definition: dict[str, Any]) -> bool:
    exit_ = definition.get("exit", {})
    found = [definition.get("entry", {}).get("suppress"), exit_.get("when")]
    found += [goal.get("where") for goal in exit_.get("goals", ())]
    stays = exit_.get("when_entry_no_longer_holds") and any(_triggers(definition))
    return bool(stays) or any(_reads_time(each) for each in found)


def _reads_time(condition: object) -> bool:
    if isinstance(condition, list):
        return any(_reads_time(each) for each in condition)
    if not isinstance(condition, dict):
        return False
    here = condition.get("op") in RELATIVE or "now" in condition or ("event" in condition and "within" in condition)
    return here or any(_reads_time(each) for each in condition.values())
