"""Lists of what workflows produced."""

from __future__ import annotations

from datetime import timedelta

from store.database import Database, Tx
from store.effects import insert_notifications, insert_task
from store.outputs import OutputFilters, get_task, list_messages, list_notifications, list_tasks, set_task_status
from tests.fixtures.clock import START


async def test_tasks_are_listed_newest_first_by_pages_and_filters(database: Database) -> None:
    async with database.transaction() as tx:
        made = [await _task(tx, step=f"s{n}", assignee="kim" if n else None, minutes=n) for n in range(3)]
        assert await _tasks(tx, OutputFilters()) == made[::-1]
        assert await _tasks(tx, OutputFilters(), after=made[2]) == made[1::-1]
        assert await _tasks(tx, OutputFilters(step="s1")) == [made[1]]
        assert await _tasks(tx, OutputFilters(user="kim")) == [made[2], made[1]]
        assert await _tasks(tx, OutputFilters(since=START + timedelta(minutes=2))) == [made[2]]
        assert await _tasks(tx, OutputFilters(workflow="none")) == []
        assert await _tasks(tx, OutputFilters(channel="email")) == []


async def test_a_task_is_completed_and_opened_again(database: Database) -> None:
    async with database.transaction() as tx:
        task = await _task(tx)
        assert await set_task_status(tx, task, "done", now=START)
        assert await set_task_status(tx, task, "done", now=START + timedelta(days=1))
        done = await get_task(tx, task)
        assert done is not None
        assert (done["status"], done["completed_at"]) == ("done", START)
        assert await set_task_status(tx, task, "open", now=START)
        opened = await get_task(tx, task)
        assert opened is not None
        assert (opened["status"], opened["completed_at"], opened["slug"]) == ("open", None, None)
        assert not await set_task_status(tx, "nothing", "done", now=START)


async def test_notifications_are_listed_by_reader(database: Database) -> None:
    async with database.transaction() as tx:
        values = {
            "title": "T", "body": "", "record_id": "r", "enrollment_id": None, "workflow_id": None, "step": None,
        }  # fmt: skip
        await insert_notifications(tx, ["kim", "ola"], values, now=START)
        rows = await list_notifications(tx, OutputFilters(user="ola"), after=None, limit=10)
        assert [row["user_id"] for row in rows] == ["ola"]
        assert await list_messages(tx, OutputFilters(record="r"), after=None, limit=10) == []


async def _task(tx: Tx, *, step: str | None = None, assignee: str | None = None, minutes: int = 0) -> str:
    values = {
        "title": "T", "body": "", "priority": None, "due_at": None, "assignee": assignee, "record_ids": ["r"],
        "record_id": "r", "enrollment_id": None, "workflow_id": None, "step": step,
    }  # fmt: skip
    return await insert_task(tx, values, now=START + timedelta(minutes=minutes))


async def _tasks(tx: Tx, filters: OutputFilters, *, after: str | None = None) -> list[str]:
    return [row["id"] for row in await list_tasks(tx, filters, after=after, limit=10)]
