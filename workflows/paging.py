"""A job as a durable run: asks for the next page until none is left. What a page is and what came of it is the
database's; the run only keeps asking, so a crash anywhere neither doubles anything nor loses it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from domain import names
    from domain.jobs import JobProgress

PAGES_PER_RUN = 300
"""Nine events a page at most: far below the history length at which the server suggests to continue as new."""

PAGE_LIMIT = timedelta(seconds=60)
PAGE_BEAT = timedelta(seconds=10)
"""How long after the death of its worker a page is taken up by another."""

PAGE_TRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))
LOOK_AGAIN = timedelta(minutes=1)
"""A paused job is resumed by a signal; should it be lost, by looking again."""

Progress = TypeVar("Progress", bound=JobProgress)


class PagedRun:
    """What the runs of all kinds of jobs share."""

    def __init__(self) -> None:
        self._resumed = False

    @workflow.signal(name=names.SIGNAL_RESUME)
    def resume(self, _message: dict[str, str]) -> None:
        """The job was resumed: look at once."""
        self._resumed = True

    async def ask_page(self, activity: str, call: object, answers: type[Progress], *, summary: str) -> Progress:
        """Have the next page done; how far the job is. A job that is paused is waited for."""
        # Before the question, so that a resume that comes after its answer is not forgotten.
        self._resumed = False
        progress: Progress = await workflow.execute_activity(
            activity,
            call,
            result_type=answers,
            start_to_close_timeout=PAGE_LIMIT,
            heartbeat_timeout=PAGE_BEAT,
            retry_policy=PAGE_TRIES,
            summary=summary,
        )
        if progress.status == "paused":
            await self._until_resumed()
        return progress

    async def _until_resumed(self) -> None:
        try:
            await workflow.wait_condition(lambda: self._resumed, timeout=LOOK_AGAIN, timeout_summary="Paused")
        except TimeoutError:
            return


def progress_details(progress: JobProgress, things: str) -> str:
    """What Temporal UI shows: ``things`` are what the job goes through."""
    lines = [
        f"**{progress.status}**: {progress.cursor:,} of {progress.total:,} {things}",
        "",
        f"| outcome | {things} |",
        "|---|---|",
    ]
    return "\n".join(lines + [f"| {outcome} | {count:,} |" for outcome, count in sorted(progress.counts.items())])
