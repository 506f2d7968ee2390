"""Taking many out of a workflow: one page of the job that does it."""

from __future__ import annotations

from datetime import datetime

from domain.errors import Conflict
from services.installation import Installation
from services.jobs.bulk_audiences import AudiencePage, Order, Outcome
from services.leaving.leaving import end_enrollment
from store.database import Tx
from store.enrollments import active_of_records
from store.jobs import Job, get_job
from store.locks import lock_enrollments, lock_records, wait_for_entries

UNENROLLED = "unenrolled"
NOT_ACTIVE = "not_active"
"""Outcomes: taken out, whatever it was bound to; or not inside, or only since the order."""


async def await_entries(inst: Installation, job_id: str) -> None:
    """Wait until everybody is inside who was entering when they were ordered out: the audience asks who is inside.

    A transaction of its own, as no record may be locked behind it.
    """
    async with inst.db.transaction() as tx:
        job = await get_job(tx, job_id)
        if job is not None and job.kind == "unenrollment":
            await wait_for_entries(tx, Order.of(job).workflow_id)


async def take_out(tx: Tx, job: Job, order: Order, page: AudiencePage, *, now: datetime) -> list[Outcome]:
    """End everything the records of a page run in the workflow since before the order; what became of each.

    Raises:
        Conflict: somebody entered or was merged between being looked at and being locked; the page is asked again.
    """
    ids = [each.record_id for each in page.candidates]
    before = await active_of_records(tx, order.workflow_id, ids, until=job.created_at)
    # The records of the page as well: who is entering this very moment is waited for.
    locked = await lock_records(tx, {*ids, *(id for each in before for id in each.record_ids)}, write=False)
    inside = await active_of_records(tx, order.workflow_id, ids, until=job.created_at)
    if not locked.keys() >= {id for each in inside for id in each.record_ids}:
        raise Conflict("a record of the page was entering with another one, or merged: try again")
    ended = [each for each in (await lock_enrollments(tx, [e.id for e in inside])).values() if each.status != "ended"]
    detail = ", ".join(filter(None, (order.by, f"job {job.id}")))
    for each in ended:
        await end_enrollment(tx, each, "unenrolled", detail=detail, now=now)
    left = {each.record_id for each in ended}
    return [Outcome(each, UNENROLLED if each.record_id in left else NOT_ACTIVE) for each in page.candidates]
