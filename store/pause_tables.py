"""The table of pauses: when workflows and enrollments were held, and until when."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table

from store.columns import at, id_column, metadata

pauses = Table(
    "pauses", metadata,
    id_column(),
    # The workflow or the enrollment that was paused.
    Column("subject_id", String(36), nullable=False),
    at("paused_at"),
    at("resumed_at", nullable=True),
    Index("ix_pauses_subject_id_paused_at", "subject_id", "paused_at"),
)  # fmt: skip
