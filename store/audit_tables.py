"""The table of the audit log: who changed what of the set-up, and when."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table

from store.columns import Document, at, id_column, metadata

audit_entries = Table(
    "audit_entries", metadata,
    id_column(),
    Column("kind", String(20), nullable=False),
    # The kind with what was done to it: "workflow.published".
    Column("what", String(40), nullable=False),
    # The slug, name, address or id of it.
    Column("subject", String(400), nullable=False),
    # A key, the command line of the installation, or the product itself.
    Column("by", String(16), nullable=False),
    Column("key_id", String(36)),
    Column("user_id", String(36)),
    # None: it was not there.
    Column("before", Document),
    Column("after", Document),
    at("changed_at"),
    Index("ix_audit_entries_kind_subject_id", "kind", "subject", "id"),
    Index("ix_audit_entries_user_id_id", "user_id", "id"),
    Index("ix_audit_entries_key_id_id", "key_id", "id"),
)  # fmt: skip
