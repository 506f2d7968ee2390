"""The judgements of control steps: when a delay ends, which way a branch goes. Each is one transaction at the gate."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Literal

from domain.anchors import is_yearly
from domain.conditions import Condition
from domain.definition import Definition
from domain.delays import due, needs_of_until
from domain.errors import StepFailed
from domain.facts import Seen
from domain.judging import judge
from domain.messages import EndCall, StepAnswer, StepCall
from domain.plan import OTHERWISE
from domain.reading import NOTHING, Needs, needs_objects, needs_of
from domain.splitting import choose_arm
from domain.steps import BranchStep, DelayStep, SplitStep, Step, UntilAnchor, ValueBranchStep
from domain.value_branches import choose_case
from domain.value_words import clock_words
from services.installation import Installation
from services.leaving.leaving import end_enrollment
from services.running.anchored import plan_anchored
from services.running.clocks import clock_of
from services.running.gate import LEFT, Passed, pass_gate, pass_last_gate
from services.running.landing import give_turn, was_moved
from services.running.rounds import begin_next_round
from services.running.visits import open_visit, settle_visit
from services.versions import load_content
from store.database import Tx
from store.moving import visit_of
from store.visits import earlier_edge


async def plan_delay(tx: Tx, inst: Installation, call: StepCall) -> StepAnswer:
    """Until when the run sleeps; asked again it plans anew, from the moment the step was entered (R3)."""
    passed = await _pass(tx, inst, call)
    if isinstance(passed, StepAnswer):
        return passed
    step = passed.step
    assert isinstance(step, DelayStep)
    found = due(step, await clock_of(tx, inst, passed), passed.facts)
    if isinstance(step.until, UntilAnchor):
        return await plan_anchored(tx, passed, found)
    if found.at is None:
        return await _without_date(tx, passed, step)
    if found.at > call.now:
        return await _sleep_until(tx, passed, found.at)
    if found.past and not await _was_awaited(tx, passed):
        return await _go_or_exit(tx, passed, step.if_past, "past", clock_words(found.at, passed.zone))
    turn = await give_turn(tx, passed)
    return turn or await settle_visit(tx, passed, outcome="done", reason=None)


async def decide_branch(tx: Tx, inst: Installation, call: StepCall) -> StepAnswer:
    """The first way from the top whose condition holds on current values, stored with what it saw (R6)."""
    passed = await _pass(tx, inst, call)
    if isinstance(passed, StepAnswer):
        return passed
    step = passed.step
    assert isinstance(step, BranchStep)
    seen: list[Seen] = []
    for branch in step.branches:
        verdict = judge(branch.where, passed.facts)
        seen += verdict.seen
        if verdict.holds:
            return await settle_visit(tx, passed, outcome="done", edge=branch.id, seen=seen)
    return await settle_visit(tx, passed, outcome="done", edge=OTHERWISE, seen=seen)


async def decide_value(tx: Tx, inst: Installation, call: StepCall) -> StepAnswer:
    """The way whose values hold the property's current value."""
    passed = await _pass(tx, inst, call)
    if isinstance(passed, StepAnswer):
        return passed
    step = passed.step
    assert isinstance(step, ValueBranchStep)
    edge, seen = choose_case(step, passed.facts)
    return await settle_visit(tx, passed, outcome="done", edge=edge, seen=[seen])


async def decide_split(tx: Tx, inst: Installation, call: StepCall) -> StepAnswer:
    """The arm this record took before, if it still exists, else the one its hash says (R7)."""
    passed = await _pass(tx, inst, call)
    if isinstance(passed, StepAnswer):
        return passed
    step = passed.step
    assert isinstance(step, SplitStep)
    who = passed.enrollment
    arms = {arm.id for arm in step.arms}
    taken = await earlier_edge(tx, who.workflow_id, who.record_id, step.id, arms)
    edge = taken or choose_arm(who.workflow_id, step.id, who.record_id, step.arms)
    return await settle_visit(tx, passed, outcome="done", edge=edge)


async def finish_enrollment(tx: Tx, inst: Installation, call: EndCall) -> StepAnswer:
    """Close the enrollment at the end of its way; the answer says why it ended."""
    inside = await pass_last_gate(tx, inst, call)
    if isinstance(inside, StepAnswer):
        return inside
    if call.reason == "completed" and is_yearly(inside.definition):
        return await begin_next_round(tx, inside, now=call.now)
    await end_enrollment(tx, inside.enrollment, call.reason, detail=call.detail, now=call.now, tell=False)
    return LEFT.model_copy(update={"reason": call.reason, "detail": call.detail})


async def _pass(tx: Tx, inst: Installation, call: StepCall) -> Passed | StepAnswer:
    content = await load_content(tx, call.workflow_id, call.version)
    step = content.steps.get(call.step)
    needs = step_needs(step, content.definition) if step is not None else NOTHING
    return await pass_gate(tx, inst, call, needs=needs)


async def _sleep_until(tx: Tx, passed: Passed, at: datetime | None) -> StepAnswer:
    """Stand in the delay; None: until a value that is missing is there."""
    answer = StepAnswer(kind="wait", wake_at=at)
    await open_visit(tx, passed, wakes_at=at, detail=None if at is not None else "for a date", answer=answer)
    return answer


async def _was_awaited(tx: Tx, passed: Passed) -> bool:
    """Whether somebody slept until the instant they planned, or another version is why it is past."""
    visit = await visit_of(tx, passed.call) if passed.call.turn else None
    if visit is None:
        return False
    reached = visit["wakes_at"] is not None and bool(visit["wakes_at"] <= passed.call.now)
    return reached or was_moved(passed, visit)


async def _without_date(tx: Tx, passed: Passed, step: DelayStep) -> StepAnswer:
    if step.if_missing == "wait":
        return await _sleep_until(tx, passed, None)
    return await _go_or_exit(tx, passed, step.if_missing, "missing")


async def _go_or_exit(
    tx: Tx, passed: Passed, policy: str, reason: Literal["past", "missing"], when: str | None = None
) -> StepAnswer:
    """A date that is missing or past: go on at once, without messages or elsewhere, or leave, as the step says.

    ``when``: the instant that is past, in words; the visit keeps it.
    """
    match policy:
        case "continue":
            return await settle_visit(tx, passed, outcome="done", reason=reason, detail=when)
        case "skip_sends":
            return await settle_visit(tx, passed, outcome="done", reason=reason, detail=when, skip_sends=True)
        case "exit":
            answer = LEFT.model_copy(update={"reason": "completed", "detail": reason})
            await settle_visit(tx, passed, outcome="done", reason=reason, detail=when, answer=answer)
            await end_enrollment(tx, passed.enrollment, "completed", detail=reason, now=passed.call.now, tell=False)
            return answer
    if reason not in passed.content.plan.steps[passed.step.id].edges:
        raise StepFailed("broken_reference", f"step {passed.step.id} goes on at {policy!r}, which is not there")
    # A step to go on at; the plan knows it as an edge of this name.
    return await settle_visit(tx, passed, outcome="done", reason=reason, detail=when, edge=reason)


def step_needs(step: Step, definition: Definition) -> Needs:
    """What a control step reads."""
    object = definition.object
    conditions: list[Condition] = [b.where for b in step.branches] if isinstance(step, BranchStep) else []
    needs = reduce(or_, (needs_of(c, object) for c in conditions), NOTHING)
    if isinstance(step, DelayStep):
        needs |= needs_of_until(step.until, definition.anchor)
    if isinstance(step, ValueBranchStep):
        needs |= needs_objects({step.of.object} if step.of is not None else ()) | Needs(outputs=step.output is not None)
    return needs
