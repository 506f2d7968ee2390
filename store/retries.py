"""Rows of passages that failed and may begin again, and of those that did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, bindparam, exists, func, or_, select, update

from domain.base import Frozen
from store.database import Read, Tx
from store.tables import effects, enrollments, visits

TAKEN_UP = update(enrollments).where(enrollments.c.id == bindparam("old")).values(retried_as=bindparam("made"))


class Retriable(Frozen):
    """Whose passage of a workflow ended until then with a step that failed and was not begun again.

    ``step`` and ``failure`` narrow it to what failed there and so; without ``failure`` what is ``unknown`` is left out,
    as it may have arrived. ``ids``: only these enrollments.
    """

    workflow_id: str
    step: str | None
    failure: str | None
    ids: Sequence[str] | None
    until: datetime


async def mark_retried(tx: Tx, old: str, made: str) -> None:
    """Note which passage takes up this one, whose record is locked."""
    await tx.run(TAKEN_UP, old=old, made=made)


async def list_retriable(read: Read, asked: Retriable, *, after: str, limit: int) -> list[RowMapping]:
    """Up to ``limit`` rows ``id, record_id, bound_id, step`` behind an id, in the order they entered.

    ``step`` is the first that failed of those asked for.
    """
    page = _found(asked).where(enrollments.c.id > after)
    return await read.all(page.order_by(enrollments.c.id).limit(limit))


async def count_retriable(read: Read, asked: Retriable) -> dict[str, int]:
    """How many there are, by the first step that failed of those asked for."""
    found = _found(asked).subquery()
    rows = await read.all(select(found.c.step, func.count().label("total")).group_by(found.c.step))
    return {row["step"]: row["total"] for row in rows}


def _found(asked: Retriable) -> Select[Any]:
    failed = [visits.c.enrollment_id == enrollments.c.id, visits.c.turn == 0, visits.c.outcome == "failed"]
    if asked.step is not None:
        failed.append(visits.c.step == asked.step)
    if asked.failure is not None:
        failed.append(visits.c.reason == asked.failure)
    else:
        failed.append(or_(visits.c.reason.is_(None), visits.c.reason != "unknown"))
        # Of many one may be unknown though the visit says what became of another.
        same = (effects.c.enrollment_id == visits.c.enrollment_id, effects.c.step == visits.c.step)
        failed.append(~exists().where(*same, effects.c.n == visits.c.n, effects.c.state == "unknown"))
    first = select(visits.c.step).where(*failed).order_by(visits.c.entered_at, visits.c.n).limit(1)
    step = first.correlate(enrollments).scalar_subquery().label("step")
    wanted = select(enrollments.c.id, enrollments.c.record_id, enrollments.c.bound_id, step).where(
        enrollments.c.workflow_id == asked.workflow_id,
        enrollments.c.status == "ended",
        enrollments.c.end_reason.in_(("failed", "completed")),
        enrollments.c.ended_at <= asked.until,
        enrollments.c.retried_as.is_(None),
        exists().where(*failed),
    )
    return wanted if asked.ids is None else wanted.where(enrollments.c.id.in_(list(asked.ids)))
