"""The tables of tasks, and of what they are about."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, text

from store.columns import at, id_column, metadata

tasks = Table(
    "tasks", metadata,
    id_column(),
    Column("type", String(16), nullable=False, server_default=text("'to_do'")),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("priority", String(16)),
    at("due_at", nullable=True),
    Column("assignee", String(36)),
    # The one whose timeline its completion is an event of.
    Column("record_id", String(36), nullable=False, index=True),
    Column("enrollment_id", String(36)),
    Column("workflow_id", String(36)),
    Column("step", String(40)),
    at("created_at"),
    at("completed_at", nullable=True),
    Index("ix_tasks_workflow_id_step", "workflow_id", "step"),
    Index("ix_tasks_assignee_status", "assignee", "status"),
)  # fmt: skip

task_records = Table(
    "task_records", metadata,
    Column("task_id", String(36), ForeignKey("tasks.id"), primary_key=True),
    Column("record_id", String(36), primary_key=True),
    # In which order they are shown.
    Column("place", Integer, nullable=False),
    Index("ix_task_records_record_id", "record_id"),
)  # fmt: skip
