"""The rounds of a yearly workflow (rule R4): at the end of its way an enrollment goes back to the start, for next year.

So one enrollment lives through the years, and only a reason to leave ends it.
"""

from __future__ import annotations

from datetime import datetime

from domain.anchors import anchor_instant, kept_since, next_since, origin
from domain.messages import NEXT_ROUND, StepAnswer
from services.leaving.moving import move
from services.running.inside import Inside
from store.database import Tx
from store.enrollments import set_round
from store.origins import set_origin


async def begin_next_round(tx: Tx, inside: Inside, *, now: datetime) -> StepAnswer:
    """Let an enrollment that came to the end of its way go on at the start; the run learns it from the answer."""
    enrollment = inside.enrollment
    n = enrollment.round + 1
    since = next_since(inside.anchor_at, inside.since, inside.zone)
    await set_round(tx, enrollment.id, n, since)
    if (anchor := inside.definition.anchor) is not None:
        counted_from = anchor_instant(anchor, inside.facts, inside.zone, since=since)
        await set_origin(tx, enrollment.id, origin(counted_from, inside.zone), now)
    start = inside.content.plan.start
    return await move(tx, enrollment, start, reason=NEXT_ROUND, detail=str(n), now=now, tell=False)


async def keep_year(tx: Tx, inside: Inside, anchor_at: datetime) -> None:
    """Note that something of the round was done: a corrected date stays in its year and does not bring it again."""
    since = kept_since(anchor_at, inside.zone)
    if since != inside.since:
        await set_round(tx, inside.enrollment.id, max(inside.enrollment.round, 1), since)
