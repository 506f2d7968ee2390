"""The tables of what workflows act on: the account, its object types, records and associations, and its people."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from store.columns import Document, UtcDateTime, at, id_column, metadata

account = Table(
    "account", metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("default_region", String(2), nullable=False),
    Column("mail_from", String(320), nullable=False),
    Column("mail_from_name", String(200), nullable=False),
    Column("sms_from", String(32), nullable=False),
    Column("schema_revision", Integer, nullable=False),
    Column("sample_loaded_at", UtcDateTime),
    # Raised whenever live values of a workflow or defaults of the account change.
    Column("live_revision", Integer, nullable=False, server_default=text("0")),
    Column("window", Document),
    Column("pause_dates", Document),
    Column("holidays", Document),
    # Who may be sent marketing: the most per channel, and whether those who never said yes or no get any.
    Column("frequency_caps", Document),
    Column("send_to_not_specified", Boolean, nullable=False, server_default=text("false")),
    # Whether messages tell that they were opened, and their links that they were followed.
    Column("track_opens", Boolean, nullable=False, server_default=text("true")),
    Column("track_clicks", Boolean, nullable=False, server_default=text("true")),
    # Signs the addresses in messages, as long as the settings hold no key of their own.
    Column("link_key", String(64)),
)  # fmt: skip

object_types = Table(
    "object_types", metadata,
    Column("name", String(40), primary_key=True),
    Column("label", String(200), nullable=False),
    Column("builtin", Boolean, nullable=False),
    at("created_at"),
)  # fmt: skip

property_definitions = Table(
    "property_definitions", metadata,
    Column("object", String(40), ForeignKey("object_types.name"), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("type", String(16), nullable=False),
    Column("label", String(200), nullable=False),
    Column("options", Document, nullable=False),
    Column("unique", Boolean, nullable=False),
    Column("read_only", Boolean, nullable=False),
    Column("builtin", Boolean, nullable=False),
    at("created_at"),
)  # fmt: skip

records = Table(
    "records", metadata,
    id_column(),
    Column("object", String(40), ForeignKey("object_types.name"), nullable=False),
    Column("properties", Document, nullable=False),
    Column("version", Integer, nullable=False),
    at("created_at"),
    at("updated_at"),
    at("deleted_at", nullable=True),
    Index("ix_records_object_id", "object", "id"),
)  # fmt: skip

unique_values = Table(
    "unique_values", metadata,
    Column("object", String(40), primary_key=True),
    Column("property", String(40), primary_key=True),
    Column("value", String(500), primary_key=True),
    Column("record_id", String(36), ForeignKey("records.id"), nullable=False, index=True),
)  # fmt: skip

# Two rows for one association, one per direction, so that every question is asked in one way.
associations = Table(
    "associations", metadata,
    Column("record_id", String(36), ForeignKey("records.id"), primary_key=True),
    Column("other_id", String(36), ForeignKey("records.id"), primary_key=True),
    Column("object", String(40), nullable=False),
    Column("other_object", String(40), nullable=False),
    Column("label", String(60)),
    at("created_at"),
    Index("ix_associations_record_id_other_object", "record_id", "other_object"),
)  # fmt: skip

users = Table(
    "users", metadata,
    id_column(),
    Column("name", String(200), nullable=False),
    Column("email", String(320), nullable=False, unique=True),
    # As it was written.
    Column("phone", String(40)),
    Column("manager_id", String(36)),
    Column("active", Boolean, nullable=False),
    Column("available", Boolean, nullable=False, server_default=text("true")),
    # Spans {from, to}; None: none.
    Column("away", Document),
    # None: the account's.
    Column("timezone", String(64)),
    # None: may not sign in anywhere, only own records and get tasks.
    Column("role", String(10)),
    Column("sees_personal_data", Boolean, nullable=False, server_default=text("true")),
    at("created_at"),
)  # fmt: skip

api_keys = Table(
    "api_keys", metadata,
    id_column(),
    Column("name", String(200), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("prefix", String(16), nullable=False),
    # Of a program. What the keys of a user may do follows from their role.
    Column("scopes", Document, nullable=False),
    Column("user_id", String(36), ForeignKey("users.id")),
    at("created_at"),
    at("revoked_at", nullable=True),
)  # fmt: skip

idempotency = Table(
    "idempotency", metadata,
    Column("api_key_id", String(36), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("status", Integer),
    Column("headers", Document),
    Column("body", Text),
    at("created_at"),
    at("locked_until", nullable=True),
)  # fmt: skip
