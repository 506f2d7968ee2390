"""Pages of enrollments and entry decisions, newest first; ids sort by creation, so the id is the key of a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, Table, select

from domain.base import Frozen
from store.database import Read
from store.tables import enrollments, entry_decisions, workflows


class Filters(Frozen):
    """What a list is narrowed to; None: no matter. ``since`` is inclusive."""

    workflow: str | None = None
    record: str | None = None
    opportunity: str | None = None
    enrollment: str | None = None
    step: str | None = None
    status: str | None = None
    end_reason: str | None = None
    cause: str | None = None
    decision: str | None = None
    since: datetime | None = None


async def list_enrollments(read: Read, filters: Filters, *, after: str | None, limit: int) -> list[RowMapping]:
    """Enrollments with their workflow's ``slug``, newest first; ``after`` is the id the page before ended with."""
    columns = {
        "record": enrollments.c.record_id, "opportunity": enrollments.c.bound_id, "enrollment": enrollments.c.id,
        "step": enrollments.c.step, "status": enrollments.c.status, "end_reason": enrollments.c.end_reason,
        "since": enrollments.c.started_at,
    }  # fmt: skip
    return await read.all(_newest(enrollments, columns, filters, after=after, limit=limit))


async def show_enrollment(read: Read, enrollment_id: str) -> RowMapping | None:
    """One enrollment with its workflow's ``slug``; None when there is none."""
    return await read.one(
        select(enrollments, workflows.c.slug)
        .join(workflows, workflows.c.id == enrollments.c.workflow_id)
        .where(enrollments.c.id == enrollment_id)
    )


async def list_decisions(read: Read, filters: Filters, *, after: str | None, limit: int) -> list[RowMapping]:
    """Entry decisions with their workflow's ``slug`` and its version of today, ``live_version``, newest first."""
    columns = {
        "record": entry_decisions.c.record_id, "opportunity": entry_decisions.c.bound_id,
        "enrollment": entry_decisions.c.enrollment_id, "cause": entry_decisions.c.cause_id,
        "decision": entry_decisions.c.decision, "since": entry_decisions.c.decided_at,
    }  # fmt: skip
    page = _newest(entry_decisions, columns, filters, after=after, limit=limit)
    return await read.all(page.add_columns(workflows.c.version.label("live_version")))


def _newest(
    table: Table, columns: Mapping[str, ColumnElement[Any]], filters: Filters, *, after: str | None, limit: int
) -> Select[Any]:
    statement = select(table, workflows.c.slug).join(workflows, workflows.c.id == table.c.workflow_id)
    if filters.workflow is not None:
        statement = statement.where(workflows.c.slug == filters.workflow)
    for name, column in columns.items():
        wanted = getattr(filters, name)
        if wanted is not None:
            statement = statement.where(column >= wanted if name == "since" else column == wanted)
    if after is not None:
        statement = statement.where(table.c.id < after)
    return statement.order_by(table.c.id.desc()).limit(limit)
