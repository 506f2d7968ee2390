"""Lists what workflows produced: messages, and pages of the rest; newest first, by keyset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import RowMapping, Select, Table, false, select, update

from domain.base import Frozen
from store.database import Read, Tx
from store.tables import messages, notifications, workflows

Fate: TypeAlias = Literal["delivered", "bounced", "complained"]
"""What becomes of a message once it left."""

_UNTOLD = ("queued", "failed", "unknown", "sent")
BEFORE: Mapping[Fate, tuple[str, ...]] = {
    "delivered": _UNTOLD,
    "bounced": (*_UNTOLD, "delivered"),
    "complained": (*_UNTOLD, "delivered", "bounced"),
}
"""From where a message advances there. Whoever got it knows better than who was refused an answer."""


class OutputFilters(Frozen):
    """What a list is narrowed to; None: no matter. ``workflow`` is a slug, ``since`` is inclusive.

    ``user`` is the assignee of a task or the reader of a notification; ``channel`` concerns messages, ``status``
    messages and tasks. A filter that a list does not have leaves it empty rather than being passed over.
    """

    workflow: str | None = None
    record: str | None = None
    enrollment: str | None = None
    step: str | None = None
    status: str | None = None
    channel: str | None = None
    user: str | None = None
    since: datetime | None = None


async def list_messages(read: Read, filters: OutputFilters, *, after: str | None, limit: int) -> list[RowMapping]:
    """Messages with their workflow's ``slug``, older than the id ``after``."""
    return await read.all(newest(messages, filters, after, limit))


async def get_message(read: Read, id: str) -> RowMapping | None:
    """A message with its workflow's ``slug``, or None."""
    return await read.one(with_slug(messages).where(messages.c.id == id))


async def find_message(read: Read, effect_key: str) -> RowMapping | None:
    """The message of an effect with its workflow's ``slug``, or None."""
    return await read.one(with_slug(messages).where(messages.c.effect_key == effect_key))


async def mark_message(tx: Tx, id: str, *columns: str, at: datetime) -> None:
    """Keep when a person first did what with a message: ``opened_at``, ``replied_at`` …"""
    for column in columns:
        mine = update(messages).where(messages.c.id == id, messages.c[column].is_(None))
        await tx.run(mine.values({column: at}))


async def advance_message(tx: Tx, id: str, fate: Fate, *, detail: str | None) -> bool:
    """Say what became of a message; False when that, or worse, is known of it, and nothing is written."""
    mine = update(messages).where(messages.c.id == id, messages.c.status.in_(BEFORE[fate]))
    return await tx.run(mine.values(status=fate, detail=detail)) == 1


async def note_message(tx: Tx, id: str, detail: str) -> None:
    """Keep what was told of a message that has not come to an end by it."""
    mine = update(messages).where(messages.c.id == id, messages.c.status.in_(BEFORE["delivered"]))
    await tx.run(mine.values(detail=detail))


def with_slug(table: Table) -> Select[Any]:
    """What a workflow produced, with its ``slug``."""
    # A task made by hand has no workflow.
    return select(table, workflows.c.slug).outerjoin(workflows, workflows.c.id == table.c.workflow_id)


def newest(table: Table, filters: OutputFilters, after: str | None, limit: int) -> Select[Any]:
    """A page of what workflows produced, newest first, older than the id ``after``."""
    columns = {
        "record": "record_id",
        "enrollment": "enrollment_id",
        "step": "step",
        "status": "status",
        "channel": "channel",
        "user": "user_id" if table is notifications else "assignee",
    }
    page = with_slug(table)
    if filters.workflow is not None:
        page = page.where(workflows.c.slug == filters.workflow)
    if filters.since is not None:
        page = page.where(table.c.created_at >= filters.since)
    for name, column in columns.items():
        wanted = getattr(filters, name)
        if wanted is not None:
            page = page.where(table.c[column] == wanted if column in table.c else false())
    if after is not None:
        page = page.where(table.c.id < after)
    return page.order_by(table.c.id.desc()).limit(limit)
