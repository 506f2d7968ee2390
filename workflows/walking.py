"""The way through a plan: each step asks its question, and the answer says where to go on."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.calls import failure_of, hand_out
from workflows.conversation import Conversation
from workflows.sleeping import delay, hold_back, wait
from workflows.turns import Elsewhere, Over

with workflow.unsafe.imports_passed_through():
    from domain import names
    from domain.messages import FailureCall, StepAnswer, StepCall
    from domain.plan import PlanStep


async def onward(run: Conversation) -> None:
    """From one safe point to the next."""
    if run.obey().changed:
        # A run that goes on from an earlier history may sleep on what has changed since.
        run.at.wake_at = None
    run.roll_over_if_long()
    step = run.plan.steps[run.at.step] if run.at.step is not None else None
    if step is None:
        await run.end("completed", None)
    else:
        run.at.arrive(step)
        run.show(None)
        target = await _handle(run, step)
        jumps = step.kind == "goto" and target == step.to and not run.at.takes_up
        if jumps or not run.plan.leads_on(step, target):
            # Who jumps comes to what it did before to do it again.
            run.at.pass_over.clear()
        run.go(target)


async def _handle(run: Conversation, step: PlanStep) -> str | None:
    """Do what the step asks; answers the step to go to, None for the end of the workflow."""
    if not step.enabled:
        run.at.pass_by(step, "skipped", "disabled")
        return step.next
    if step.id in run.at.pass_over:
        run.at.pass_by(step, "skipped", "already_done")
        return step.way_again(run.at.pass_over[step.id])
    if step.kind in ("delay", "wait"):
        run.at.skip_sends = False
    match step.kind:
        case "action" if step.sends and run.at.skip_sends:
            run.at.pass_by(step, "skipped", "skip_sends")
            return step.next
        case "action":
            return await (_act_inside(run, step) if step.inside else _act_outside(run, step))
        case "delay":
            return await delay(run, step)
        case "wait":
            return await wait(run, step)
        case "branch" | "value_branch" | "split":
            return step.way((await run.ask(step)).edge)
        case "goto":
            run.at.pass_by(step)
            return step.next if step.is_used_up(run.at.counts[step.id]) else step.to
        case "end":
            run.at.pass_by(step)
            await run.end("completed", step.reason)
    raise RuntimeError(f"this worker does not know steps of kind {step.kind!r} (step {step.id!r})")


async def _act_inside(run: Conversation, step: PlanStep) -> str | None:
    return await _after(run, step, await run.ask(step))


async def _act_outside(run: Conversation, step: PlanStep) -> str | None:
    """Wait for the channel's answer, held as often as the enrollment is paused or its message may not leave yet."""
    while True:
        heard = run.mail.resumes
        call = run.at.call(step, run.mail.epoch)
        answer = await _handed_out(run, step, call)
        if not run.is_inside(answer, call):
            await run.hold(heard)
        elif answer.kind == "wait":
            await hold_back(run, step, answer)
        else:
            return await _after(run, step, answer)


async def _handed_out(run: Conversation, step: PlanStep, call: StepCall) -> StepAnswer:
    """The answer of the channel, unless the run is told to leave or to go on elsewhere before it comes.

    Cancelling stops further attempts; one under way is left to the ledger, whose claim passes the gate.
    """
    handle = hand_out(run.plan, step, call)
    try:
        while not handle.done():
            await workflow.wait_condition(lambda: handle.done() or run.mail.interrupts)
            if not handle.done():
                run.obey()
    except (Over, Elsewhere, asyncio.CancelledError):
        handle.cancel()
        raise
    try:
        return await handle
    except ActivityError as error:
        failure: FailureCall = failure_of(error, call)
        return await run.asked(names.RECORD_FAILURE, lambda: failure, step.label)


async def _after(run: Conversation, step: PlanStep, answer: StepAnswer) -> str | None:
    """Where an action's answer leads: on, or where ``on_error`` says."""
    if answer.outcome != "failed" or step.on_error == "continue":
        return step.next
    if step.on_error == "exit":
        await run.end("failed", f"{step.id}: {answer.reason}")
    return step.on_error
