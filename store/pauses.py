"""Rows of pauses: of whole workflows, and of single enrollments."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from store.database import Read, Tx
from store.ids import new_id
from store.tables import pauses

END = (
    update(pauses)
    .where(pauses.c.subject_id == bindparam("of"), pauses.c.resumed_at.is_(None))
    .values(resumed_at=bindparam("now"))
)
COVERING = (
    select(pauses.c.id)
    .where(
        pauses.c.subject_id.in_(bindparam("subjects", expanding=True)),
        pauses.c.paused_at <= bindparam("instant"),
        pauses.c.resumed_at > bindparam("lasted_beyond"),
    )
    .limit(1)
)


async def begin_pause(tx: Tx, subject_id: str, *, now: datetime) -> None:
    """Note that a workflow or an enrollment is held from now on; the caller has locked it."""
    await tx.run(insert(pauses).values(id=new_id(now), subject_id=subject_id, paused_at=now))


async def end_pause(tx: Tx, subject_id: str, *, now: datetime) -> None:
    """Note that it is held no longer."""
    await tx.run(END, of=subject_id, now=now)


async def was_paused(read: Read, subjects: Collection[str], at: datetime, *, beyond: datetime) -> bool:
    """Whether one of these was paused at an instant and resumed only after another."""
    return await read.scalar(COVERING, subjects=sorted(subjects), instant=at, lasted_beyond=beyond) is not None
