"""Passages of a record through a workflow: those that count for one entry (rule E7), newest first."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam, func, or_, select

from domain.enrollments import Enrollment
from store.database import Read
from store.enrollments import enrollment_of
from store.tables import enrollments

_OF_PAIR = (
    enrollments.c.workflow_id == bindparam("workflow_id"),
    enrollments.c.record_id == bindparam("record_id"),
)
_NEWEST = select(enrollments).where(*_OF_PAIR).order_by(enrollments.c.id.desc()).limit(bindparam("most"))
IN_ONE_ROW = _NEWEST.where(or_(enrollments.c.bound_object.is_(None), enrollments.c.bound_object == "opportunity"))
BY_ITSELF = _NEWEST.where(or_(enrollments.c.bound_id.is_(None), enrollments.c.key == bindparam("record_id")))
_PLACE = func.row_number().over(partition_by=enrollments.c.bound_id, order_by=enrollments.c.id.desc())
_PLACED = (
    select(enrollments, _PLACE.label("place"))
    .where(*_OF_PAIR, enrollments.c.bound_id.in_(bindparam("bound_ids", expanding=True)))
    .subquery()
)
ABOUT = select(_PLACED).where(_PLACED.c.place <= bindparam("most")).order_by(_PLACED.c.id.desc())


async def passages_in_one_row(read: Read, workflow_id: str, record_id: str, *, limit: int) -> list[Enrollment]:
    """Up to ``limit`` passages about any opportunity, or about nothing: those that stand in one row (rule E7, Off)."""
    rows = await read.all(IN_ONE_ROW, workflow_id=workflow_id, record_id=record_id, most=limit)
    return [enrollment_of(row) for row in rows]


async def passages_by_itself(read: Read, workflow_id: str, record_id: str, *, limit: int) -> list[Enrollment]:
    """Up to ``limit`` passages about nothing but the record, or under its own key whatever they are about."""
    rows = await read.all(BY_ITSELF, workflow_id=workflow_id, record_id=record_id, most=limit)
    return [enrollment_of(row) for row in rows]


async def passages_about(
    read: Read, workflow_id: str, record_id: str, bound_ids: Collection[str], *, limit: int
) -> dict[str, list[Enrollment]]:
    """Up to ``limit`` passages about each bound record; every asked one has an entry."""
    found: dict[str, list[Enrollment]] = {bound_id: [] for bound_id in bound_ids}
    named = {"workflow_id": workflow_id, "record_id": record_id, "bound_ids": sorted(found)}
    for row in await read.all(ABOUT, **named, most=limit):
        found[row["bound_id"]].append(enrollment_of(row))
    return found
