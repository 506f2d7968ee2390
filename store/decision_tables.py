"""The table of what people decided about effects whose fate nobody knew."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from store.columns import at, id_column, metadata

effect_decisions = Table(
    "effect_decisions", metadata,
    id_column(),
    Column("effect_key", String(140), nullable=False),
    Column("enrollment_id", String(36), nullable=False),
    Column("settled_as", String(16), nullable=False),
    Column("note", Text),
    Column("cause_kind", String(20), nullable=False),
    Column("cause_id", String(100)),
    at("decided_at"),
    Index("ix_effect_decisions_enrollment_id", "enrollment_id"),
    Index("ix_effect_decisions_effect_key", "effect_key"),
    Index("ix_effect_decisions_decided_at", "decided_at"),
)  # fmt: skip
