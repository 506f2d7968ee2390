"""The table of messages: what left or failed to leave, and what became of it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from store.columns import Document, at, id_column, metadata

messages = Table(
    "messages", metadata,
    id_column(),
    Column("effect_key", String(140), nullable=False, unique=True),
    Column("enrollment_id", String(36), ForeignKey("enrollments.id"), nullable=False),
    Column("workflow_id", String(36), nullable=False),
    Column("step", String(40), nullable=False),
    Column("record_id", String(36), nullable=False, index=True),
    Column("channel", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("sender", String(320), nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("subject", Text),
    Column("html", Text),
    Column("text", Text, nullable=False),
    Column("message_id", String(400)),
    # The reusable email it was written from, if any.
    Column("email", String(63)),
    Column("email_version", Integer),
    Column("detail", Text),
    # Of a text message: what networks charge and deliver by.
    Column("segments", Integer),
    # The contact it goes to, whether it is marketing, and when it was last let go: what caps count.
    Column("contact_id", String(36)),
    Column("marketing", Boolean, nullable=False, server_default=text("false")),
    at("claimed_at", nullable=True),
    Column("subscription", String(63)),
    # Where its links lead, by index; when a person first did what, or a program opened it.
    Column("links", Document),
    at("opened_at", nullable=True),
    at("machine_opened_at", nullable=True),
    at("clicked_at", nullable=True),
    at("unsubscribed_at", nullable=True),
    at("replied_at", nullable=True),
    # What its reply address holds, and the ids of the messages it follows, oldest first.
    Column("reply_token", String(32)),
    Column("thread", Document),
    at("created_at"),
    at("sent_at", nullable=True),
    # All that the report counts and pages by, so that it reads no row: messages are large.
    Index("ix_messages_counted", "workflow_id", "step", "status", "enrollment_id", "id",
          "opened_at", "machine_opened_at", "clicked_at", "replied_at", "unsubscribed_at"),
    Index("ix_messages_enrollment_id", "enrollment_id"),
    Index("ix_messages_contact_id_claimed_at", "contact_id", "claimed_at"),
    Index("ix_messages_reply_token", "reply_token"),
    Index("ix_messages_message_id", "message_id"),
    Index("ix_messages_recipient", "recipient"),
)  # fmt: skip
