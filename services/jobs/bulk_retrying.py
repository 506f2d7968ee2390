"""Having many begin again where their passage failed: the job, and one page of it.

Who begins again is no longer of those the job asks for, and behind each page it goes on with the next enrollment: so
nobody is taken twice, whatever dies meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from domain.errors import Conflict, Invalid
from domain.jobs import page_limit
from domain.records import Cause
from services.entering.retrying import retry
from services.jobs.bulk_audiences import Order
from store.database import Read, Row, Tx
from store.jobs import Job, claim_page, insert_job, update_job
from store.locks import lock_records
from store.retries import Retriable, count_retriable, list_retriable

SCOPE = "enrollments:write"

REFUSED = "refused"
"""Outcome of whom nothing could be begun with: the current version has no such step, or it was merged."""


def _asked(order: Order, *, until: datetime) -> Retriable:
    return Retriable(
        workflow_id=order.workflow_id, step=order.step, failure=order.failure, ids=order.enrollments, until=until
    )  # fmt: skip


async def request_retry(tx: Tx, order: Order, *, now: datetime) -> Job:
    """Write the job; ``services.jobs.jobs.begin`` starts the work on it."""
    total = sum((await count_retriable(tx, _asked(order, until=now))).values())
    return await insert_job(tx, kind="retry", scope=SCOPE, input=order.document(), total=total, now=now)


async def preview_retry(read: Read, order: Order, *, now: datetime) -> Mapping[str, int]:
    """How many would begin again, by the step they would begin at."""
    return await count_retriable(read, _asked(order, until=now))


async def retry_page(tx: Tx, job: Job, order: Order, *, starter: str, now: datetime) -> list[str]:
    """Have the next ones begin again; the enrollments that were made. Behind the last one the job is done."""
    limit = page_limit(order.rate_per_minute)
    found = await list_retriable(tx, _asked(order, until=job.created_at), after=job.place or "", limit=limit)
    place = found[-1]["id"] if found else job.place
    done = job.cursor + len(found)
    if not await claim_page(tx, job, through=done, place=place, now=now):
        return []
    # All at once and ascending: one after the other they would be locked in the order of the enrollments.
    await lock_records(tx, {id for row in found for id in (row["record_id"], row["bound_id"]) if id}, write=True)
    counts, begun = Counter(job.counts), list[str]()
    for row in found:
        outcome, made = await _retry(tx, job, row, starter=starter, now=now)
        counts[outcome] += 1
        begun += [made] if made is not None else []
    over = {"status": "done", "finished_at": now} if len(found) < limit else {}
    total = done if over else max(job.total, done)
    await update_job(tx, job.id, now=now, counts=dict(counts), total=total, **over)
    return begun


async def _retry(tx: Tx, job: Job, row: Row, *, starter: str, now: datetime) -> tuple[str, str | None]:
    try:
        made = await retry(tx, row["id"], row["step"], cause=Cause(kind="bulk", id=job.id), now=now, starter=starter)
    except (Conflict, Invalid):
        return REFUSED, None
    return made.decision, made.enrollment_id if made.is_new else None
