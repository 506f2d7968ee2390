"""What a run is told and what it asks: it obeys its mailbox, and stands still while it is held."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from workflows.calls import activity_of, ask, find_place
from workflows.mailbox import Mailbox, Told
from workflows.position import Position
from workflows.turns import Elsewhere, Over

with workflow.unsafe.imports_passed_through():
    from domain import names
    from domain.messages import (
        EndCall,
        EndReason,
        EnrollmentStart,
        FailureCall,
        Moved,
        RunState,
        StepAnswer,
        StepCall,
    )
    from domain.plan import Plan, PlanStep
    from workflows.details import by_version, details, ending, moved_by

VERSION = SearchAttributeKey.for_int(names.ATTRIBUTE_VERSION)

ROLL_AT_EVENTS = 2000
"""History length from which a safe point continues as new, well before the server suggests it."""


class Conversation:
    """Between a run and the world: ``mail`` is what it was told, ``at`` where it stands.

    ``waits_for``: what it sleeps on that no clock brings, in words.
    """

    def __init__(self, start: EnrollmentStart, plan: Plan) -> None:
        self.plan = plan
        self.mail = Mailbox(start.state)
        self.at = Position(start, plan)
        self._start = start
        self._who = names.who(start.object, start.record_id, start.bound_object, start.bound_id)
        self.waits_for: str | None = None
        self._held = False
        self._came_by = start.state.came_by if start.state is not None else None

    def obey(self) -> Told:
        """Take what the mailbox holds; answers what it told."""
        told = self.mail.take()
        if told.leave is not None:
            raise Over(told.leave.reason, told.leave.detail)
        if self.mail.says_cancel:
            raise asyncio.CancelledError
        if told.moved is not None:
            raise Elsewhere(told.moved)
        return told

    def go(self, target: str | None) -> None:
        """Leave the step for another; None: the end of the workflow."""
        self.at.go(target)
        self._came_by = None

    async def move(self, move: Moved | StepAnswer) -> None:
        """Stand where the database says the enrollment stands."""
        # Who passes over what it did asks as well: whoever is sent to a step does it all the same.
        if move.version != self.plan.version or self.at.pass_over:
            await self._go_over(move)
        self.mail.epoch = move.epoch
        self.at.skip_sends = False
        self.go(move.step)
        self._came_by = moved_by(self.plan, move.reason, move.detail)

    async def _go_over(self, move: Moved | StepAnswer) -> None:
        """Go on anew with the plan of the version the enrollment is in by now, where it stands in that."""
        found = await find_place(self._start.enrollment_id)
        if found.plan is None:
            raise Over(found.reason or "left", found.detail)
        self.mail.epoch = found.epoch
        is_new = found.plan.version != self.plan.version
        self._came_by = by_version(found.plan) if is_new else moved_by(self.plan, move.reason, move.detail)
        workflow.upsert_search_attributes([VERSION.value_set(found.plan.version)])
        self._continue(found.plan, self.at.over(found, found.plan))

    async def ask(self, step: PlanStep) -> StepAnswer:
        """The judgement of this visit."""
        return await self.asked(activity_of(step), lambda: self.at.call(step, self.mail.epoch), step.label)

    async def asked(
        self, activity: str, call: Callable[[], StepCall | EndCall | FailureCall], summary: str
    ) -> StepAnswer:
        """An answer that lets the run go on: it waits while the enrollment is paused, and asks again."""
        while True:
            heard = self.mail.resumes
            asking = call()
            answer = await ask(activity, asking, summary)
            if self.is_inside(answer, asking):
                return answer
            await self.hold(heard)

    def is_inside(self, answer: StepAnswer, call: StepCall | EndCall | FailureCall) -> bool:
        """Whether the gate let the call through; False while the enrollment is paused."""
        if answer.kind == "left" and not isinstance(call, EndCall):
            raise Over(answer.reason or "left", answer.detail)
        if answer.kind not in ("held", "moved"):
            return True
        self.at.keep(call)
        if answer.kind == "moved":
            raise Elsewhere(answer)
        return False

    async def hold(self, heard: int) -> None:
        """Stand still until somebody resumes; one that came since ``heard`` was counted is not slept through."""
        self._held = True
        self.show(None)
        try:
            while self.mail.resumes == heard:
                await workflow.wait_condition(
                    lambda: self.mail.resumes > heard or self.mail.interrupts or self.is_long()
                )
                self.obey()
                self.roll_over_if_long()
        finally:
            self._held = False
        self.show(None)

    async def end(self, reason: EndReason, detail: str | None) -> None:
        """Close the enrollment and leave the loop."""
        answer = await self.asked(
            names.END_ENROLLMENT, lambda: self.at.last_call(reason, detail, self.mail.epoch), "End"
        )
        raise Over(answer.reason or reason, answer.detail)

    def is_long(self) -> bool:
        """Whether the history is long enough to go on anew."""
        info = workflow.info()
        return info.is_continue_as_new_suggested() or info.get_current_history_length() > ROLL_AT_EVENTS

    def roll_over_if_long(self) -> None:
        """Continue as new with everything the run knows, so that no history grows without end."""
        if not self.is_long():
            return
        self._continue(self.plan, self.at.state())

    def _continue(self, plan: Plan, state: RunState) -> NoReturn:
        told = {
            "inbox": self.mail.inbox(),
            "seen": self.mail.seen(),
            "versions": self.mail.versions(),
            "unknown": tuple(self.mail.unknown),
            "epoch": self.mail.epoch,
            "came_by": self._came_by,
        }
        state = state.model_copy(update=told)
        workflow.continue_as_new(args=[self._start.model_copy(update={"state": state}), plan])

    def show(self, over: Over | None) -> None:
        """Refresh the details Temporal UI shows."""
        at = self.at
        end, trail = None, at.trail
        if over is not None:
            end = ending(self.plan, over.reason, over.detail, workflow.now())
            # Who is told to go stands somewhere: that was the last step on the way.
            trail = [*trail, at.step] if at.step is not None and at.standing else trail
        held = self._held or self.mail.paused
        shown = details(
            self.plan, self._who, at.step, trail, at.wake_at, end, self.mail.unknown, held=held, moved=self._came_by,
            waits_for=self.waits_for,
        )  # fmt: skip
        workflow.set_current_details(shown)
