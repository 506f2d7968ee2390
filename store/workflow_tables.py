"""The tables of what people define: workflows, their versions, and by what their triggers are found."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, text

from store.columns import Document, Sequence_, at, id_column, metadata

workflows = Table(
    "workflows", metadata,
    id_column(),
    Column("slug", String(63), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("folder", String(200), nullable=False),
    Column("object", String(40), nullable=False),
    Column("type", String(20), nullable=False),
    Column("draft", Document, nullable=False),
    Column("draft_revision", Integer, nullable=False),
    Column("is_on", Boolean, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("version", Integer),
    Column("live", Document),
    at("turn_off_at", nullable=True),
    at("created_at"),
    at("updated_at"),
)  # fmt: skip

versions = Table(
    "versions", metadata,
    Column("workflow_id", String(36), ForeignKey("workflows.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("definition", Document, nullable=False),
    Column("plan", Document, nullable=False),
    Column("engine_rev", Integer, nullable=False),
    at("published_at"),
)  # fmt: skip

# Which live values held from when on (rule R12), and who said so.
live_history = Table(
    "live_history", metadata,
    id_column(),
    Column("workflow_id", String(36), ForeignKey("workflows.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("live", Document, nullable=False),
    Column("cause_kind", String(20), nullable=False),
    Column("cause_id", String(100)),
    at("changed_at"),
    Index("ix_live_history_workflow_id_id", "workflow_id", "id"),
)  # fmt: skip

# The candidate index. Rows with a trigger are the triggers of the current version of a workflow that is on;
# rows without one are what an enrollment of that version reads in any role.
interests = Table(
    "interests", metadata,
    Column("id", Sequence_, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False),
    Column("workflow_id", String(36), ForeignKey("workflows.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("trigger", String(40)),
    Index("ix_interests_key", "key"),
    Index("ix_interests_workflow_id_version", "workflow_id", "version"),
)  # fmt: skip

hooks = Table(
    "hooks", metadata,
    Column("token", String(64), primary_key=True),
    Column("workflow_id", String(36), ForeignKey("workflows.id"), nullable=False),
    Column("trigger", String(40), nullable=False),
    # Needed as it is to check a signature.
    Column("secret", String(80), nullable=False),
    at("created_at"),
    UniqueConstraint("workflow_id", "trigger", name="uq_hooks_workflow_id_trigger"),
)  # fmt: skip

# Up to which instant what changes by time alone was looked at. A sweep under way looks at what changed until another
# instant, and is done with everybody up to a place. Nobody takes one up before ``retry_at``.
sweeps = Table(
    "sweeps", metadata,
    Column("name", String(120), primary_key=True),
    at("swept_at"),
    at("until", nullable=True),
    Column("place", String(80)),
    Column("error", Text),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    at("retry_at", nullable=True),
)  # fmt: skip

# One row per scheduled workflow. Up to ``through`` its occurrences were dealt with. ``revision`` counts what its run
# has to be told, ``told`` how much of it was; ``tell_at``: when a relay sees to the run next.
recurrences = Table(
    "recurrences", metadata,
    Column("workflow_id", String(36), ForeignKey("workflows.id"), primary_key=True),
    at("through"),
    Column("revision", Integer, nullable=False),
    Column("told", Integer, nullable=False),
    at("tell_at", nullable=True),
    Index("ix_recurrences_tell_at", "tell_at"),
)  # fmt: skip

# An occurrence happens once: what the clock of its schedule shows names it.
occurrences = Table(
    "occurrences", metadata,
    id_column(),
    Column("workflow_id", String(36), ForeignKey("workflows.id"), nullable=False),
    Column("local", String(16), nullable=False),
    at("at"),
    Column("state", String(10), nullable=False),
    Column("reason", String(20)),
    Column("detail", Text),
    Column("job_id", String(36), ForeignKey("jobs.id")),
    at("opened_at", nullable=True),
    UniqueConstraint("workflow_id", "local", name="uq_occurrences_workflow_id_local"),
    Index("ix_occurrences_workflow_id_id", "workflow_id", "id"),
)  # fmt: skip

# Whom a sweep stepped past, as deciding about them failed: looked at again at ``retry_at``, for all since ``since``.
sweep_failures = Table(
    "sweep_failures", metadata,
    Column("name", String(120), primary_key=True),
    Column("item", String(80), primary_key=True),
    at("since"),
    Column("error", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    at("retry_at"),
    Index("ix_sweep_failures_retry_at", "retry_at"),
)  # fmt: skip
