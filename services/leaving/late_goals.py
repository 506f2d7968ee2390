"""Goals that a record reaches after it went through a workflow to the end: they end nobody, and count as conversions.

So HubSpot counts (its goals, "finished the flow and met the goal afterwards"). Whoever left for another reason is not
looked at. Goals that only time makes true are seen with the next change of the record.
"""

from __future__ import annotations

from datetime import datetime

from domain.enrollments import Enrollment
from domain.judging import judge
from domain.names import goal_key
from domain.records import Change
from domain.touches import keys_touched
from services.leaving.departures import facts_of, is_older
from services.versions import load_live
from store.candidates import completed_reading
from store.database import Tx
from store.goals import goals_counted, put_late_goal


async def judge_late_goals(tx: Tx, change: Change, *, after: str, limit: int, now: datetime) -> list[str]:
    """Note the goals up to ``limit`` completed enrollments reach by the change, from an id on; the ids looked at.

    Nothing is locked: nobody else writes about who is over, and of two that note the same goal the first counts.
    """
    keys = {goal_key(key) for key in keys_touched(change)}
    concerned = await completed_reading(tx, change.record_id, keys, after=after, limit=limit)
    for enrollment in concerned:
        if not is_older(change, enrollment):
            await _judge_one(tx, change, enrollment, now=now)
    return [each.id for each in concerned]


async def _judge_one(tx: Tx, change: Change, enrollment: Enrollment, *, now: datetime) -> None:
    content = await load_live(tx, enrollment.workflow_id, enrollment.version)
    counted = await goals_counted(tx, enrollment.id)
    open_goals = [goal for goal in content.definition.exit.goals if goal.id not in counted]
    facts = await facts_of(tx, change, enrollment, content, now=now) if open_goals else None
    if facts is None:
        return
    for goal in open_goals:
        verdict = judge(goal.where, facts, counts="enrollment")
        if verdict.holds:
            await put_late_goal(tx, enrollment, goal.id, verdict.seen, now=now)
