"""The tables of teams: whom work is shared out among."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table

from store.columns import at, id_column, metadata

teams = Table(
    "teams", metadata,
    id_column(),
    Column("slug", String(63), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("archived", Boolean, nullable=False),
    at("created_at"),
    at("updated_at"),
)  # fmt: skip

team_members = Table(
    "team_members", metadata,
    Column("team_id", String(36), ForeignKey("teams.id"), primary_key=True),
    Column("user_id", String(36), ForeignKey("users.id"), primary_key=True),
    Column("weight", Integer, nullable=False),
    # In which order they stand, which decides between those who are owed the same.
    Column("place", Integer, nullable=False),
    Index("ix_team_members_user_id", "user_id"),
)  # fmt: skip
