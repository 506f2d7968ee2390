"""The tables of conversations: channels, their threads, and what was written in each."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint, text

from store.columns import Document, at, id_column, metadata

channels = Table(
    "channels", metadata,
    id_column(),
    Column("slug", String(63), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(200), nullable=False),
    # In lower case where it is an address of mail; what comes in is found by it.
    Column("address", String(320)),
    Column("pipeline", String(200), nullable=False),
    Column("stage", String(200)),
    Column("opens_tickets", Boolean, nullable=False, server_default=text("true")),
    Column("properties", Document, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    at("created_at"),
    UniqueConstraint("kind", "address"),
)  # fmt: skip

threads = Table(
    "threads", metadata,
    id_column(),
    Column("channel_id", String(36), ForeignKey("channels.id"), nullable=False),
    Column("contact_id", String(36), index=True),
    Column("ticket_id", String(36), index=True),
    # The ticket was created from it.
    Column("opened_ticket", Boolean, nullable=False, server_default=text("false")),
    Column("subject", Text, nullable=False),
    Column("token", String(32), nullable=False, unique=True),
    Column("external_id", String(200)),
    at("created_at"),
    at("last_at"),
    UniqueConstraint("channel_id", "external_id"),
)  # fmt: skip

thread_messages = Table(
    "thread_messages", metadata,
    id_column(),
    Column("thread_id", String(36), ForeignKey("threads.id"), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("author", String(24), nullable=False),
    Column("contact_id", String(36)),
    Column("user_id", String(36)),
    # Of mail: who wrote it, or whom it went to.
    Column("address", String(320)),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text),
    Column("message_id", String(400)),
    Column("external_id", String(200)),
    Column("mail", String(36)),
    # Of what we sent: what became of it.
    Column("status", String(16)),
    Column("detail", Text),
    Column("effect", Text),
    at("created_at"),
    UniqueConstraint("thread_id", "external_id"),
    Index("ix_thread_messages_message_id", "message_id"),
    Index("ix_thread_messages_status", "status", sqlite_where=text("status in ('queued', 'handed_over')"),
          postgresql_where=text("status in ('queued', 'handed_over')")),
)  # fmt: skip
