"""One import as a durable run."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import names
    from domain.jobs import JobProgress
    from workflows import paging


@workflow.defn(name=names.IMPORT_WORKFLOW_TYPE)
class Import(paging.PagedRun):
    """The durable work on one import job."""

    @workflow.run
    async def run(self, job_id: str) -> JobProgress:
        """Work through the job; its last progress."""
        pages = 0
        while True:
            progress = await self.ask_page(names.IMPORT_PAGE, job_id, JobProgress, summary="Next page of rows")
            workflow.set_current_details(paging.progress_details(progress, "rows"))
            if progress.is_over:
                return progress
            pages += 1
            if pages == paging.PAGES_PER_RUN:
                workflow.continue_as_new(job_id)
