"""What people do with tasks. Completing one is an event of its record, which lets go on who waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.base import Json
from domain.errors import Conflict, Invalid, NotFound
from domain.events import TASK_COMPLETED
from domain.problems import FieldError
from domain.records import StoredRecord
from services.intake.events import Happened, record_event
from services.records.records import Write
from store.database import Read, Tx
from store.enrollments import get_enrollment, going_on_for
from store.locks import lock_records
from store.people import get_user
from store.tasks import Task, get_task, write_task

TRIES = 3
"""How often a task is looked for again whose record is merged into another at the same time."""


async def change_task(tx: Tx, write: Write, id: str, values: Mapping[str, Json | datetime]) -> Task:
    """Change what is named of a task; ``completed_at`` is kept only while it is done.

    Whoever completes it first makes the event; completing a task again that was opened again is another one.

    Raises:
        NotFound: there is no such task.
        Invalid: the assignee is nobody who is there.
        Conflict: its record is being merged by others at the same time.
    """
    before, record = await _hold(tx, id)
    await _check_assignee(tx, before, values)
    changed = dict(values)
    status = changed.get("status", before.status)
    if status != before.status:
        changed["completed_at"] = write.now if status == "done" else None
    await write_task(tx, id, changed)
    after = await get_task(tx, id)
    assert after is not None, "it was held"
    if after.status == "done" != before.status and record is not None and record.deleted_at is None:
        await _tell(tx, write, after)
    return after


async def _hold(tx: Tx, id: str) -> tuple[Task, StoredRecord | None]:
    """The task, and its record, which is locked: so is the task for whoever changes it this way or merges records."""
    for _ in range(TRIES):
        seen = await get_task(tx, id)
        if seen is None:
            raise NotFound(f"there is no task {id}")
        record = (await lock_records(tx, [seen.record_id], write=True)).get(seen.record_id)
        held = await get_task(tx, id)
        if held is not None and held.record_id == seen.record_id:
            return held, record
    raise Conflict("the record of the task is being merged by others at the same time: try again")


async def _check_assignee(read: Read, before: Task, values: Mapping[str, Json | datetime]) -> None:
    assignee = values.get("assignee")
    if not isinstance(assignee, str) or assignee == before.assignee:
        return
    user = await get_user(read, assignee)
    if user is None or not user.active:
        words = f"there is no active user {assignee[:36]}"
        raise Invalid(words, errors=[FieldError(path="/assignee", code="unknown_user", message=words)])


async def _tell(tx: Tx, write: Write, task: Task) -> None:
    carried: dict[str, Json] = {
        "task": task.id, "type": task.type, "title": task.title, "assignee": task.assignee,
    }  # fmt: skip
    answers = await _made_by(tx, task)
    await record_event(
        tx, write, task.record_id, Happened(name=TASK_COMPLETED, properties=carried, answers=answers)
    )  # fmt: skip


async def _made_by(read: Read, task: Task) -> tuple[str, str] | None:
    """The enrollment that waits for the task, if a step made it: where that one was merged, the one that goes on."""
    if task.enrollment_id is None or task.step is None:
        return None
    made = await get_enrollment(read, task.enrollment_id)
    if made is not None and made.end_reason == "record_merged":
        made = await going_on_for(read, made) or made
    return (made.id if made is not None else task.enrollment_id), task.step
