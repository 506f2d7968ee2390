"""One import as a durable run: asks for the next page until none is left. What a page is and what came of it is the
database's; the run only keeps asking, so a crash anywhere neither doubles a row nor loses one.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from domain import names
    from domain.importing import ImportProgress

PAGES_PER_RUN = 300
"""Six events a page: far below the history length at which the server suggests to continue as new."""

PAGE_LIMIT = timedelta(seconds=60)
PAGE_TRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))
LOOK_AGAIN = timedelta(minutes=1)
"""A paused import is resumed by a signal; should it be lost, by looking again."""


@workflow.defn(name=names.IMPORT_WORKFLOW_TYPE)
class Import:
    """The durable work on one import job."""

    def __init__(self) -> None:
        self._resumed = False

    @workflow.run
    async def run(self, job_id: str) -> ImportProgress:
        """Work through the job; its last progress."""
        pages = 0
        while True:
            # Before the question, so that a resume that comes after its answer is not forgotten.
            self._resumed = False
            progress: ImportProgress = await workflow.execute_activity(
                names.IMPORT_PAGE,
                job_id,
                result_type=ImportProgress,
                start_to_close_timeout=PAGE_LIMIT,
                retry_policy=PAGE_TRIES,
                summary="Next page of rows",
            )
            workflow.set_current_details(_details(progress))
            if progress.is_over:
                return progress
            if progress.status == "paused":
                await self._until_resumed()
            pages += 1
            if pages == PAGES_PER_RUN:
                workflow.continue_as_new(job_id)

    @workflow.signal(name=names.SIGNAL_RESUME)
    def resume(self, _message: dict[str, str]) -> None:
        """The job was resumed: look at once."""
        self._resumed = True

    async def _until_resumed(self) -> None:
        try:
            await workflow.wait_condition(lambda: self._resumed, timeout=LOOK_AGAIN, timeout_summary="Paused")
        except TimeoutError:
            return


def _details(progress: ImportProgress) -> str:
    lines = [
        f"**{progress.status}**: {progress.cursor:,} of {progress.total:,} rows",
        "",
        "| outcome | rows |",
        "|---|---|",
    ]
    return "\n".join(lines + [f"| {outcome} | {count:,} |" for outcome, count in sorted(progress.counts.items())])
