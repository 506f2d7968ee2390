"""The table of rotations: how many records each user got from a step that hands them out in turn."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from store.columns import Document, at, metadata

rotations = Table(
    "rotations", metadata,
    Column("workflow_id", String(36), primary_key=True),
    Column("step", String(40), primary_key=True),
    Column("given", Document, nullable=False),
    at("updated_at"),
)  # fmt: skip
