"""The table of what mail services may not use twice: tokens, each of which opens one body, and events."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table

from store.columns import at, metadata

# id: made of the service and its token or event. digest: of the body a token came with.
provider_tokens = Table(
    "provider_tokens", metadata,
    Column("id", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
    at("received_at"),
    Index("ix_provider_tokens_received_at", "received_at"),
)  # fmt: skip
