"""Rows of visits: one per passage through a step, and the answers given while a run stood there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Insert, RowMapping, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from domain.enrollments import Enrollment
from domain.messages import Outcome, StepAnswer, StepCall
from domain.retrying import carried_of
from store.database import Read, Tx
from store.tables import visits

KEY = ("enrollment_id", "step", "n", "turn")

FIND_ANSWER = select(visits.c.answer).where(*(visits.c[name] == bindparam(name) for name in KEY))
CLOSE_OPEN = (
    update(visits)
    .where(visits.c.enrollment_id == bindparam("of"), visits.c.outcome.is_(None), visits.c.turn == 0)
    .values(outcome=bindparam("how"), left_at=bindparam("at"), reason=bindparam("why"), edge=bindparam("way"))
)


async def find_answer(read: Read, call: StepCall) -> StepAnswer | None:
    """What this very call was answered before, if it was."""
    stored = await read.scalar(FIND_ANSWER, enrollment_id=call.enrollment_id, step=call.step, n=call.n, turn=call.turn)
    return StepAnswer.model_validate(stored) if stored else None


async def entered_at(read: Read, call: StepCall) -> datetime | None:
    """When the visit of this call began, if it has a row."""
    found: datetime | None = await read.scalar(
        select(visits.c.entered_at).where(
            visits.c.enrollment_id == call.enrollment_id,
            visits.c.step == call.step,
            visits.c.n == call.n,
            visits.c.turn == 0,
        )
    )
    return found


async def put_visit(tx: Tx, values: Mapping[str, Any]) -> None:
    """Write a visit row, or complete the one its key names; ``entered_at`` of an existing row stays."""
    await tx.run(_put(tx.dialect, frozenset(values)), **values)


@lru_cache(maxsize=64)
def _put(dialect: str, columns: frozenset[str]) -> Insert:
    made = postgresql.insert(visits) if dialect == "postgresql" else sqlite.insert(visits)
    made = made.values({name: bindparam(name) for name in sorted(columns)})
    kept = {name: made.excluded[name] for name in sorted(columns.difference(KEY, ["entered_at"]))}
    return made.on_conflict_do_update(index_elements=list(KEY), set_=kept)


async def close_open_visits(
    tx: Tx, enrollment_id: str, *, now: datetime, reason: str, outcome: Outcome = "left", edge: str | None = None
) -> None:
    """Close what an enrollment stands in, as ``left`` unless something else is said."""
    await tx.run(CLOSE_OPEN, of=enrollment_id, at=now, why=reason, how=outcome, way=edge)


async def open_visit_of(read: Read, enrollment_id: str) -> RowMapping | None:
    """The visit an enrollment stands in, the newest if there are several: step and kind."""
    return await read.one(
        select(visits.c.step, visits.c.kind)
        .where(visits.c.enrollment_id == enrollment_id, visits.c.outcome.is_(None), visits.c.turn == 0)
        .order_by(visits.c.entered_at.desc())
        .limit(1)
    )


async def earlier_edge(read: Read, workflow_id: str, record_id: str, step: str, edges: Collection[str]) -> str | None:
    """Which of ``edges`` this record took at this step the last time, in any enrollment and version."""
    found: str | None = await read.scalar(
        select(visits.c.edge)
        .where(
            visits.c.workflow_id == workflow_id,
            visits.c.record_id == record_id,
            visits.c.step == step,
            visits.c.edge.in_(list(edges)),
        )
        .order_by(visits.c.entered_at.desc())
        .limit(1)
    )
    return found


async def outputs(read: Read, enrollment: Enrollment) -> dict[str, Any]:
    """What the steps of an enrollment produced, and of those it takes up again: step -> result of its last visit."""
    rows = await read.all(
        select(visits.c.step, visits.c.result)
        .where(visits.c.enrollment_id == enrollment.id, visits.c.result.is_not(None))
        .order_by(visits.c.entered_at)
    )
    return carried_of(enrollment.carried).outputs | {row["step"]: row["result"] for row in rows}


async def last_sleep(read: Read, enrollment_id: str) -> tuple[StepAnswer, datetime] | None:
    """The answer that ended the last delay or wait an enrollment came through, and when that was asked; or None."""
    row = await read.one(
        select(visits.c.answer, visits.c.entered_at)
        .where(
            visits.c.enrollment_id == enrollment_id,
            visits.c.kind.in_(("delay", "wait")),
            visits.c.outcome.is_not(None),
            visits.c.answer.is_not(None),
        )
        .order_by(visits.c.entered_at.desc(), visits.c.turn.desc())
        .limit(1)
    )
    return (StepAnswer.model_validate(row["answer"]), row["entered_at"]) if row is not None else None


async def times_at(read: Read, enrollment_id: str, step: str) -> int:
    """How often an enrollment came to a step; its last visit there has this number."""
    mine = (visits.c.enrollment_id == enrollment_id, visits.c.step == step)
    return int(await read.scalar(select(func.max(visits.c.n)).where(*mine)) or 0)
