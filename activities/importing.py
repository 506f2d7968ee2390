"""The activity of imports: one page of rows in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import activity

from activities.beating import beating
from activities.errors import translated
from domain import names
from domain.jobs import JobProgress
from services.installation import Installation
from services.jobs.import_pages import work_page


def import_activities(inst: Installation) -> list[Callable[[str], Awaitable[JobProgress]]]:
    """What the bulk worker registers."""

    @activity.defn(name=names.IMPORT_PAGE)
    async def import_page(job_id: str) -> JobProgress:
        with translated():
            return await beating(work_page(inst, job_id))

    return [import_page]
