"""Tasks that workflows gave to people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import answer
from api.deps import Inst, MessagesRead, Reading, RecordsWrite
from api.describing import refusals
from api.instants import WrittenInstant
from api.limits import StorableRoute
from api.loading import filter_or_404
from api.paging import Page, Paged, page
from api.routes.outputs import Common, Id, Text
from api.schemas.tasks import TaskPatch, TaskView
from domain.errors import NotFound
from domain.tasks import TaskStatus, TaskType
from services.intake import tasks as services
from services.records.records import begin_write
from store import tasks as rows
from store.tasks import Task, TaskFilters

router = APIRouter(prefix="/tasks", tags=["tasks"], route_class=StorableRoute)

MAY_BE_NULL = frozenset({"priority", "due_at", "assignee"})


@router.get("", response_model=Page[TaskView])
async def list_tasks(
    read: Reading,
    _: MessagesRead,
    paging: Paged,
    common: Common,
    status: Annotated[TaskStatus | None, Query()] = None,
    type: Annotated[TaskType | None, Query()] = None,
    assignee: Text = None,
    due_before: Annotated[WrittenInstant | None, Query(description="Due before this instant.")] = None,
) -> Page[TaskView]:
    """Tasks, newest first; of a record those it is any part of."""
    await filter_or_404(read, common.workflow)
    said = {**common.model_dump(), "status": status, "user": assignee}
    filters = TaskFilters(**said, type=type, due_before=due_before)
    found = await rows.list_tasks(read, filters, after=paging.after, limit=paging.fetch)
    return page(found, paging, task_view, key=lambda task: task.id)


@router.get("/{task_id}", response_model=TaskView)
async def show_task(task_id: Id, read: Reading, _: MessagesRead) -> TaskView:
    """One task."""
    found = await rows.get_task(read, task_id)
    if found is None:
        raise NotFound(f"there is no task {task_id}")
    return task_view(found)


@router.patch("/{task_id}", response_model=TaskView, responses=refusals(409))
async def change_task(task_id: Id, body: TaskPatch, inst: Inst, caller: RecordsWrite) -> Response:
    """Complete, cancel or reopen a task, or change it. Completing it is the event `task.completed` of its record."""
    sent = {name: getattr(body, name) for name in body.model_fields_set}
    values = {name: value for name, value in sent.items() if value is not None or name in MAY_BE_NULL}
    async with inst.db.transaction() as tx:
        changed = await services.change_task(tx, await begin_write(tx, inst, caller.cause), task_id, values)
    return answer(task_view(changed)).response()


def task_view(task: Task) -> TaskView:
    """A task as the API answers it."""
    said = task.model_dump(exclude={"slug", "record_ids"})
    return TaskView(**said, workflow=task.slug, record_ids=list(task.record_ids))
