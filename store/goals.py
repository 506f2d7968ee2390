"""Goals that enrollments reached, also those that ended nobody, and those their records reached afterwards."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select

from domain.base import Json
from domain.enrollments import Enrollment
from domain.facts import Seen
from store.database import Read, Tx
from store.tables import goals_reached, late_goals


async def reached_goals(read: Read, enrollment_id: str) -> frozenset[str]:
    """The ids of the goals an enrollment reached."""
    rows = await read.all(select(goals_reached.c.goal).where(goals_reached.c.enrollment_id == enrollment_id))
    return frozenset(row["goal"] for row in rows)


async def put_goal(tx: Tx, enrollment: Enrollment, goal: str, seen: tuple[Seen, ...], *, now: datetime) -> None:
    """Write that a locked enrollment reached a goal it had not reached before."""
    document: list[Json] = [s.model_dump() for s in seen]
    await tx.run(
        insert(goals_reached),
        enrollment_id=enrollment.id,
        goal=goal,
        workflow_id=enrollment.workflow_id,
        version=enrollment.version,
        record_id=enrollment.record_id,
        seen=document,
        reached_at=now,
    )


async def goals_counted(read: Read, enrollment_id: str) -> frozenset[str]:
    """The ids of the goals an enrollment that is over reached, or its record afterwards."""
    late = select(late_goals.c.goal).where(late_goals.c.enrollment_id == enrollment_id)
    return await reached_goals(read, enrollment_id) | {row["goal"] for row in await read.all(late)}


async def put_late_goal(tx: Tx, enrollment: Enrollment, goal: str, seen: tuple[Seen, ...], *, now: datetime) -> None:
    """Write that the record of an enrollment that is over reached a goal; the first time counts."""
    document: list[Json] = [s.model_dump() for s in seen]
    row = {
        "enrollment_id": enrollment.id,
        "goal": goal,
        "workflow_id": enrollment.workflow_id,
        "record_id": enrollment.record_id,
        "seen": document,
        "reached_at": now,
    }
    await tx.insert_ignore(late_goals, [row])
