"""The schedule of one workflow as a durable run: sleeps until the next occurrence, has it opened, goes on as new.

When that is, whether it is opened or missed and whom it lets in is the database's; the run is only its clock. It is
told when any of it changes, and looks again.
"""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

from workflows.calls import ask_surely
from workflows.details import moment, rows_table

with workflow.unsafe.imports_passed_through():
    from domain import names
    from domain.occurrences import OccurrenceAhead, OccurrenceAnswer, OccurrenceCall, tell_occurrence


@workflow.defn(name=names.RECURRENCE_WORKFLOW_TYPE)
class Recurrence:
    """The durable wait for the occurrences of one scheduled workflow; ends when that is off."""

    def __init__(self) -> None:
        self._is_changed = False

    @workflow.run
    async def run(self, workflow_id: str, before: str | None = None) -> str:
        """Wait for one occurrence and go on as new; the result is why there is none. ``before``: what came last."""
        while True:
            # Before the question, so that what is told after its answer is not forgotten.
            self._is_changed = False
            ahead = await ask_surely(
                names.NEXT_OCCURRENCE, workflow_id, OccurrenceAhead, summary="When it happens next"
            )
            workflow.set_current_details(_details(ahead, before))
            if ahead.at is not None and await self._comes(ahead, ahead.at):
                call = OccurrenceCall(workflow_id=workflow_id, local=ahead.local, at=ahead.at)
                answer = await ask_surely(names.OPEN_OCCURRENCE, call, OccurrenceAnswer, summary=ahead.schedule)
                workflow.continue_as_new(args=[workflow_id, _told(ahead, answer) or before])
            if ahead.at is None and not self._is_changed:
                return "the workflow is off"
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(args=[workflow_id, before])

    @workflow.signal(name=names.SIGNAL_CHANGED)
    def changed(self, _message: dict[str, str]) -> None:
        """The workflow was published, turned, paused or deleted, or its clock is another one."""
        self._is_changed = True

    async def _comes(self, ahead: OccurrenceAhead, at: datetime) -> bool:
        """Sleep until the occurrence; False when something changed before."""
        left = at - workflow.now()
        if left.total_seconds() <= 0:
            return not self._is_changed
        try:
            await workflow.wait_condition(lambda: self._is_changed, timeout=left, timeout_summary=ahead.schedule)
        except TimeoutError:
            return True
        return False


def _told(ahead: OccurrenceAhead, answer: OccurrenceAnswer) -> str | None:
    """What became of an occurrence, with its job; None when nothing did."""
    if answer.state is None:
        return None
    job = f", job {answer.job_id}" if answer.job_id is not None else ""
    return f"{ahead.local} {tell_occurrence(answer.state, answer.reason)}{job}"


def _details(ahead: OccurrenceAhead, before: str | None) -> str:
    """What Temporal UI shows."""
    rows = [("Workflow", ahead.workflow), ("Schedule", ahead.schedule)]
    rows.append(("Next", "none: it is off" if ahead.at is None else f"{ahead.local} ({moment(ahead.at)})"))
    if ahead.is_paused:
        rows.append(("Paused", "nobody enters until somebody resumes it"))
    if before is not None:
        rows.append(("Before", before))
    return rows_table(rows)
