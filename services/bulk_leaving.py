"""Taking many out of a workflow: one page of the job that does it."""

from __future__ import annotations

from datetime import datetime

from domain.errors import Conflict
from services.bulk_audiences import AudiencePage, Order, Outcome
from services.leaving import end_enrollment
from store.database import Tx
from store.enrollments import active_of_records
from store.jobs import Job
from store.locks import lock_inside

UNENROLLED = "unenrolled"
NOT_ACTIVE = "not_active"
"""Outcomes: taken out, whatever it was bound to; or not inside, or only since the order."""


async def take_out(tx: Tx, job: Job, order: Order, page: AudiencePage, *, now: datetime) -> list[Outcome]:
    """End everything the records of a page run in the workflow since before the order; what became of each.

    Raises:
        Conflict: one of them was merged into another record this very moment; the page is asked for again.
    """
    ids = [each.record_id for each in page.candidates]
    seen = await active_of_records(tx, order.workflow_id, ids, until=job.created_at)
    locked = await lock_inside(tx, seen)
    if len(locked) < len(seen):
        raise Conflict("a record of the page was just merged into another one: try again")
    ended = [each for each in locked.values() if each.status != "ended"]
    for each in ended:
        await end_enrollment(tx, each, "unenrolled", detail=f"job {job.id}", now=now)
    left = {each.record_id for each in ended}
    return [Outcome(each, UNENROLLED if each.record_id in left else NOT_ACTIVE) for each in page.candidates]
