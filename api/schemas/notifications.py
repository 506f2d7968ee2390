"""Requests and answers about notifications."""

from __future__ import annotations

from pydantic import StrictBool

from api.answers import Shown
from api.schemas.records import Body, Id, examples
from domain.base import Instant


class NotificationView(Shown):
    """A notice for a user; ``read_at`` is null as long as nobody said that it was read."""

    id: str
    user_id: str
    title: str
    body: str
    record_id: str
    workflow: str | None
    enrollment_id: str | None
    step: str | None
    created_at: Instant
    read_at: Instant | None


class NotificationPatch(Body):
    """Whether a notification was read."""

    model_config = examples({"read": True})

    read: StrictBool


class ReadBody(Body):
    """``up_to``: the newest notification that was shown; those that came since stay unread. Null: all are read."""

    model_config = examples({}, {"up_to": "01a0c6d2-7c1e-7b5a-9a55-0d1f5ad1c001"})

    up_to: Id | None = None


class InboxView(Shown):
    """How much waits for a user; ``overdue_tasks`` are those of the open ones whose time is over."""

    unread: int
    open_tasks: int
    overdue_tasks: int
