"""Requests and answers about tasks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictStr

from api.answers import Shown
from api.instants import WrittenInstant
from api.schemas.records import Body, Id, examples
from domain.base import Instant
from domain.tasks import Priority, TaskStatus, TaskType


class TaskView(Shown):
    """A task somebody shall do; ``assignee`` is a user id, null when there was no owner.

    ``record_ids`` is what it is about; ``record_id`` the record it was made for, of which its completion is an event.
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
    record_ids: list[str]
    workflow: str | None
    enrollment_id: str | None
    step: str | None
    created_at: Instant
    completed_at: Instant | None


class TaskPatch(Body):
    """What to change; fields not sent stay. Null takes away ``priority``, ``due_at`` and ``assignee``."""

    model_config = examples({"status": "done"}, {"due_at": "2027-03-05T17:00:00+01:00"})

    status: TaskStatus | None = None
    type: TaskType | None = None
    title: Annotated[StrictStr, Field(min_length=1, max_length=10_000, pattern=r"\S")] | None = None
    body: Annotated[StrictStr, Field(max_length=100_000)] | None = None
    priority: Priority | None = None
    due_at: WrittenInstant | None = None
    assignee: Id | None = None
