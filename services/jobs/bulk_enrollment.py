"""Enrolling many, taking, moving or retrying many: a job that goes through its audience page by page (rule E8).

A page is one transaction with everything that follows from it: decisions, enrollments, ends, counts, and the place the
next page begins. So a crash doubles nobody and progress never goes back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.errors import Invalid, NotFound
from domain.facts import Seen
from domain.jobs import NOT_BEGUN, TO_DO, EnrollmentCall, EnrollmentProgress, page_limit
from domain.occurrences import LATE
from domain.records import Cause, CauseKind
from domain.triggers import FilterTrigger
from services.entering.by_hand import check_parameters
from services.entering.enrolling import EnrollRequest, enroll
from services.facts import judge_now
from services.installation import Installation
from services.jobs.bulk_audiences import AudiencePage, Candidate, Named, Order, Outcome, count, open_audience
from services.jobs.bulk_leaving import await_entries, take_out
from services.jobs.bulk_moving import move_page
from services.jobs.bulk_retrying import retry_page
from services.jobs.jobs import progress_of
from services.running.deliveries import deliver_starts
from services.versions import load_live
from services.workflow_views import find
from store.database import Row, Tx
from store.foreseen import open_around
from store.import_rows import settle_rows
from store.jobs import (
    Job,
    JobRow,
    claim_page,
    get_job,
    insert_job,
    insert_job_rows,
    move_job,
    next_job_rows,
    update_job,
)
from store.locks import lock_records
from store.occurrences import miss_late
from store.schema import load_account
from store.sweeps import taken_up_by, taken_up_since

SCOPE = "enrollments:write"


async def request_bulk(
    tx: Tx, inst: Installation, workflow: Row, order: Order, *, ids: Sequence[str] = (), now: datetime
) -> Job:
    """Write the job; ``services.jobs.jobs.begin`` starts the work on it. ``ids``: those named, if any were.

    Raises:
        Invalid, NotFound: as for ``open_audience``, or the workflow has no such parameter.
    """
    if order.kind == "enrollment":
        await check_parameters(tx, workflow, order.parameters)
    audience = await open_audience(tx, inst, order, now=now)
    named = list(dict.fromkeys(ids))
    total = len(named) if isinstance(audience, Named) else await count(tx, audience, until=now)
    job = await insert_job(tx, kind=order.kind, scope=SCOPE, input=order.document(), total=total, now=now)
    rows = [JobRow(job_id=job.id, n=n, line=n, cells=[id], key=id) for n, id in enumerate(named, start=1)]
    await insert_job_rows(tx, rows)
    return job


async def request_existing(tx: Tx, inst: Installation, slug: str, version: int, *, now: datetime) -> Job:
    """Write the job that takes in everybody who matches a filter trigger of a version that was just published.

    Raises:
        NotFound: there is no such workflow.
        Invalid: it has no filter trigger, or one that no database can answer.
    """
    workflow = await find(tx, slug)
    order = Order(workflow=slug, workflow_id=workflow["id"], object=workflow["object"], version=version)
    return await request_bulk(tx, inst, workflow, order, now=now)


async def enroll_page(inst: Installation, call: EnrollmentCall) -> EnrollmentProgress:
    """Decide about the next page, or take it out, and start the runs of those who entered; how far the job is.

    A call from a place the job has left is only answered: an earlier attempt did its page.

    Raises:
        NotFound: no such job.
    """
    now = inst.clock.now()
    entered: list[str] = []
    if not call.cursor:
        await await_entries(inst, call.job_id)
    async with inst.db.transaction() as tx:
        job = await get_job(tx, call.job_id)
        if job is None:
            raise NotFound(f"there is no job {call.job_id}")
        if job.status in TO_DO and _stands_there(job, call):
            entered = await _work(tx, inst, job, now=now)
            job = await get_job(tx, call.job_id) or job
    await deliver_starts(inst, entered)
    return EnrollmentProgress(
        **progress_of(job).model_dump(),
        place=job.place,
        rate_per_minute=Order.of(job).rate_per_minute,
    )


def _stands_there(job: Job, call: EnrollmentCall) -> bool:
    return call.cursor is None or (job.cursor, job.place) == (call.cursor, call.place)


async def _work(tx: Tx, inst: Installation, job: Job, *, now: datetime) -> list[str]:
    """One page; the enrollments it made. A job whose audience cannot be asked any more fails with the reason."""
    order = Order.of(job)
    if order.kind == "move":
        await move_page(tx, job, order, now=now)
        return []
    if order.kind == "retry":
        return await retry_page(tx, job, order, starter=inst.name, now=now)
    if order.due is not None and now - order.due > LATE and await _is_too_late(tx, job, order, now=now):
        return []
    try:
        # Time in a condition means the moment it was asked, on every page.
        audience = await open_audience(tx, inst, order, now=job.created_at)
    except (Invalid, NotFound) as error:
        await update_job(tx, job.id, now=now, status="failed", error=str(error), finished_at=now)
        return []
    page = await audience.page(tx, job, limit=page_limit(order.rate_per_minute))
    if not await claim_page(tx, job, through=job.cursor + page.done, place=page.place, now=now):
        return []
    if order.kind == "unenrollment":
        outcomes = await take_out(tx, job, order, page, now=now)
    else:
        outcomes = await _Page(tx, job, order, now, inst.name).decide(page)
    if isinstance(audience, Named):
        await _settle(tx, job, outcomes)
    await _account(tx, job, page, outcomes, now=now)
    return [each.entered for each in outcomes if each.entered is not None]


async def _is_too_late(tx: Tx, job: Job, order: Order, *, now: datetime) -> bool:
    """End a job that did not begin in time for what it was opened for, which is missed then; False if it did."""
    if order.occurrence is None or not await move_job(tx, job.id, allowed=NOT_BEGUN, to="failed", now=now):
        return False
    words = f"it did not begin within the hour after {order.occurrence}; run that occurrence by hand"
    await update_job(tx, job.id, now=now, error=words, finished_at=now)
    await miss_late(tx, order.workflow_id, order.occurrence, job.id)
    return True


@dataclass(frozen=True)
class _Page:
    """One page of one job."""

    tx: Tx
    job: Job
    order: Order
    now: datetime
    starter: str

    async def decide(self, page: AudiencePage) -> list[Outcome]:
        """Lock everybody at once, ascending, then decide about one after the other."""
        ids = {id for each in page.candidates for id in (each.record_id, each.bound_id) if id}
        await lock_records(self.tx, ids, write=True)
        fired: dict[str, tuple[str, tuple[Seen, ...]] | None] = {}
        decided: list[Outcome] = []
        earlier = self.order.earlier or ()
        done = await taken_up_by(self.tx, earlier, [each.record_id for each in page.candidates]) if earlier else set()
        candidates = [each for each in page.candidates if (each.record_id, each.bound_id) not in done]
        for each in candidates:
            if each.triggers and each.subject_id not in fired:
                fired[each.subject_id] = await self._fires(each.subject_id, each.triggers)
        # Changes that wait to be judged were seen here already: they let in nobody once more.
        saw = await open_around(self.tx, fired) if fired else {}
        for each in candidates:
            found = fired.get(each.subject_id)
            # Who matched when the page was asked for may have changed before it was locked; and whom a change let in
            # since the order came true behind it.
            if not each.triggers or (found is not None and not await self._entered_since(each, found[0])):
                made = await enroll(self.tx, self._request(each, found, saw.get(each.subject_id)), now=self.now)
                entered = made.enrollment_id if made.decision == "enrolled" else None
                decided.append(Outcome(each, made.decision, made.detail, entered))
        return decided

    async def _fires(self, subject_id: str, triggers: Sequence[FilterTrigger]) -> tuple[str, tuple[Seen, ...]] | None:
        """The first trigger that holds, with what it saw."""
        assert self.order.version is not None, "only the triggers of a version are judged"
        content = await load_live(self.tx, self.order.workflow_id, self.order.version)
        account = await load_account(self.tx)
        for trigger in triggers:
            # As in the query: time means the moment of the order.
            at = self.job.created_at
            verdict = await judge_now(self.tx, account, content.definition, subject_id, trigger, now=at)
            if verdict is not None and verdict.holds:
                return trigger.id, verdict.seen
        return None

    async def _entered_since(self, each: Candidate, trigger: str) -> bool:
        """Whether a trigger took somebody up by itself since the order was given."""
        since, ids = self.job.created_at, [each.record_id]
        taken_up = await taken_up_since(self.tx, self.order.workflow_id, trigger, ids, since=since)
        return (each.record_id, each.bound_id) in taken_up

    def _request(
        self, each: Candidate, fired: tuple[str, tuple[Seen, ...]] | None, saw: dict[str, int] | None
    ) -> EnrollRequest:
        trigger, seen = fired or (None, ())
        ordered: CauseKind = "bulk" if self.order.version is None else "publish"
        return EnrollRequest(
            workflow_id=self.order.workflow_id,
            record_id=each.record_id,
            bound_id=each.bound_id,
            trigger=trigger,
            cause=Cause(kind="schedule" if self.order.occurrence is not None else ordered, id=self.job.id),
            parameters=self.order.parameters,
            saw=saw,
            seen=seen,
            starter=self.starter,
        )


async def _settle(tx: Tx, job: Job, outcomes: Sequence[Outcome]) -> None:
    """Write what became of each named record into its row."""
    rows = {row.n: row for row in await next_job_rows(tx, job.id, after=job.cursor, limit=len(outcomes))}
    settled = []
    for each in outcomes:
        row = rows[each.candidate.row or 0]
        told = {"outcome": each.outcome, "reason": each.reason, "record_id": each.candidate.record_id}
        settled.append(row.model_copy(update=told))
    if settled:
        await settle_rows(tx, settled)


async def _account(tx: Tx, job: Job, page: AudiencePage, outcomes: Sequence[Outcome], *, now: datetime) -> None:
    counts = Counter(job.counts) + Counter(each.outcome for each in outcomes)
    cursor = job.cursor + page.done
    if page.is_last:
        # Some left the audience meanwhile, some came; at the end all there were are done.
        await update_job(tx, job.id, now=now, status="done", counts=dict(counts), total=cursor, finished_at=now)
    else:
        await update_job(tx, job.id, now=now, counts=dict(counts), total=max(job.total, cursor))
