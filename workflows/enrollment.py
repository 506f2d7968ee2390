"""One enrollment as a durable run: a clock and a mailbox. It walks the plan; every judgement is an activity's.

The loop is the only actor: safe point (told to leave, history long enough to roll over), handle the step, next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from workflows.calls import activity_of, ask, failure_of, hand_out
from workflows.mailbox import Mailbox
from workflows.position import Position
from workflows.turns import Elsewhere, Over

with workflow.unsafe.imports_passed_through():
    from domain import names
    from domain.messages import (
        EndCall,
        EndReason,
        EnrollmentStart,
        EventHappened,
        FailureCall,
        Leave,
        Moved,
        Pause,
        RecordChanged,
        Resume,
        StepAnswer,
        StepCall,
    )
    from domain.plan import ENGINE_REV, Plan, PlanStep
    from workflows.details import details, ending, moved_by

ROLL_AT_EVENTS = 2000
"""History length from which a safe point continues as new, well before the server suggests it."""

CANCELLED = "cancelled in Temporal"
"""Detail of an end that somebody asked Temporal for."""


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
        self._at = Position(start, plan)
        self._held = False
        self._came_by: str | None = None

    @workflow.run
    async def run(self, start: EnrollmentStart, plan: Plan) -> str:
        """Walk the plan to its end; the result is why the run ended. Who cancels it unenrolls the record."""
        try:
            while True:
                try:
                    await self._walk_on()
                except Elsewhere as elsewhere:
                    self._move(elsewhere.move)
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

    @workflow.signal(name=names.SIGNAL_EVENT_HAPPENED)
    def event_happened(self, message: EventHappened) -> None:
        """An event the workflow waits for happened."""
        self._mail.put(message)

    @workflow.signal(name=names.SIGNAL_MOVED)
    def moved(self, message: Moved) -> None:
        """The enrollment goes on at another step: a goal that jumps, or an operator."""
        self._mail.put(message)

    @workflow.signal(name=names.SIGNAL_PAUSE)
    def pause(self, message: Pause) -> None:
        """The enrollment was paused; the run is held at its next question."""
        self._mail.put(message)
        self._show(None)

    @workflow.signal(name=names.SIGNAL_RESUME)
    def resume(self, message: Resume) -> None:
        """Whoever is held asks again."""
        self._mail.put(message)
        self._show(None)

    @workflow.signal(dynamic=True)
    def unknown(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal of another engine: noted, so that it does not vanish silently."""
        self._mail.put_unknown(name)

    async def _walk_on(self) -> None:
        """From one safe point to the next."""
        if self._obey():
            # A run that goes on from an earlier history may sleep on what has changed since.
            self._at.wake_at = None
        self._roll_over_if_long()
        step = self._plan.steps[self._at.step] if self._at.step is not None else None
        if step is None:
            await self._end("completed", None)
        else:
            self._at.arrive(step)
            self._show(None)
            self._go(await self._handle(step))

    def _obey(self) -> bool:
        """Take what the mailbox holds; answers whether a record changed."""
        told = self._mail.take()
        if told.leave is not None:
            raise Over(told.leave.reason, told.leave.detail)
        if self._mail.says_cancel:
            raise asyncio.CancelledError
        if told.moved is not None:
            raise Elsewhere(told.moved)
        return told.changed

    def _go(self, target: str | None) -> None:
        self._at.go(target)
        self._came_by = None

    def _move(self, move: Moved | StepAnswer) -> None:
        """Stand where the database says the enrollment stands."""
        if move.version != self._plan.version:
            raise RuntimeError(f"this worker cannot take a run from version {self._plan.version} to {move.version}")
        self._mail.epoch = move.epoch
        self._go(move.step)
        self._came_by = moved_by(self._plan, move.reason, move.detail)

    async def _handle(self, step: PlanStep) -> str | None:
        """Do what the step asks; answers the step to go to, None for the end of the workflow."""
        if not step.enabled:
            self._at.pass_by(step, "skipped", "disabled")
            return step.next
        match step.kind:
            case "action":
                return await (self._act_inside(step) if step.inside else self._act_outside(step))
            case "delay":
                return await self._delay(step)
            case "wait":
                return await self._wait(step)
            case "branch" | "value_branch" | "split":
                return step.way((await self._ask(step)).edge)
            case "goto":
                self._at.pass_by(step)
                used_up = step.max_visits is not None and self._at.counts[step.id] > step.max_visits
                return step.next if used_up else step.to
            case "end":
                self._at.pass_by(step)
                await self._end("completed", step.reason)
        raise RuntimeError(f"this worker does not know steps of kind {step.kind!r} (step {step.id!r})")

    async def _act_inside(self, step: PlanStep) -> str | None:
        return await self._after(step, await self._ask(step))

    async def _act_outside(self, step: PlanStep) -> str | None:
        """Wait for the channel's answer, held as often as the enrollment is paused."""
        while True:
            heard = self._mail.resumes
            call = self._at.call(step, self._mail.epoch)
            answer = await self._handed_out(step, call)
            if self._is_inside(answer, call):
                return await self._after(step, answer)
            await self._hold(heard)

    async def _handed_out(self, step: PlanStep, call: StepCall) -> StepAnswer:
        """The answer of the channel, unless the run is told to leave or to go on elsewhere before it comes.

        Cancelling stops further attempts; one under way is left to the ledger, whose claim passes the gate.
        """
        handle = hand_out(self._plan, step, call)
        try:
            while not handle.done():
                await workflow.wait_condition(lambda: handle.done() or self._mail.interrupts)
                if not handle.done():
                    self._obey()
        except (Over, Elsewhere, asyncio.CancelledError):
            handle.cancel()
            raise
        try:
            return await handle
        except ActivityError as error:
            failure: FailureCall = failure_of(error, call)
            return await self._asked(names.RECORD_FAILURE, lambda: failure, step.label)

    async def _after(self, step: PlanStep, answer: StepAnswer) -> str | None:
        """Where an action's answer leads: on, or where ``on_error`` says."""
        if answer.outcome != "failed" or step.on_error == "continue":
            return step.next
        if step.on_error == "exit":
            await self._end("failed", f"{step.id}: {answer.reason}")
        return step.on_error

    async def _delay(self, step: PlanStep) -> str | None:
        """Sleep until the planned instant; a step that depends on records asks again, on a change and before it ends.

        A date that moved while no relay was up has sent no signal, so only the last question makes sure.
        """
        at = self._at
        while True:
            if at.wake_at is None:
                answer = await self._ask(step)
                at.turn += 1
                if answer.kind == "go":
                    return step.next
                at.wake_at = answer.wake_at
                self._show(None)
            await self._sleep(step, at.wake_at)
            changed = self._obey()
            is_due = at.wake_at is not None and workflow.now() >= at.wake_at
            if is_due and not step.watches:
                self._at.pass_by(step)
                return step.next
            if step.watches and (is_due or changed):
                at.wake_at = None
            self._roll_over_if_long()

    async def _wait(self, step: PlanStep) -> str | None:
        """Ask whether what is waited for is there: on arrival, whenever something happened, and when the time is over.

        Every question reads the database, so a signal that is still on its way does not lose against the timeout.
        """
        at = self._at
        while True:
            activity = names.SETTLE_WAIT if at.turn else names.ARM_WAIT
            answer = await self._asked(activity, lambda: at.call(step, self._mail.epoch), step.label)
            at.turn += 1
            if answer.kind == "go":
                return step.way(answer.edge)
            at.wake_at = answer.wake_at
            self._show(None)
            woken = False
            while not woken:
                await self._sleep(step, at.wake_at)
                woken = self._obey() or (at.wake_at is not None and workflow.now() >= at.wake_at)
                # Who goes on anew asks again.
                self._roll_over_if_long()

    async def _sleep(self, step: PlanStep, wake_at: datetime | None) -> None:
        """Sleep until ``wake_at``, being told to go, or, where the step watches, a change. None: for ever."""
        left = wake_at - workflow.now() if wake_at is not None else None
        try:
            await workflow.wait_condition(
                lambda: self._mail.interrupts or self._is_woken(step) or self._is_long(),
                timeout=left,
                timeout_summary=step.label,
            )
        except TimeoutError:
            return

    def _is_woken(self, step: PlanStep) -> bool:
        """Whether what the mailbox holds may change what a sleeping step decides."""
        if not step.watches:
            return False
        return self._mail.says_changed or (step.kind == "wait" and self._mail.says_happened(step.listens))

    async def _end(self, reason: EndReason, detail: str | None) -> None:
        """Close the enrollment and leave the loop."""
        answer = await self._asked(
            names.END_ENROLLMENT, lambda: self._at.last_call(reason, detail, self._mail.epoch), "End"
        )
        raise Over(answer.reason or reason, answer.detail)

    async def _unenroll(self) -> None:
        """End the enrollment before a cancelled run ends."""
        try:
            await self._end("unenrolled", CANCELLED)
        except Over as over:
            self._show(over)

    async def _ask(self, step: PlanStep) -> StepAnswer:
        """The judgement of this visit."""
        return await self._asked(activity_of(step), lambda: self._at.call(step, self._mail.epoch), step.label)

    async def _asked(
        self, activity: str, call: Callable[[], StepCall | EndCall | FailureCall], summary: str
    ) -> StepAnswer:
        """An answer that lets the run go on: it waits while the enrollment is paused, and asks again."""
        while True:
            heard = self._mail.resumes
            asking = call()
            answer = await ask(activity, asking, summary)
            if self._is_inside(answer, asking):
                return answer
            await self._hold(heard)

    def _is_inside(self, answer: StepAnswer, call: StepCall | EndCall | FailureCall) -> bool:
        """Whether the gate let the call through; False while the enrollment is paused."""
        if answer.kind == "left" and not isinstance(call, EndCall):
            raise Over(answer.reason or "left", answer.detail)
        if answer.kind not in ("held", "moved"):
            return True
        self._at.keep(call)
        if answer.kind == "moved":
            raise Elsewhere(answer)
        return False

    async def _hold(self, heard: int) -> None:
        """Stand still until somebody resumes; one that came since ``heard`` was counted is not slept through."""
        self._held = True
        self._show(None)
        try:
            while self._mail.resumes == heard:
                await workflow.wait_condition(
                    lambda: self._mail.resumes > heard or self._mail.interrupts or self._is_long()
                )
                self._obey()
                self._roll_over_if_long()
        finally:
            self._held = False
        self._show(None)

    def _is_long(self) -> bool:
        info = workflow.info()
        return info.is_continue_as_new_suggested() or info.get_current_history_length() > ROLL_AT_EVENTS

    def _roll_over_if_long(self) -> None:
        """Continue as new with everything the run knows, so that no history grows without end."""
        if not self._is_long():
            return
        told = {
            "inbox": self._mail.inbox(),
            "seen": self._mail.seen(),
            "versions": self._mail.versions(),
            "unknown": tuple(self._mail.unknown),
            "epoch": self._mail.epoch,
        }
        state = self._at.state().model_copy(update=told)
        workflow.continue_as_new(args=[self._start.model_copy(update={"state": state}), self._plan])

    def _show(self, over: Over | None) -> None:
        """Refresh the details Temporal UI shows."""
        at = self._at
        end, trail = None, at.trail
        if over is not None:
            end = ending(self._plan, over.reason, over.detail, workflow.now())
            # Who is told to go stands somewhere: that was the last step on the way.
            trail = [*trail, at.step] if at.step is not None and at.standing else trail
        held = self._held or self._mail.paused
        shown = details(
            self._plan, self._who, at.step, trail, at.wake_at, end, self._mail.unknown, held=held, moved=self._came_by
        )
        workflow.set_current_details(shown)
