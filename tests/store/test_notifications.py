"""What users find in their inboxes, and what of it they have read."""

from __future__ import annotations

from datetime import timedelta

from store.database import Database, Tx
from store.notifications import (
    Inbox,
    NotificationFilters,
    get_notification,
    inbox_of,
    insert_notifications,
    list_notifications,
    mark_all,
    mark_notification,
)
from store.outputs import OutputFilters, list_messages
from store.tasks import insert_task
from tests.fixtures.clock import START

NOON = START + timedelta(hours=3)


async def test_notifications_are_listed_by_reader_and_by_whether_they_were_read(database: Database) -> None:
    async with database.transaction() as tx:
        (kim, ola), (late,) = await _told(tx, "kim", "ola"), await _told(tx, "kim", minutes=1)
        await mark_notification(tx, kim, read_at=NOON)
        assert await _found(tx, user="ola") == [ola]
        assert await _found(tx, user="kim") == [late, kim]
        assert await _found(tx, user="kim", unread=True) == [late]
        assert await _found(tx, unread=False) == [kim]
        assert await list_messages(tx, OutputFilters(record="r"), after=None, limit=10) == []


async def test_who_reads_again_read_it_the_first_time_and_may_take_it_back(database: Database) -> None:
    async with database.transaction() as tx:
        (one,) = await _told(tx, "kim")
        for read_at, kept in ((NOON, NOON), (NOON + timedelta(days=1), NOON), (None, None)):
            await mark_notification(tx, one, read_at=read_at)
            row = await get_notification(tx, one)
            assert row is not None
            assert row["read_at"] == kept


async def test_everything_is_read_up_to_the_last_that_was_seen(database: Database) -> None:
    async with database.transaction() as tx:
        made = [(await _told(tx, "kim", "ola", minutes=n))[0] for n in range(3)]
        await mark_all(tx, "kim", up_to=made[1], read_at=NOON)
        assert await _found(tx, user="kim", unread=True) == [made[2]]
        await mark_all(tx, "kim", up_to=None, read_at=NOON)
        assert await _found(tx, user="kim", unread=True) == []
        assert (await inbox_of(tx, "ola", now=NOON)).unread == 3


async def test_an_inbox_counts_what_waits_for_its_user(database: Database) -> None:
    async with database.transaction() as tx:
        await _told(tx, "kim", "ola")
        for n, due_at in enumerate((None, NOON, NOON - timedelta(hours=1))):
            values = {
                "type": "to_do", "title": "T", "body": "", "priority": None, "due_at": due_at, "assignee": "kim",
                "record_id": "r", "enrollment_id": None, "workflow_id": None, "step": None,
            }  # fmt: skip
            await insert_task(tx, values, ["r"], now=START + timedelta(minutes=n))
        assert await inbox_of(tx, "kim", now=NOON) == Inbox(unread=1, open_tasks=3, overdue_tasks=1)
        assert await inbox_of(tx, "ola", now=NOON) == Inbox(unread=1, open_tasks=0, overdue_tasks=0)


async def _told(tx: Tx, *users: str, minutes: int = 0) -> list[str]:
    values = {
        "title": "T", "body": "", "record_id": "r", "enrollment_id": None, "workflow_id": None, "step": None,
    }  # fmt: skip
    return [*await insert_notifications(tx, users, values, now=START + timedelta(minutes=minutes))]


async def _found(tx: Tx, *, user: str | None = None, unread: bool | None = None) -> list[str]:
    filters = NotificationFilters(user=user, unread=unread)
    return [row["id"] for row in await list_notifications(tx, filters, after=None, limit=10)]
