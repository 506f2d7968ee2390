"""The tables of lists and their members."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table

from store.columns import Document, at, id_column, metadata

lists = Table(
    "lists", metadata,
    id_column(),
    Column("slug", String(63), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("object", String(40), nullable=False),
    # None: static, members are put in and taken out by hand.
    Column("condition", Document),
    Column("revision", Integer, nullable=False),
    at("created_at"),
    at("updated_at"),
)  # fmt: skip

list_members = Table(
    "list_members", metadata,
    Column("list_id", String(36), ForeignKey("lists.id"), primary_key=True),
    Column("record_id", String(36), ForeignKey("records.id"), primary_key=True),
    at("since"),
    Index("ix_list_members_record_id", "record_id"),
)  # fmt: skip

# The candidate index of dynamic lists: by which keys a change finds the lists it may concern.
list_interests = Table(
    "list_interests", metadata,
    Column("list_id", String(36), ForeignKey("lists.id"), primary_key=True),
    Column("key", String(200), primary_key=True),
    Index("ix_list_interests_key", "key"),
)  # fmt: skip
