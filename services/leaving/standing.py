"""Tells whoever reads it what a record did in a workflow: entered, went through, reached a goal, left."""

from __future__ import annotations

from datetime import datetime

from domain.base import Json
from domain.enrollments import Enrollment
from domain.facts import WorkflowStatus
from domain.records import Cause
from store.changes import Stamp, append_change
from store.database import Tx
from store.goals import reached_goals
from store.happenings import load_statuses, read_slug
from store.locks import lock_standing
from store.records import get_record

OUTSIDE: frozenset[WorkflowStatus] = frozenset()
INSIDE: frozenset[WorkflowStatus] = frozenset({"enrolled", "active"})


async def tell_standing(
    tx: Tx, enrollment: Enrollment, before: frozenset[WorkflowStatus], *, now: datetime, goal: str | None = None
) -> None:
    """Write a change of what the enrolled record did in the workflow, if any condition reads it; usually none does.

    The enrollment is written already; ``before`` is what it alone made true until now, apart from goals, of which
    ``goal`` was reached just now. The change says what was true before and after, as what is read later may have moved
    on.
    """
    slug = await read_slug(tx, enrollment.workflow_id)
    record = await get_record(tx, enrollment.record_id) if slug is not None else None
    if slug is None or record is None:
        return
    await lock_standing(tx, enrollment.workflow_id, record.id)
    if await reached_goals(tx, enrollment.id) - {goal}:
        before |= {"met_goal"}
    others = (await load_statuses(tx, record.id, [slug], without=enrollment.id))[slug]
    after = (await load_statuses(tx, record.id, [slug]))[slug]
    if after == others | before:
        return
    cause = Cause(kind="enrollment", id=enrollment.id, depth=enrollment.depth + 1)
    detail: dict[str, Json] = {"workflow": slug, "before": [*sorted(others | before)], "after": [*sorted(after)]}
    await append_change(tx, record, "enrollment", Stamp(now=now, cause=cause), detail=detail)
