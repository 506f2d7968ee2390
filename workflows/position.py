"""Where a run stands and how it came there: what it tells with every question, and takes along as it goes on anew."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.messages import (
        TICK,
        EndCall,
        EndReason,
        EnrollmentStart,
        FailureCall,
        Outcome,
        Passage,
        RunState,
        StepCall,
        Whereabouts,
    )
    from domain.plan import Plan, PlanStep
    from workflows.details import TRAIL


class Position:
    """The step a run stands in, how often it came to each, and what it passed without asking anybody.

    ``step`` None is the end of the workflow. ``standing``: the visit has begun and counts. ``turn``: how often the run
    asked in this visit. ``wake_at``: until when it sleeps. ``pass_over``: what was done under an older version, with
    the way it went from each. ``skip_sends``: messages are passed by up to the next delay or wait. ``takes_up``: it
    takes up an earlier passage, of which what a goto leads on to stays done.
    """

    def __init__(self, start: EnrollmentStart, plan: Plan) -> None:
        state = start.state or RunState(step=plan.start)
        self._start = start
        self._plan = plan
        self.step = state.step
        self.standing = state.standing
        self.turn = state.turn
        self.wake_at = state.wake_at
        self.counts = dict(state.counts)
        self.trail = list(state.trail)
        self.pass_over = dict(state.pass_over)
        self.skip_sends = state.skip_sends
        self.takes_up = state.takes_up
        self._passages = list(state.passages)
        self._told: datetime | None = None

    def arrive(self, step: PlanStep) -> None:
        """Begin the visit, unless the run stands in it already."""
        if not self.standing:
            self.standing = True
            self.turn = 0
            self.wake_at = None
            self.counts[step.id] = self.counts.get(step.id, 0) + 1

    def go(self, target: str | None) -> None:
        """Leave the step for another."""
        if self.step is not None:
            self.trail = [*self.trail, self.step][-TRAIL - 1 :]
        self.step = target
        self.standing = False

    def call(self, step: PlanStep, epoch: int) -> StepCall:
        """What to ask an activity about this visit."""
        return StepCall(
            enrollment_id=self._start.enrollment_id,
            workflow_id=self._plan.workflow_id,
            version=self._plan.version,
            step=step.id,
            n=self.counts[step.id],
            turn=self.turn,
            now=self._instant(),
            passages=self._take_passages(),
            epoch=epoch,
        )

    def last_call(self, reason: EndReason, detail: str | None, epoch: int) -> EndCall:
        """How to ask for the end."""
        return EndCall(
            enrollment_id=self._start.enrollment_id,
            now=self._instant(),
            reason=reason,
            detail=detail,
            passages=self._take_passages(),
            epoch=epoch,
        )

    def pass_by(self, step: PlanStep, outcome: Outcome = "done", reason: str | None = None) -> None:
        """Leave a step without asking; the next transaction writes its row."""
        n = self.counts[step.id]
        self._passages.append(Passage(step=step.id, n=n, outcome=outcome, reason=reason, at=self._instant()))

    def keep(self, call: StepCall | EndCall | FailureCall) -> None:
        """Tell again what a call told that was turned away: nothing of it was written."""
        told = call.call.passages if isinstance(call, FailureCall) else call.passages
        self._passages = [*told, *self._passages]

    def state(self) -> RunState:
        """For continue-as-new; what the mailbox holds is put in besides."""
        return RunState(
            step=self.step,
            standing=self.standing,
            turn=self.turn,
            wake_at=self.wake_at,
            counts=self.counts,
            passages=tuple(self._passages),
            trail=tuple(self.trail),
            pass_over=self.pass_over,
            skip_sends=self.skip_sends,
            takes_up=self.takes_up,
        )

    def over(self, found: Whereabouts, plan: Plan) -> RunState:
        """For continue-as-new in another version, at the place the database knows."""
        counts = dict(self.counts)
        # What no transaction wrote did not happen: the run comes to it again, or to what is there now.
        for passage in self._passages:
            if passage.outcome == "skipped" or self._plan.steps[passage.step].kind == "goto":
                counts[passage.step] -= 1
        if found.step is not None and found.n is not None:
            counts[found.step] = found.n
        return RunState(
            step=found.step,
            standing=found.n is not None,
            turn=found.turn,
            counts=counts,
            trail=tuple(step for step in self.trail if step in plan.steps),
            pass_over=found.pass_over,
            # Up to the next delay as well in another version; whoever is sent to a step does it.
            skip_sends=self.skip_sends and plan.version != self._plan.version,
            takes_up=self.takes_up,
        )

    def _take_passages(self) -> tuple[Passage, ...]:
        taken = tuple(self._passages)
        self._passages.clear()
        return taken

    def _instant(self) -> datetime:
        """The present, and later than any told before: time stands still while a run works."""
        now = workflow.now()
        if self._told is not None and now <= self._told:
            now = self._told + TICK
        self._told = now
        return now
