"""The steps a run sleeps in: a delay until its instant, a wait until what it waits for is there or its time is over."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

from workflows.conversation import Conversation

with workflow.unsafe.imports_passed_through():
    from domain import names
    from domain.messages import StepAnswer
    from domain.plan import PlanStep


async def delay(run: Conversation, step: PlanStep) -> str | None:
    """Sleep until the planned instant; a step that depends on records asks again, on a change and before it ends.

    A date that moved while no relay was up has sent no signal, so only the last question makes sure.
    """
    at = run.at
    while True:
        if at.wake_at is None:
            answer = await run.ask(step)
            at.turn += 1
            if answer.kind == "go":
                at.skip_sends = answer.skip_sends
                return step.next if answer.edge is None else _pass_governed(run, step, answer)
            at.wake_at = answer.wake_at
            run.show(None)
        await _sleep(run, step, at.wake_at)
        told = run.obey()
        is_due = at.wake_at is not None and workflow.now() >= at.wake_at
        if told.retimed:
            at.wake_at = None
        elif is_due and not step.watches:
            run.at.pass_by(step)
            return step.next
        elif step.watches and (is_due or told.changed):
            at.wake_at = None
        run.roll_over_if_long()


def _pass_governed(run: Conversation, step: PlanStep, answer: StepAnswer) -> str | None:
    """Pass by what a delay governs that is past; answers what lies behind."""
    for name in step.governs:
        governed = run.plan.steps[name]
        run.go(name)
        run.at.arrive(governed)
        run.at.pass_by(governed, "skipped", answer.reason if governed.enabled else "disabled")
    return step.way(answer.edge)


async def wait(run: Conversation, step: PlanStep) -> str | None:
    """Ask whether what is waited for is there: on arrival, whenever something happened, and when the time is over.

    Every question reads the database, so a signal that is still on its way does not lose against the timeout.
    """
    at = run.at
    while True:
        activity = names.SETTLE_WAIT if at.turn else names.ARM_WAIT
        answer = await run.asked(activity, lambda: at.call(step, run.mail.epoch), step.label)
        at.turn += 1
        if answer.kind == "go":
            return step.way(answer.edge)
        at.wake_at = answer.wake_at
        run.show(None)
        woken = False
        while not woken:
            await _sleep(run, step, at.wake_at)
            woken = run.obey().changed or (at.wake_at is not None and workflow.now() >= at.wake_at)
            # Who goes on anew asks again.
            run.roll_over_if_long()


async def hold_back(run: Conversation, step: PlanStep, answer: StepAnswer) -> None:
    """Sleep until a message may leave, or until that may have changed; whoever sends it asks again.

    The answer without an instant: nobody knows whether it arrived, and who decides wakes the run.
    """
    at = run.at
    at.wake_at = answer.wake_at
    # Without an instant somebody has to decide what became of the message.
    run.waits_for = answer.detail if answer.wake_at is None else None
    run.show(None)
    woken = False
    try:
        while not woken:
            await _sleep(run, step, at.wake_at, f"Held until {answer.detail}")
            woken = run.obey().retimed or (at.wake_at is not None and workflow.now() >= at.wake_at)
            # Who goes on anew asks at once, and is held anew.
            run.roll_over_if_long()
    finally:
        run.waits_for = None
    at.wake_at = None


async def _sleep(run: Conversation, step: PlanStep, wake_at: datetime | None, summary: str | None = None) -> None:
    """Sleep until ``wake_at``, being told to go, or, where the step watches, a change. None: for ever."""
    left = wake_at - workflow.now() if wake_at is not None else None
    try:
        await workflow.wait_condition(
            lambda: run.mail.interrupts or _is_woken(run, step) or run.is_long(),
            timeout=left,
            timeout_summary=summary or step.label,
        )
    except TimeoutError:
        return


def _is_woken(run: Conversation, step: PlanStep) -> bool:
    """Whether what the mailbox holds may change what a sleeping step decides."""
    if run.mail.says_retimed:
        return True
    if not step.watches:
        return False
    return run.mail.says_changed or (step.kind == "wait" and run.mail.says_happened(step.listens))
