"""Rows of notifications: what users find in their inboxes, and what of it they have read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import RowMapping, bindparam, func, insert, select, update

from domain.base import Frozen, Json
from store.database import Read, Tx
from store.ids import new_id
from store.outputs import OutputFilters, newest, with_slug
from store.tables import notifications, tasks

_UNREAD = select(func.count()).where(notifications.c.user_id == bindparam("whose"), notifications.c.read_at.is_(None))
_OPEN = select(
    func.count().label("open"), func.count().filter(tasks.c.due_at < bindparam("now")).label("overdue")
).where(tasks.c.assignee == bindparam("whose"), tasks.c.status == "open")


class Inbox(Frozen):
    """How much waits for a user: notifications nobody read, open tasks, and how many of those are overdue."""

    unread: int
    open_tasks: int
    overdue_tasks: int


class NotificationFilters(OutputFilters):
    """``unread``: only those that were read, or only those that were not."""

    unread: bool | None = None


async def insert_notifications(
    tx: Tx, user_ids: Collection[str], values: Mapping[str, Json], *, now: datetime
) -> Sequence[str]:
    """Write one unread notification per user; returns their ids in the order of the users."""
    made = {user_id: new_id(now) for user_id in user_ids}
    rows = [{**values, "id": id, "user_id": user_id, "created_at": now} for user_id, id in made.items()]
    await tx.run(insert(notifications), rows)
    return [*made.values()]


async def list_notifications(
    read: Read, filters: NotificationFilters, *, after: str | None, limit: int
) -> list[RowMapping]:
    """Notifications with their workflow's ``slug``, older than the id ``after``."""
    page = newest(notifications, filters, after, limit)
    if filters.unread is not None:
        is_unread = notifications.c.read_at.is_(None)
        page = page.where(is_unread if filters.unread else ~is_unread)
    return await read.all(page)


async def get_notification(read: Read, id: str) -> RowMapping | None:
    """A notification with its workflow's ``slug``, or None."""
    return await read.one(with_slug(notifications).where(notifications.c.id == id))


async def mark_notification(tx: Tx, id: str, *, read_at: datetime | None) -> None:
    """Say that a notification was read; one that was read before keeps when. None: it is unread again."""
    mine = update(notifications).where(notifications.c.id == id)
    if read_at is not None:
        mine = mine.where(notifications.c.read_at.is_(None))
    await tx.run(mine.values(read_at=read_at))


async def mark_all(tx: Tx, user_id: str, *, up_to: str | None, read_at: datetime) -> None:
    """Say that a user read everything, or everything up to a notification, that one included."""
    mine = update(notifications).where(notifications.c.user_id == user_id, notifications.c.read_at.is_(None))
    if up_to is not None:
        mine = mine.where(notifications.c.id <= up_to)
    await tx.run(mine.values(read_at=read_at))


async def inbox_of(read: Read, user_id: str, *, now: datetime) -> Inbox:
    """How much waits for a user."""
    unread = await read.scalar(_UNREAD, whose=user_id)
    counted = await read.one(_OPEN, whose=user_id, now=now)
    assert counted is not None, "a count has a row"
    return Inbox(unread=unread, open_tasks=counted["open"], overdue_tasks=counted["overdue"])
