"""Lists of tasks, and what they are about."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.base import Json
from store.database import Database, Tx
from store.tasks import TaskFilters, get_task, insert_task, list_tasks, move_tasks
from tests.fixtures.clock import START


async def test_tasks_are_listed_newest_first_by_pages_and_filters(database: Database) -> None:
    async with database.transaction() as tx:
        made = [await _task(tx, step=f"s{n}", assignee="kim" if n else None, minutes=n) for n in range(3)]
        assert await _tasks(tx, TaskFilters()) == made[::-1]
        assert await _tasks(tx, TaskFilters(), after=made[2]) == made[1::-1]
        assert await _tasks(tx, TaskFilters(step="s1")) == [made[1]]
        assert await _tasks(tx, TaskFilters(user="kim")) == [made[2], made[1]]
        assert await _tasks(tx, TaskFilters(since=START + timedelta(minutes=2))) == [made[2]]
        assert await _tasks(tx, TaskFilters(workflow="none")) == []
        assert await _tasks(tx, TaskFilters(channel="email")) == []


async def test_tasks_are_found_by_what_they_are_about_their_type_and_when_they_are_due(database: Database) -> None:
    async with database.transaction() as tx:
        call = await _task(tx, "deal", type="call", due_at=START)
        later = await _task(tx, "r", "deal", due_at=START + timedelta(days=1), minutes=1)
        plain = await _task(tx, minutes=2)
        assert await _tasks(tx, TaskFilters(record="deal")) == [later, call]
        assert await _tasks(tx, TaskFilters(record="r")) == [plain, later, call]
        assert await _tasks(tx, TaskFilters(type="call")) == [call]
        assert await _tasks(tx, TaskFilters(due_before=START + timedelta(days=1))) == [call]


async def test_what_is_about_a_merged_record_is_about_the_one_that_stays_and_once(database: Database) -> None:
    async with database.transaction() as tx:
        both, bound = await _task(tx, "r", "gone", "stays"), await _task(tx, "gone", minutes=1)
        await move_tasks(tx, "gone", "stays")
        found = [await get_task(tx, id) for id in (both, bound)]
    assert [task.record_ids for task in found if task is not None] == [("r", "stays"), ("stays",)]


async def _task(tx: Tx, *about: str, minutes: int = 0, **values: Json | datetime) -> str:
    plain: dict[str, Json | datetime] = {
        "type": "to_do", "title": "T", "body": "", "priority": None, "due_at": None, "assignee": None,
        "record_id": "r", "enrollment_id": None, "workflow_id": None, "step": None,
    }  # fmt: skip
    return await insert_task(tx, {**plain, **values}, about or ["r"], now=START + timedelta(minutes=minutes))


async def _tasks(tx: Tx, filters: TaskFilters, *, after: str | None = None) -> list[str]:
    return [task.id for task in await list_tasks(tx, filters, after=after, limit=10)]
