"""The table of text messages that came in."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from store.columns import at, id_column, metadata

# reference: the service's own id of it. answers: the message of ours it follows; record_id: in whose story it is.
inbound_texts = Table(
    "inbound_texts", metadata,
    id_column(),
    Column("reference", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("sender", String(32), nullable=False),
    Column("recipient", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("answers", String(36)),
    Column("record_id", String(36)),
    Column("event_id", String(36)),
    at("received_at"),
    Index("ix_inbound_texts_record_id_received_at", "record_id", "received_at"),
)  # fmt: skip
