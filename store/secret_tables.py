"""The table of secrets that steps name. What is in it leaves this process only towards the addresses steps call."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from store.columns import at, metadata

secrets = Table(
    "secrets", metadata,
    Column("name", String(63), primary_key=True),
    Column("value", Text, nullable=False),
    Column("previous", Text),
    at("previous_until", nullable=True),
    at("created_at"),
    at("updated_at"),
)  # fmt: skip
