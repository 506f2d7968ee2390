"""Add live values, defaults for time, clocks of visits, moves, times of schedules, and whom sweeps passed over.

What goals read is indexed for the versions that were published before, so that they count who reaches one late.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_fourth"
down_revision: str | None = "20261122_third"

INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

GOAL = "goal:"
"""With it begin the keys under which the candidate index holds what goals read."""


def upgrade() -> None:
    """Towards this release."""
    _add_live_values()
    _add_clocks_of_visits()
    _add_moves()
    _add_rounds()
    _add_recurrences()
    _add_occurrences()
    _add_failures_of_sweeps()
    _add_what_decisions_saw()
    _index_goals()


def downgrade() -> None:
    """Back to the release before."""
    _forget_goals()
    _drop_what_decisions_saw()
    _drop_failures_of_sweeps()
    _drop_clocks_of_visits()
    _drop_moves()
    _drop_rounds()
    op.drop_index("ix_occurrences_workflow_id_id", table_name="occurrences")
    op.drop_table("occurrences")
    op.drop_index("ix_recurrences_tell_at", table_name="recurrences")
    op.drop_table("recurrences")
    _drop_live_values()


def _add_live_values() -> None:
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("live_revision", sa.Integer(), server_default=sa.text("0"), nullable=False))
        for name in ("window", "pause_dates", "holidays"):
            batch_op.add_column(sa.Column(name, DOCUMENT, nullable=True))
    op.create_table(
        "live_history",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("workflow_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("live", DOCUMENT, nullable=False),
        sa.Column("cause_kind", sa.String(length=20), nullable=False),
        sa.Column("cause_id", sa.String(length=100), nullable=True),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name=op.f("fk_live_history_workflow_id_workflows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_history")),
    )
    op.create_index("ix_live_history_workflow_id_id", "live_history", ["workflow_id", "id"], unique=False)


def _drop_live_values() -> None:
    op.drop_index("ix_live_history_workflow_id_id", table_name="live_history")
    op.drop_table("live_history")
    with op.batch_alter_table("account", schema=None) as batch_op:
        for name in ("holidays", "pause_dates", "window", "live_revision"):
            batch_op.drop_column(name)


def _add_clocks_of_visits() -> None:
    with op.batch_alter_table("visits", schema=None) as batch_op:
        batch_op.add_column(sa.Column("zone", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("held_until", INSTANT, nullable=True))


def _drop_clocks_of_visits() -> None:
    with op.batch_alter_table("visits", schema=None) as batch_op:
        batch_op.drop_column("held_until")
        batch_op.drop_column("zone")


def _add_moves() -> None:
    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("moved_at", INSTANT, nullable=True))
        batch_op.add_column(sa.Column("pass_over", DOCUMENT, nullable=True))


def _drop_moves() -> None:
    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.drop_column("pass_over")
        batch_op.drop_column("moved_at")


def _add_rounds() -> None:
    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("round", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("round_since", sa.String(length=10), nullable=True))


def _drop_rounds() -> None:
    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.drop_column("round_since")
        batch_op.drop_column("round")


def _add_recurrences() -> None:
    op.create_table(
        "recurrences",
        sa.Column("workflow_id", sa.String(length=36), nullable=False),
        sa.Column("through", INSTANT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("tell_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name=op.f("fk_recurrences_workflow_id_workflows")),
        sa.PrimaryKeyConstraint("workflow_id", name=op.f("pk_recurrences")),
    )
    op.create_index("ix_recurrences_tell_at", "recurrences", ["tell_at"], unique=False)


def _add_occurrences() -> None:
    op.create_table(
        "occurrences",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("workflow_id", sa.String(length=36), nullable=False),
        sa.Column("local", sa.String(length=16), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("job_id", sa.String(length=36), nullable=True),
        sa.Column("opened_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name=op.f("fk_occurrences_workflow_id_workflows")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_occurrences_job_id_jobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occurrences")),
        sa.UniqueConstraint("workflow_id", "local", name="uq_occurrences_workflow_id_local"),
    )
    op.create_index("ix_occurrences_workflow_id_id", "occurrences", ["workflow_id", "id"], unique=False)


def _add_failures_of_sweeps() -> None:
    with op.batch_alter_table("sweeps", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("retry_at", INSTANT, nullable=True))
    op.create_table(
        "sweep_failures",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("retry_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", "item", name=op.f("pk_sweep_failures")),
    )
    op.create_index("ix_sweep_failures_retry_at", "sweep_failures", ["retry_at"], unique=False)


def _drop_failures_of_sweeps() -> None:
    op.drop_index("ix_sweep_failures_retry_at", table_name="sweep_failures")
    op.drop_table("sweep_failures")
    with op.batch_alter_table("sweeps", schema=None) as batch_op:
        batch_op.drop_column("retry_at")
        batch_op.drop_column("tries")


def _add_what_decisions_saw() -> None:
    # Not in a batch, which on SQLite would leave out the index over an expression.
    op.add_column("entry_decisions", sa.Column("saw", DOCUMENT, nullable=True))


def _drop_what_decisions_saw() -> None:
    op.execute("ALTER TABLE entry_decisions DROP COLUMN saw")


def _interests() -> sa.TableClause:
    return sa.table(
        "interests", sa.column("key"), sa.column("workflow_id"), sa.column("version"), sa.column("trigger")
    )  # fmt: skip


def _index_goals() -> None:
    """Write for every version with goals what publishing writes from now on."""
    _forget_goals()
    versions = sa.table(
        "versions", sa.column("workflow_id"), sa.column("version"), sa.column("definition", DOCUMENT)
    )  # fmt: skip
    for row in op.get_bind().execute(sa.select(versions)).all():
        definition = row.definition
        goals = definition.get("exit", {}).get("goals", ())
        keys = {key for goal in goals for key in _keys_read(goal.get("where"), definition.get("object", ""))}
        same = {"workflow_id": row.workflow_id, "version": row.version, "trigger": None}
        if keys:
            op.bulk_insert(_interests(), [{**same, "key": GOAL + key} for key in sorted(keys)])


def _forget_goals() -> None:
    interests = _interests()
    op.execute(interests.delete().where(interests.c.key.startswith(GOAL)))


def _keys_read(condition: Any, object: str) -> Iterator[str]:
    """What a change must touch to change the answer of a condition on a record of ``object``."""
    if not isinstance(condition, dict):
        return
    for part in [*condition.get("all", ()), *condition.get("any", ()), condition.get("not")]:
        yield from _keys_read(part, object)
    of, related, value = condition.get("of"), condition.get("related"), condition.get("value")
    value = value if isinstance(value, dict) else {}
    # What a value names belongs to the record the left side is read from.
    left = of["object"] if of and "property" in condition else object
    for hop in (of, related, value.get("of") if "property" in value else None):
        if hop:
            yield f"{object}~{hop['object']}"
    for name, whose in ((condition.get("property"), left), (value.get("property"), _object(value.get("of"), left))):
        if name:
            yield f"{whose}.{name}"
    for kind in ("event", "list", "workflow", "subscription"):
        if kind in condition:
            yield f"{kind}:{condition[kind]}"
    yield from _keys_read(condition.get("where"), _object(related, object))


def _object(of: dict[str, Any] | None, object: str) -> str:
    return str(of["object"]) if of else object
