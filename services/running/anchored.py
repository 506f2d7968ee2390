"""Delays that count from the date of a dated workflow (rule R4): sleep until they are due, or pass by what is past."""

from __future__ import annotations

from datetime import datetime

from domain.anchors import is_yearly
from domain.delays import Clock, Due, due
from domain.messages import StepAnswer
from domain.steps import PAST, DelayStep
from services.running.inside import Passed
from services.running.rounds import keep_year
from services.running.visits import open_visit, settle_visit
from store.database import Tx
from store.visits import last_delay, planned_for

NO_DATE = "for a date: there is none"
"""Detail of a visit that waits for the date itself."""


async def plan_anchored(tx: Tx, passed: Passed, found: Due) -> StepAnswer:
    """Until when the run sleeps; without a date, until there is one.

    A time that has passed is not made up for: the delay is skipped, and the answer leads behind the steps it governs.
    """
    call = passed.call
    if found.at is None or found.at > call.now:
        answer = StepAnswer(kind="wait", wake_at=found.at)
        await open_visit(tx, passed, detail=NO_DATE if found.at is None else None, wakes_at=found.at, answer=answer)
        return answer
    if found.at < call.now and not await _was_awaited(tx, passed, found.at):
        # What is passed over has its visits written with the next question, so the end is one of its own.
        answer = StepAnswer(kind="go", outcome="skipped", reason="skipped_past", edge=PAST)
        return await settle_visit(tx, passed, outcome="skipped", reason="skipped_past", edge=PAST, answer=answer)
    if passed.anchor_at is not None and is_yearly(passed.definition):
        await keep_year(tx, passed, passed.anchor_at)
    return await settle_visit(tx, passed, outcome="done")


async def _was_awaited(tx: Tx, passed: Passed, at: datetime) -> bool:
    """Whether the enrollment slept until the planned instant and was only looked at late: a worker was down.

    On arrival: whether it comes from another delay that led to the same instant, and was awaited.
    """
    if passed.call.turn:
        planned = await planned_for(tx, passed.call)
        return planned is not None and planned <= passed.call.now
    last = await last_delay(tx, passed.enrollment.id)
    step = passed.content.steps.get(last["step"]) if last is not None else None
    if last is None or not isinstance(step, DelayStep) or step.id == passed.step.id:
        return False
    now = passed.call.now
    same = due(step, Clock(entered_at=now, now=now, zone=passed.zone, anchor_at=passed.anchor_at), passed.facts).at
    return same == at and bool(last["left_at"] >= at)
