"""The tables of pipelines, and of when which record stood in which stage."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, text

from store.columns import Document, at, id_column, metadata

pipelines = Table(
    "pipelines", metadata,
    Column("object", String(40), ForeignKey("object_types.name"), primary_key=True),
    Column("value", String(200), primary_key=True),
    Column("label", String(200), nullable=False),
    Column("order", Integer, nullable=False),
    # Values of options of the property stage, in order.
    Column("stages", Document, nullable=False),
    Column("sets_close_date", Boolean, nullable=False, server_default=text("true")),
    # Where tickets go when somebody mails about them; see domain.schema.StatusFromEmail.
    Column("status_from_email", Document, nullable=False, server_default=text("'{}'")),
    at("created_at"),
)  # fmt: skip

stage_stays = Table(
    "stage_stays", metadata,
    id_column(),
    Column("record_id", String(36), ForeignKey("records.id"), nullable=False),
    Column("pipeline", String(200)),
    Column("stage", String(200), nullable=False),
    Column("cause_kind", String(20), nullable=False),
    Column("cause_id", String(100)),
    at("entered_at"),
    at("left_at", nullable=True),
    Index("ix_stage_stays_record_id", "record_id"),
)  # fmt: skip

# Which workflow runs for what reaches a stage. One that was detached, or deleted, is nobody's any more.
stage_automations = Table(
    "stage_automations", metadata,
    Column("object", String(40), primary_key=True),
    Column("pipeline", String(200), primary_key=True),
    Column("stage", String(200), primary_key=True),
    Column("workflow_id", String(36), ForeignKey("workflows.id"), nullable=False),
)  # fmt: skip
