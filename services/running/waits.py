"""Whether a wait is over (rule R5): by its event or condition, else by its time.

Every question reads the database and decides: what was committed not later than the deadline wins over the timeout,
whether its signal has arrived or not, and what came later does not. Events count by their place in the order of
commits, behind the change that let the enrollment in, so one that came while an earlier step ran is not lost; one that
let a wait go on is used up for the other waits of the enrollment.
"""

from __future__ import annotations

from datetime import datetime

from domain.callbacks import callback_id, outputs_of
from domain.definition import Definition
from domain.delays import Clock, due, needs_of_until
from domain.events import CALLBACK
from domain.facts import EventFacts, Facts, Seen
from domain.judging import judge, judge_event
from domain.messages import StepAnswer, StepCall
from domain.reading import NOTHING, Needs, needs_objects, needs_of
from domain.steps import MATCHED, TIMED_OUT, Step, WaitEvent, WaitStep
from domain.turning import next_turn
from services.installation import Installation
from services.running.clocks import clock_of
from services.running.gate import pass_gate
from services.running.inside import Passed
from services.running.landing import give_turn
from services.running.rewinding import facts_at
from services.running.visits import open_visit, settle_visit
from services.versions import load_content
from store.database import Tx
from store.visits import times_at
from store.waits import ever_behind, unused_events, use_event


async def judge_wait(tx: Tx, inst: Installation, call: StepCall) -> StepAnswer:
    """Which way the wait goes, or until when the run sleeps before it has to ask again."""
    content = await load_content(tx, call.workflow_id, call.version)
    needs = wait_needs(content.steps.get(call.step), content.definition)
    passed = await pass_gate(tx, inst, call, needs=needs)
    if isinstance(passed, StepAnswer):
        return passed
    step = passed.step
    assert isinstance(step, WaitStep)
    clock = await clock_of(tx, inst, passed)
    # None: never, or not before a date is known.
    until = due(step.timeout, clock, passed.facts).at if step.timeout is not None else None
    if step.until_true is not None:
        verdict = judge(step.until_true, await _facts_in_time(tx, passed, until, clock))
        if verdict.holds:
            return await settle_visit(tx, passed, outcome="done", edge=MATCHED, seen=verdict.seen)
    elif step.for_event is not None and (event := await _find(tx, passed, step.for_event, until)) is not None:
        await use_event(tx, passed.enrollment.id, event.id, step.id)
        seen = [Seen(what=event.name, value=event.occurred_at.isoformat(), holds=True)]
        return await settle_visit(
            tx, passed, outcome="done", edge=MATCHED, seen=seen, result={"event": event.id, **outputs_of(event)}
        )
    if until is not None and until <= call.now:
        if (turn := await give_turn(tx, passed)) is not None:
            return turn
        return await settle_visit(tx, passed, outcome="done", edge=TIMED_OUT, reason="timed_out")
    wake_at = _next_look(step, passed, until)
    answer = StepAnswer(kind="wait", wake_at=wake_at)
    await open_visit(tx, passed, wakes_at=wake_at, answer=answer)
    return answer


def _next_look(step: WaitStep, passed: Passed, deadline: datetime | None) -> datetime | None:
    """When the wait is over, or before that when its condition may have come true by time alone."""
    turn = next_turn(step.until_true, passed.facts) if step.until_true is not None else None
    return min((at for at in (turn, deadline) if at is not None), default=None)


def wait_needs(step: Step | None, definition: Definition) -> Needs:
    """What a wait reads."""
    needs, object = NOTHING, definition.object
    if not isinstance(step, WaitStep):
        return needs
    for condition in (step.until_true, step.for_event.where if step.for_event else None):
        if condition is not None:
            needs |= needs_of(condition, object)
    if step.for_event is not None and step.for_event.of is not None:
        needs |= needs_objects({step.for_event.of.object})
    if step.timeout is not None:
        needs |= needs_of_until(step.timeout.until, definition.anchor)
    return needs


async def _facts_in_time(tx: Tx, passed: Passed, deadline: datetime | None, clock: Clock) -> Facts:
    """What counts for the condition: how everything stood at the deadline, if that has passed.

    A wait that is entered behind its deadline, which may be a date, sees what is so then.
    """
    if deadline is None or (at := max(deadline, clock.entered_at)) >= clock.now:
        return passed.facts
    return await facts_at(tx, passed.facts, at)


async def _find(tx: Tx, passed: Passed, awaited: WaitEvent, deadline: datetime | None) -> EventFacts | None:
    """The oldest event that counts."""
    whose, since = _whose(passed, awaited), passed.enrollment.entered_seq or 0
    if awaited.scope == "ever":
        since = await ever_behind(tx, awaited.event, record_ids=whose, entered_seq=since)
    callback: str | None = None
    if awaited.event == CALLBACK and awaited.step is not None:
        # In a loop an address of an earlier round may be called late; the last one is waited for.
        n = await times_at(tx, passed.enrollment.id, awaited.step)
        callback = callback_id(passed.enrollment.id, awaited.step, n)
    found = unused_events(
        tx,
        passed.enrollment.passages,
        awaited.event,
        record_ids=whose,
        after_seq=since,
        until=deadline,
        step=awaited.step,
        external_id=callback,
    )
    async for event in found:
        if judge_event(awaited.where, event, passed.facts).holds:
            return event
    return None


def _whose(passed: Passed, awaited: WaitEvent) -> set[str]:
    """The records whose events count: the enrolled one, or the bound or associated ones ``of`` names."""
    of, facts = awaited.of, passed.facts
    if of is None or of.object == facts.record.object:
        return {facts.record.id}
    if facts.bound is not None and facts.bound.object == of.object and of.label is None:
        return {facts.bound.id}
    return {a.record.id for a in facts.associated.get(of.object, ()) if of.label in (None, a.label)}
