"""Answers about what workflows produced: messages; and about jobs and changes set aside."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field
from sqlalchemy import RowMapping

from api.answers import Shown
from domain.base import Instant, Json


class MessageView(Shown):
    """An email or text message, as it left or failed to leave, and when a person first did what with it.

    ``email`` is the reusable email it was written from, if any.
    """

    id: str
    workflow: str | None
    enrollment_id: str
    step: str
    record_id: str
    channel: Annotated[str, Field(examples=["email"])]
    status: Annotated[str, Field(examples=["sent"])]
    sender: str
    recipient: str
    subject: str | None
    text: str
    html: str | None
    message_id: str | None
    email: str | None
    email_version: int | None
    detail: str | None
    segments: int | None
    contact_id: str | None
    marketing: bool
    subscription: str | None
    created_at: Instant
    sent_at: Instant | None
    opened_at: Instant | None
    clicked_at: Instant | None
    unsubscribed_at: Instant | None
    replied_at: Instant | None


class JobView(Shown):
    """A piece of long work. ``done`` of ``total`` rows or records are gone through, ``counts`` tells their outcomes.

    ``decisions``: where the entry decisions of a bulk enrollment are listed.
    """

    id: str
    kind: str
    status: Annotated[str, Field(examples=["running"])]
    input: dict[str, Json]
    counts: dict[str, int]
    total: int
    done: int
    error: str | None
    decisions: str | None
    created_at: Instant
    updated_at: Instant
    finished_at: Instant | None


class JobRowView(Shown):
    """One row of an import; ``line`` is the physical line of the file."""

    line: int
    outcome: str | None
    code: str | None
    reason: str | None
    record_id: str | None
    cells: Json


class FailedChangeView(Shown):
    """A change that was set aside after its judgement failed five times."""

    id: str
    seq: int
    object: str
    record_id: str
    kind: str
    attempts: int
    error: str | None
    occurred_at: Instant
    failed_at: Instant


View = TypeVar("View", bound=Shown)


def view_of(model: type[View], row: RowMapping) -> View:
    """A row with its workflow's ``slug`` as ``model`` answers it."""
    return model(**{name: row["slug" if name == "workflow" else name] for name in model.model_fields})
