"""Runs migrations on the connection that ``store.migrate`` hands over; that transaction is the commit."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON, BigInteger

from store.columns import UtcDateTime
from store.tables import metadata


def render_item(kind: str, item: Any, _autogenerate_context: object) -> str | Literal[False]:
    """How a new revision names our types: by what the database has, so that old migrations outlive this release."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "INSTANT"
    if kind == "type" and isinstance(item, JSON):
        return "DOCUMENT"
    if kind == "type" and isinstance(item, BigInteger) and "sqlite" in item._variant_mapping:
        return "SEQUENCE"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=True,
    # SQLite cannot alter a table: it is copied. Its DDL obeys transactions, which Alembic does not assume.
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
