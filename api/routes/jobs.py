"""Jobs: how far long work is, and what became of each row."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Caller, Identified, Inst, Reading
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.schemas.outputs import JobRowView, JobView
from domain.entry import Decision
from domain.errors import NotFound
from domain.jobs import JobStatus
from services.jobs.jobs import steer
from store import jobs
from store.database import Read
from store.jobs import Job, JobRow

router = APIRouter(prefix="/jobs", tags=["jobs"], route_class=StorableRoute)

JobId = Annotated[str, Path(max_length=36)]
RowOutcome = Literal["created", "updated", "unchanged", "rejected", "unenrolled", "not_active"] | Decision


@router.get("", response_model=Page[JobView])
async def list_jobs(
    read: Reading, caller: Identified, paging: Paged, status: Annotated[JobStatus | None, Query()] = None
) -> Page[JobView]:
    """Jobs whose work this key may do, newest first."""
    found = await jobs.list_jobs(read, status=status, scopes=caller.scopes, after=paging.after, limit=paging.fetch)
    return page(found, paging, job_view, key=lambda job: job.id)


@router.get("/{job_id}", response_model=JobView)
async def show_job(job_id: JobId, read: Reading, caller: Identified) -> JobView:
    """One job: its progress and what it came to."""
    return job_view(await _job(read, caller, job_id))


@router.post("/{job_id}/{order}", response_model=JobView)
async def steer_job(
    job_id: JobId, order: Literal["pause", "resume", "cancel"], inst: Inst, caller: Identified, once: OnlyOnce
) -> Response:
    """Pause, resume or cancel a job between two pages; what was done stays done."""

    async def work() -> Answer:
        async with inst.db.read() as read:
            await _job(read, caller, job_id)
        return answer(job_view(await steer(inst, job_id, order)))

    return await once.run_long(work)


@router.get("/{job_id}/rows", response_model=Page[JobRowView])
async def list_rows(
    job_id: JobId,
    read: Reading,
    caller: Identified,
    paging: Paged,
    outcome: Annotated[RowOutcome | None, Query()] = None,
) -> Page[JobRowView]:
    """The rows of an import, in the order of the file; `outcome=rejected` lists what was not taken, and why.

    A job on records that were named by ids has a row for each with what became of it; one by a condition or a list has
    none.
    """
    await _job(read, caller, job_id)
    after = paging.number or 0
    found = await jobs.list_job_rows(read, job_id, outcome=outcome, after=after, limit=paging.fetch)
    return page(found, paging, _row_view, key=lambda row: str(row.n))


def job_view(job: Job) -> JobView:
    """A job as answered."""
    same = {name: getattr(job, name) for name in JobView.model_fields if name not in ("done", "decisions")}
    decisions = f"/api/v1/entry-decisions?cause={job.id}" if job.kind in ("enrollment", "retry") else None
    return JobView(**same, done=job.cursor, decisions=decisions)


def _row_view(row: JobRow) -> JobRowView:
    return JobRowView(**{name: getattr(row, name) for name in JobRowView.model_fields})


async def _job(read: Read, caller: Caller, job_id: str) -> Job:
    job = await jobs.get_job(read, job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}")
    caller.demand(job.scope)
    return job
