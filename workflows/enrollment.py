"""One enrollment as a durable run: a clock and a mailbox. It walks the plan; every judgement is an activity's.

The loop is the only actor: safe point (told to leave, history long enough to roll over), handle the step, next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from workflows.calls import activity_of, ask, failure_of, hand_out
from workflows.mailbox import Mailbox

with workflow.unsafe.imports_passed_through():
    from domain import names
    from domain.messages import (
        TICK,
        EndCall,
        EndReason,
        EnrollmentStart,
        FailureCall,
        Leave,
        Outcome,
        Passage,
        RecordChanged,
        RunState,
        StepAnswer,
        StepCall,
    )
    from domain.plan import ENGINE_REV, Plan, PlanStep
    from workflows.details import TRAIL, details, ending

ROLL_AT_EVENTS = 2000
"""History length from which a safe point continues as new, well before the server suggests it."""

CANCELLED = "cancelled in Temporal"
"""Detail of an end that somebody asked Temporal for."""


class Over(Exception):
    """The enrollment is over; the run has nothing left to do."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@workflow.defn(name=names.WORKFLOW_TYPE)
class Enrollment:
    """The durable passage of one record through one version of a workflow."""

    @workflow.init
    def __init__(self, start: EnrollmentStart, plan: Plan) -> None:
        if start.engine_rev > ENGINE_REV:
            # A task failure, retried until a worker that knows this engine takes it: deploy workers before the API.
            raise RuntimeError(f"this worker knows engine {ENGINE_REV}, the run needs {start.engine_rev}")
        self._start = start
        self._plan = plan
        self._who = names.who(start.object, start.record_id, start.bound_object, start.bound_id)
        self._mail = Mailbox(start.state)
        state = start.state or RunState(step=plan.start)
        self._step = state.step
        self._standing = state.standing
        self._turn = state.turn
        self._wake_at = state.wake_at
        self._counts = dict(state.counts)
        self._passages = list(state.passages)
        self._trail = list(state.trail)
        self._told: datetime | None = None

    @workflow.run
    async def run(self, start: EnrollmentStart, plan: Plan) -> str:
        """Walk the plan to its end; the result is why the run ended. Who cancels it unenrolls the record."""
        try:
            while True:
                if self._obey():
                    # A run that goes on from an earlier history may sleep on what has changed since.
                    self._wake_at = None
                self._roll_over_if_long()
                step = plan.steps[self._step] if self._step is not None else None
                if step is None:
                    await self._end("completed", None)
                else:
                    self._arrive(step)
                    self._go(await self._handle(step))
        except Over as over:
            self._show(over)
            return over.reason
        except (asyncio.CancelledError, FailureError) as error:
            # A worker that lets go of a run cancels its tasks too, without anybody having asked for an end.
            if self._mail.says_cancel and is_cancelled_exception(error):
                last = asyncio.ensure_future(self._unenroll())
                # The request is seen a moment before it interrupts: it may still be on its way, and comes once.
                with suppress(asyncio.CancelledError):
                    await asyncio.shield(last)
                await last
            raise

    @workflow.signal(name=names.SIGNAL_LEAVE)
    def leave(self, message: Leave) -> None:
        """The enrollment was ended in the database."""
        self._mail.put(message)

    @workflow.signal(name=names.SIGNAL_RECORD_CHANGED)
    def record_changed(self, message: RecordChanged) -> None:
        """A record the workflow reads changed."""
        self._mail.put(message)

    @workflow.signal(dynamic=True)
    def unknown(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal of another engine: noted, so that it does not vanish silently."""
        self._mail.put_unknown(name)

    def _obey(self) -> bool:
        """Take what the mailbox holds; answers whether a record changed."""
        leave, changed = self._mail.take()
        if leave is not None:
            raise Over(leave.reason, leave.detail)
        if self._mail.says_cancel:
            raise asyncio.CancelledError
        return changed

    def _arrive(self, step: PlanStep) -> None:
        if not self._standing:
            self._standing = True
            self._turn = 0
            self._wake_at = None
            self._counts[step.id] = self._counts.get(step.id, 0) + 1
        self._show(None)

    def _go(self, target: str | None) -> None:
        if self._step is not None:
            self._trail = [*self._trail, self._step][-TRAIL - 1 :]
        self._step = target
        self._standing = False

    async def _handle(self, step: PlanStep) -> str | None:
        """Do what the step asks; answers the step to go to, None for the end of the workflow."""
        if not step.enabled:
            self._pass(step, "skipped", "disabled")
            return step.next
        match step.kind:
            case "action":
                return await (self._act_inside(step) if step.inside else self._act_outside(step))
            case "delay":
                return await self._delay(step)
            case "branch" | "value_branch" | "split":
                answer = self._still_inside(await ask(activity_of(step), self._call(step), step.label))
                return step.way(answer.edge)
            case "goto":
                self._pass(step)
                used_up = step.max_visits is not None and self._counts[step.id] > step.max_visits
                return step.next if used_up else step.to
            case "end":
                self._pass(step)
                await self._end("completed", step.reason)
        raise RuntimeError(f"this worker does not know steps of kind {step.kind!r} (step {step.id!r})")

    async def _act_inside(self, step: PlanStep) -> str | None:
        return await self._after(step, await ask(activity_of(step), self._call(step), step.label))

    async def _act_outside(self, step: PlanStep) -> str | None:
        """Wait for the channel's answer, or to be told to leave, whichever comes first.

        Cancelling stops further attempts; one under way is left to the ledger, whose claim passes the gate.
        """
        call = self._call(step)
        handle = hand_out(self._plan, step, call)
        try:
            while not handle.done():
                await workflow.wait_condition(lambda: handle.done() or self._mail.says_leave)
                if not handle.done():
                    self._obey()
        except (Over, asyncio.CancelledError):
            handle.cancel()
            raise
        try:
            answer = await handle
        except ActivityError as error:
            failure: FailureCall = failure_of(error, call)
            answer = await ask(names.RECORD_FAILURE, failure, step.label)
        return await self._after(step, answer)

    async def _after(self, step: PlanStep, answer: StepAnswer) -> str | None:
        """Where an action's answer leads: on, or where ``on_error`` says."""
        if self._still_inside(answer).outcome != "failed" or step.on_error == "continue":
            return step.next
        if step.on_error == "exit":
            await self._end("failed", f"{step.id}: {answer.reason}")
        return step.on_error

    async def _delay(self, step: PlanStep) -> str | None:
        """Sleep until the planned instant; a step that depends on records asks again, on a change and before it ends.

        A date that moved while no relay was up has sent no signal, so only the last question makes sure.
        """
        while True:
            if self._wake_at is None:
                answer = self._still_inside(await ask(activity_of(step), self._call(step), step.label))
                self._turn += 1
                if answer.kind == "go":
                    return step.next
                self._wake_at = answer.wake_at
                self._show(None)
            await self._sleep(step, self._wake_at)
            changed = self._obey()
            is_due = self._wake_at is not None and workflow.now() >= self._wake_at
            if is_due and not step.watches:
                self._pass(step)
                return step.next
            if step.watches and (is_due or changed):
                self._wake_at = None
            self._roll_over_if_long()

    async def _sleep(self, step: PlanStep, wake_at: datetime | None) -> None:
        """Sleep until ``wake_at``, being told to leave, or, where the step watches, a change. None: for ever."""
        left = wake_at - workflow.now() if wake_at is not None else None
        try:
            await workflow.wait_condition(
                lambda: self._mail.says_leave or (step.watches and self._mail.says_changed) or self._is_long(),
                timeout=left,
                timeout_summary=step.label,
            )
        except TimeoutError:
            return

    async def _end(self, reason: EndReason, detail: str | None) -> None:
        """Close the enrollment and leave the loop."""
        call = EndCall(
            enrollment_id=self._start.enrollment_id,
            now=self._instant(),
            reason=reason,
            detail=detail,
            passages=self._take_passages(),
        )
        answer = await ask(names.END_ENROLLMENT, call, "End")
        raise Over(answer.reason or reason, answer.detail)

    async def _unenroll(self) -> None:
        """End the enrollment before a cancelled run ends."""
        try:
            await self._end("unenrolled", CANCELLED)
        except Over as over:
            self._show(over)

    def _still_inside(self, answer: StepAnswer) -> StepAnswer:
        if answer.kind == "left":
            raise Over(answer.reason or "left", answer.detail)
        return answer

    def _call(self, step: PlanStep) -> StepCall:
        return StepCall(
            enrollment_id=self._start.enrollment_id,
            workflow_id=self._plan.workflow_id,
            version=self._plan.version,
            step=step.id,
            n=self._counts[step.id],
            turn=self._turn,
            now=self._instant(),
            passages=self._take_passages(),
        )

    def _pass(self, step: PlanStep, outcome: Outcome = "done", reason: str | None = None) -> None:
        """Leave a step without asking; the next transaction writes its row."""
        n = self._counts[step.id]
        self._passages.append(Passage(step=step.id, n=n, outcome=outcome, reason=reason, at=self._instant()))

    def _instant(self) -> datetime:
        """The present, and later than any told before: time stands still while a run works."""
        now = workflow.now()
        if self._told is not None and now <= self._told:
            now = self._told + TICK
        self._told = now
        return now

    def _take_passages(self) -> tuple[Passage, ...]:
        taken = tuple(self._passages)
        self._passages.clear()
        return taken

    def _is_long(self) -> bool:
        info = workflow.info()
        return info.is_continue_as_new_suggested() or info.get_current_history_length() > ROLL_AT_EVENTS

    def _roll_over_if_long(self) -> None:
        """Continue as new with everything the run knows, so that no history grows without end."""
        if not self._is_long():
            return
        state = RunState(
            step=self._step,
            standing=self._standing,
            turn=self._turn,
            wake_at=self._wake_at,
            counts=self._counts,
            passages=tuple(self._passages),
            inbox=self._mail.inbox(),
            seen=self._mail.seen(),
            versions=self._mail.versions(),
            trail=tuple(self._trail),
            unknown=tuple(self._mail.unknown),
        )
        workflow.continue_as_new(args=[self._start.model_copy(update={"state": state}), self._plan])

    def _show(self, over: Over | None) -> None:
        """Refresh the details Temporal UI shows."""
        end, trail = None, self._trail
        if over is not None:
            end = ending(self._plan, over.reason, over.detail, workflow.now())
            # Who is told to go stands somewhere: that was the last step on the way.
            trail = [*trail, self._step] if self._step is not None and self._standing else trail
        workflow.set_current_details(
            details(self._plan, self._who, self._step, trail, self._wake_at, end, self._mail.unknown)
        )
