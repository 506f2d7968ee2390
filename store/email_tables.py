"""The tables of reusable emails and of their versions, which never change."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table

from store.columns import Document, at, id_column, metadata

emails = Table(
    "emails", metadata,
    id_column(),
    Column("slug", String(63), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    at("created_at"),
    at("updated_at"),
)  # fmt: skip

# reads: the variables of its templates, looked up whenever a definition that names the email is examined.
email_versions = Table(
    "email_versions", metadata,
    Column("email_id", String(36), ForeignKey("emails.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("content", Document, nullable=False),
    Column("reads", Document, nullable=False),
    Column("cause_kind", String(20), nullable=False),
    Column("cause_id", String(100)),
    at("created_at"),
)  # fmt: skip
