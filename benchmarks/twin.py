"""The hand-written twin of the reference journey as a workflow: one timer, one activity, nothing of our engine."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import names

TYPE = "Twin"
ACTIVITY = "twin.send"


@workflow.defn(name=TYPE)
class Twin:
    """Sleep, send, done."""

    @workflow.run
    async def run(self, enrollment_id: str, record_id: str) -> str:
        """The journey."""
        await workflow.sleep(1, summary="Wait 1 second · gap")
        await workflow.execute_activity(
            ACTIVITY,
            args=[enrollment_id, record_id],
            task_queue=names.QUEUE_EMAIL,
            start_to_close_timeout=timedelta(seconds=60),
            summary="Email · hello",
        )
        return "completed"
