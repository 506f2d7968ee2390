"""The tables of subscription types, of what contacts agreed to now and before, and of whom nothing is sent to."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text, text

from store.columns import at, id_column, metadata

subscription_types = Table(
    "subscription_types", metadata,
    id_column(),
    Column("slug", String(63), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("kind", String(16), nullable=False, server_default=text("'marketing'")),
    Column("archived", Boolean, nullable=False),
    at("created_at"),
    at("updated_at"),
)  # fmt: skip

# A missing row is a state that nobody specified.
subscriptions = Table(
    "subscriptions", metadata,
    Column("record_id", String(36), ForeignKey("records.id"), primary_key=True),
    Column("type_id", String(36), ForeignKey("subscription_types.id"), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("source", String(200)),
    Column("legal_basis", String(500)),
    Column("cause_kind", String(20), nullable=False),
    Column("cause_id", String(100)),
    at("changed_at"),
    Index("ix_subscriptions_type_id", "type_id"),
)  # fmt: skip

# Kept for as long as the contact: it proves what may be sent.
subscription_history = Table(
    "subscription_history", metadata,
    id_column(),
    Column("record_id", String(36), ForeignKey("records.id"), nullable=False),
    Column("type_id", String(36), ForeignKey("subscription_types.id"), nullable=False),
    Column("before", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("source", String(200)),
    Column("legal_basis", String(500)),
    Column("cause_kind", String(20), nullable=False),
    Column("cause_id", String(100)),
    at("changed_at"),
    Index("ix_subscription_history_record_id_id", "record_id", "id"),
)  # fmt: skip

# ``subject`` is an address in lower case, which outlives every contact that has it, or the id of a contact.
suppressions = Table(
    "suppressions", metadata,
    Column("subject", String(320), primary_key=True),
    Column("reason", String(16), primary_key=True),
    Column("source", String(200)),
    Column("cause_kind", String(20), nullable=False),
    Column("cause_id", String(100)),
    at("since"),
)  # fmt: skip
