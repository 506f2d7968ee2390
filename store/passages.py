"""Passages of a record through a workflow: those that count for one entry (rule E7), newest first."""

from __future__ import annotations

from sqlalchemy import bindparam, or_, select

from domain.enrollments import Enrollment
from store.database import Read
from store.enrollments import enrollment_of
from store.tables import enrollments

_NEWEST = (
    select(enrollments)
    .where(
        enrollments.c.workflow_id == bindparam("workflow_id"),
        enrollments.c.record_id == bindparam("record_id"),
    )
    .order_by(enrollments.c.id.desc())
    .limit(bindparam("most"))
)
ANY = _NEWEST
IN_ONE_ROW = _NEWEST.where(or_(enrollments.c.bound_object.is_(None), enrollments.c.bound_object == "opportunity"))
ALONE = _NEWEST.where(
    or_(enrollments.c.bound_id.is_not_distinct_from(bindparam("bound_id")), enrollments.c.key == bindparam("key"))
)


async def passages_of(read: Read, workflow_id: str, record_id: str, *, limit: int) -> list[Enrollment]:
    """Up to ``limit`` passages of a record, whatever they were about."""
    rows = await read.all(ANY, workflow_id=workflow_id, record_id=record_id, most=limit)
    return [enrollment_of(row) for row in rows]


async def passages_in_one_row(read: Read, workflow_id: str, record_id: str, *, limit: int) -> list[Enrollment]:
    """Up to ``limit`` passages about any opportunity, or about nothing: those that stand in one row (rule E7, Off)."""
    rows = await read.all(IN_ONE_ROW, workflow_id=workflow_id, record_id=record_id, most=limit)
    return [enrollment_of(row) for row in rows]


async def passages_alone(
    read: Read, workflow_id: str, record_id: str, *, bound_id: str | None, key: str, limit: int
) -> list[Enrollment]:
    """Up to ``limit`` passages about the same bound record (None: about nothing), or under the same key."""
    named = {"workflow_id": workflow_id, "record_id": record_id, "bound_id": bound_id, "key": key}
    return [enrollment_of(row) for row in await read.all(ALONE, **named, most=limit)]
