"""One bulk enrollment as a durable run: page after page of its audience, as fast as it may."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain import names
    from domain.jobs import EnrollmentCall, EnrollmentProgress
    from workflows import paging


@workflow.defn(name=names.BULK_WORKFLOW_TYPE)
class BulkEnrollment(paging.PagedRun):
    """The durable work on one enrollment job.

    A question names the place it goes on from: an attempt whose answer was lost is answered, not followed by another
    page before its time.
    """

    @workflow.run
    async def run(self, job_id: str, call: EnrollmentCall | None = None) -> EnrollmentProgress:
        """Work through the audience; the last progress. ``call``: where the run before this one stopped."""
        call = call or EnrollmentCall(job_id=job_id)
        pages = 0
        while True:
            progress = await self.ask_page(
                names.ENROLLMENT_PAGE, call, EnrollmentProgress, summary="Next page of records"
            )
            workflow.set_current_details(paging.progress_details(progress, "records"))
            if progress.is_over:
                return progress
            wait_s = progress.pause_s(call.enrolled)
            call = progress.next_call(job_id)
            if wait_s > 0:
                await workflow.sleep(timedelta(seconds=wait_s), summary="As many as may enter a minute")
            pages += 1
            if pages == paging.PAGES_PER_RUN:
                workflow.continue_as_new(args=[job_id, call])
