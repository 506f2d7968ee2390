"""The table of rotations: what a step that hands records out in turn owes each user, and by which weights."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from store.columns import Document, at, metadata

rotations = Table(
    "rotations", metadata,
    Column("workflow_id", String(36), primary_key=True),
    Column("step", String(40), primary_key=True),
    Column("owed", Document, nullable=False),
    # None before the first turn.
    Column("weights", Document),
    at("updated_at"),
)  # fmt: skip
