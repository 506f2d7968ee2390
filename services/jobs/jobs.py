"""Long work of whatever kind: starting its run, pausing, resuming and cancelling it between two pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Literal

from domain.errors import Conflict, NotFound, Unavailable
from domain.jobs import JobProgress, JobStatus
from domain.names import SIGNAL_RESUME, job_run_id
from services.installation import Installation
from store.jobs import Job, get_job, move_job, waiting_jobs

GRACE = timedelta(seconds=10)
"""How long a job that is ready may wait for its sender to start it."""

GOING: tuple[JobStatus, ...] = ("queued", "running", "paused")
ORDERS: Mapping[str, JobStatus] = {"pause": "paused", "resume": "running", "cancel": "cancelled"}


async def begin(inst: Installation, job: Job) -> None:
    """Start the run of a job that is ready.

    Raises:
        Unavailable: Temporal cannot be reached; ``begin_waiting`` does it later.
    """
    await inst.runs.start_job(job.kind, job.id)


async def begin_all(inst: Installation, jobs: Iterable[Job]) -> None:
    """Start the runs of jobs that were just committed; while Temporal is away they are left to the relays."""
    for job in jobs:
        try:
            await begin(inst, job)
        except Unavailable:
            return


async def begin_waiting(inst: Installation) -> int:
    """Start the jobs that whoever sent or resumed them could not; how many. One that has a run goes on with it.

    While Temporal is away they wait for the next time.
    """
    async with inst.db.read() as read:
        waiting = await waiting_jobs(read, before=inst.clock.now() - GRACE)
    for n, job in enumerate(waiting):
        try:
            await begin(inst, job)
        except Unavailable:
            return n
    return len(waiting)


async def steer(inst: Installation, job_id: str, order: Literal["pause", "resume", "cancel"]) -> Job:
    """Pause, resume or cancel a job between two pages; what was done stays. The same order twice is one.

    Raises:
        NotFound: no such job.
        Conflict: the job is over.
        Unavailable: the job is resumed, but Temporal cannot be told now; it looks by itself within a minute.
    """
    now, to = inst.clock.now(), ORDERS[order]
    async with inst.db.transaction() as tx:
        moved = await move_job(tx, job_id, allowed=(*GOING, to), to=to, now=now)
        job = await get_job(tx, job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}")
    if not moved:
        raise Conflict(f"the job is {job.status}: there is nothing to {order}")
    if order == "resume":
        await begin(inst, job)
        await inst.runs.signal(job_run_id(job.kind, job_id), SIGNAL_RESUME, {})
    return job


def progress_of(job: Job) -> JobProgress:
    """How far it is, as its run is told."""
    return JobProgress(status=job.status, total=job.total, cursor=job.cursor, counts=job.counts)
