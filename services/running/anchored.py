"""Delays that count from the date of a dated workflow (rule R4): sleep until they are due, or pass by what is past."""

from __future__ import annotations

from datetime import datetime

from domain.anchors import is_past, is_yearly
from domain.delays import Due
from domain.messages import StepAnswer
from domain.occurrences import LATE
from domain.steps import PAST
from domain.value_words import clock_words
from services.running.inside import Passed
from services.running.origins import counted_since
from services.running.rounds import keep_year
from services.running.visits import open_visit, settle_visit
from store.database import Tx
from store.moving import visit_of
from store.pauses import was_paused

NO_DATE = "for a date: there is none"
"""Detail of a visit that waits for the date itself."""


async def plan_anchored(tx: Tx, passed: Passed, found: Due) -> StepAnswer:
    """Until when the run sleeps; without a date, until there is one.

    A time that passed before the enrollment or its round began, or the date moved, is not made up for: the delay is
    skipped, and the answer leads behind the steps it governs. A time that came while a worker was down, or while a step
    before took longer, is done late.
    """
    call = passed.call
    since = await counted_since(tx, passed, now=call.now)
    if found.at is None or found.at > call.now:
        answer = StepAnswer(kind="wait", wake_at=found.at)
        await open_visit(tx, passed, detail=NO_DATE if found.at is None else None, wakes_at=found.at, answer=answer)
        return answer
    if found.at < call.now and await _is_past(tx, passed, found.at, since):
        # What is passed over has its visits written with the next question, so the end is one of its own.
        answer = StepAnswer(kind="go", outcome="skipped", reason="skipped_past", edge=PAST)
        when = clock_words(found.at, passed.zone)
        return await settle_visit(
            tx, passed, outcome="skipped", reason="skipped_past", detail=when, edge=PAST, answer=answer
        )
    if passed.anchor_at is not None and is_yearly(passed.definition):
        await keep_year(tx, passed, passed.anchor_at)
    return await settle_visit(tx, passed, outcome="done")


async def _is_past(tx: Tx, passed: Passed, at: datetime, since: datetime) -> bool:
    """Whether an instant that was reached came before anybody could wait for it.

    Who slept until just then is late and no more; and where another version names an earlier instant than the one
    somebody sleeps to, that is past. So is what came during a pause that lasted on for longer than an hour.
    """
    if await _slept_through_a_pause(tx, passed, at):
        return True
    visit = await visit_of(tx, passed.call) if passed.call.turn else None
    if visit is not None and visit["wakes_at"] == at:
        return False
    if visit is not None and visit["version"] != passed.enrollment.version:
        return is_past(at, since) or visit["wakes_at"] is None or bool(visit["wakes_at"] > passed.call.now)
    return is_past(at, since)


async def _slept_through_a_pause(tx: Tx, passed: Passed, at: datetime) -> bool:
    """Whether the enrollment or its workflow was paused at an instant, and still when that was late.

    Late is what a scheduled occurrence is then: who pauses over a date does not want what is about it afterwards.
    """
    if passed.call.now - at <= LATE:
        return False
    subjects = (passed.enrollment.id, passed.enrollment.workflow_id)
    return await was_paused(tx, subjects, at, beyond=at + LATE)
