"""Rows of tasks, and of the records they are about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, bindparam, delete, insert, or_, select, update

from domain.base import Frozen, Instant, Json
from domain.tasks import Priority, TaskStatus, TaskType
from store.database import Read, Tx
from store.ids import new_id
from store.outputs import OutputFilters, newest, with_slug
from store.tables import task_records, tasks


class Task(Frozen):
    """A task. ``slug`` is that of the workflow that made it; ``record_ids`` is what it is about, in order.

    ``record_id``: the record of the enrollment that made it, of which its completion is an event.
    """

    id: str
    type: TaskType
    title: str
    body: str
    status: TaskStatus
    priority: Priority | None
    due_at: Instant | None
    assignee: str | None
    record_id: str
    record_ids: tuple[str, ...]
    slug: str | None
    enrollment_id: str | None
    step: str | None
    created_at: Instant
    completed_at: Instant | None


class TaskFilters(OutputFilters):
    """``record``: any that the task is about. ``due_before`` is exclusive, and leaves out what is never due."""

    type: str | None = None
    due_before: datetime | None = None


_PLAIN = [name for name in Task.model_fields if name != "record_ids"]
_ABOUT = (
    select(task_records.c.task_id, task_records.c.record_id)
    .where(task_records.c.task_id.in_(bindparam("ids", expanding=True)))
    .order_by(task_records.c.task_id, task_records.c.place)
)


def about(record_id: str) -> ColumnElement[bool]:
    """Whether a task was made for a record, or is about it."""
    linked = select(task_records.c.task_id).where(task_records.c.record_id == record_id)
    return or_(tasks.c.record_id == record_id, tasks.c.id.in_(linked))


async def insert_task(
    tx: Tx, values: Mapping[str, Json | datetime], record_ids: Sequence[str], *, now: datetime
) -> str:
    """Write an open task about these records; returns its id."""
    task_id = new_id(now)
    await tx.run(insert(tasks).values(**values, id=task_id, status="open", created_at=now))
    rows = [{"task_id": task_id, "record_id": each, "place": n} for n, each in enumerate(dict.fromkeys(record_ids))]
    if rows:
        await tx.run(insert(task_records).values(rows))
    return task_id


async def get_task(read: Read, id: str) -> Task | None:
    """A task, or None."""
    row = await read.one(with_slug(tasks).where(tasks.c.id == id))
    return (await _with_records(read, [row]))[0] if row else None


async def list_tasks(read: Read, filters: TaskFilters, *, after: str | None, limit: int) -> list[Task]:
    """Tasks older than the id ``after``, newest first."""
    page = newest(tasks, filters.model_copy(update={"record": None}), after, limit)
    if filters.record is not None:
        page = page.where(about(filters.record))
    if filters.type is not None:
        page = page.where(tasks.c.type == filters.type)
    if filters.due_before is not None:
        page = page.where(tasks.c.due_at < filters.due_before)
    return await _with_records(read, await read.all(page))


async def write_task(tx: Tx, id: str, values: Mapping[str, Json | datetime]) -> None:
    """Write some columns of a task; the caller keeps others away."""
    if values:
        await tx.run(update(tasks).where(tasks.c.id == id).values(**values))


async def move_tasks(tx: Tx, from_id: str, to_id: str) -> None:
    """Let tasks about a record be about another."""
    await tx.run(update(tasks).where(tasks.c.record_id == from_id).values(record_id=to_id))
    is_there = select(task_records.c.task_id).where(task_records.c.record_id == to_id)
    mine = task_records.c.record_id == from_id
    await tx.run(delete(task_records).where(mine, task_records.c.task_id.in_(is_there)))
    await tx.run(update(task_records).where(mine).values(record_id=to_id))


async def _with_records(read: Read, rows: Collection[RowMapping]) -> list[Task]:
    linked: dict[str, list[str]] = {row["id"]: [] for row in rows}
    if linked:
        for row in await read.all(_ABOUT, ids=list(linked)):
            linked[row["task_id"]].append(row["record_id"])
    return [Task(**{name: row[name] for name in _PLAIN}, record_ids=tuple(linked[row["id"]])) for row in rows]
