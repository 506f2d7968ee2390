"""Rows of jobs: long work with its progress, and the rows it goes through."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, insert, or_, select, update

from domain.base import Frozen, Instant, Json
from domain.jobs import TO_DO, JobKind, JobStatus
from store.database import ROWS_PER_STATEMENT, Read, Tx
from store.ids import new_id
from store.tables import job_rows, jobs


class Job(Frozen):
    """One piece of long work. ``scope`` is what a key needs to see it; ``cursor`` is the number of rows gone through.

    ``place``: behind which record it goes on, where it goes through records.
    ``counts``: ``{"created": 12, "rejected": 1}``; ``input`` is what it was asked to do.
    """

    id: str
    kind: JobKind
    scope: str
    status: JobStatus
    input: dict[str, Json]
    counts: dict[str, int]
    total: int
    cursor: int
    place: str | None = None
    error: str | None
    created_at: Instant
    updated_at: Instant
    finished_at: Instant | None


class JobRow(Frozen):
    """One row: ``n`` counts from 1, ``line`` is the physical line of the file, ``cells`` what stands in it."""

    job_id: str
    n: int
    line: int
    cells: Json
    key: str | None = None
    outcome: str | None = None
    code: str | None = None
    reason: str | None = None
    record_id: str | None = None


_ROW = [job_rows.c[name] for name in JobRow.model_fields]


async def insert_job(
    tx: Tx, *, kind: JobKind, scope: str, input: Mapping[str, Json], total: int = 0, now: datetime
) -> Job:
    """Write a new, queued job without rows."""
    job = Job(
        id=new_id(now), kind=kind, scope=scope, status="queued", input=dict(input), counts={}, total=total, cursor=0,
        error=None, created_at=now, updated_at=now, finished_at=None,
    )  # fmt: skip
    await tx.run(insert(jobs).values(**job.model_dump()))
    return job


async def get_job(read: Read, id: str) -> Job | None:
    """The job, or None."""
    row = await read.one(select(jobs).where(jobs.c.id == id))
    return Job(**row) if row else None


async def get_jobs(read: Read, ids: Collection[str]) -> dict[str, Job]:
    """The jobs of these ids that there are."""
    rows = await read.all(select(jobs).where(jobs.c.id.in_(sorted(ids)))) if ids else []
    return {row["id"]: Job(**row) for row in rows}


async def list_jobs(
    read: Read,
    *,
    kind: str | None = None,
    status: str | None = None,
    scopes: Collection[str] | None = None,
    after: str | None = None,
    limit: int,
) -> list[Job]:
    """Up to ``limit`` jobs, newest first, older than the id ``after``; ``scopes``: only those a key may see."""
    page = select(jobs)
    if scopes is not None:
        page = page.where(jobs.c.scope.in_(sorted(scopes)))
    if kind is not None:
        page = page.where(jobs.c.kind == kind)
    if status is not None:
        page = page.where(jobs.c.status == status)
    if after is not None:
        page = page.where(jobs.c.id < after)
    return [Job(**row) for row in await read.all(page.order_by(jobs.c.id.desc()).limit(limit))]


async def update_job(tx: Tx, id: str, *, now: datetime, **values: Any) -> None:
    """Set columns of a job: ``status``, ``counts``, ``total``, ``cursor``, ``error``, ``finished_at``."""
    await tx.run(update(jobs).where(jobs.c.id == id).values(updated_at=now, **values))


async def claim_page(tx: Tx, job: Job, *, through: int, place: str | None = None, now: datetime) -> bool:
    """Move the cursor to ``through`` and the job to running; False when another attempt moved it, or it was stopped.

    ``place``: behind which record it goes on, where it goes through records. The row of the job stays locked until the
    commit, so a page is worked on once.
    """
    mine = (
        jobs.c.id == job.id,
        jobs.c.cursor == job.cursor,
        jobs.c.place.is_not_distinct_from(job.place),
        jobs.c.status.in_(TO_DO),
    )
    values = {"status": "running", "cursor": through, "place": place, "updated_at": now}
    return await tx.run(update(jobs).where(*mine).values(values)) == 1


async def move_job(tx: Tx, job_id: str, *, allowed: Collection[JobStatus], to: JobStatus, now: datetime) -> bool:
    """Give a job another status; False when it has none of those allowed any more. A cancelled job is over."""
    values = {"status": to, "updated_at": now, **({"finished_at": now} if to == "cancelled" else {})}
    mine = (jobs.c.id == job_id, jobs.c.status.in_(allowed))
    return await tx.run(update(jobs).where(*mine).values(values)) == 1


async def waiting_jobs(read: Read, *, before: datetime) -> list[Job]:
    """The jobs that were ready, or resumed, before this instant and of which no page was worked on."""
    ready = (jobs.c.status.in_(TO_DO), jobs.c.cursor == 0, jobs.c.place.is_(None))
    rows = await read.all(select(jobs).where(*ready, jobs.c.updated_at < before).order_by(jobs.c.id))
    return [Job(**row) for row in rows]


async def begun_jobs(read: Read, *, before: datetime) -> list[Job]:
    """The running jobs of which a page was worked on, the last one before this instant."""
    begun = (jobs.c.status == "running", or_(jobs.c.cursor > 0, jobs.c.place.is_not(None)))
    rows = await read.all(select(jobs).where(*begun, jobs.c.updated_at < before).order_by(jobs.c.id))
    return [Job(**row) for row in rows]


class JobTotal(Frozen):
    """The jobs of a kind and a status: how many, and since when the one stands that was longest not worked on."""

    kind: JobKind
    status: JobStatus
    total: int
    since: Instant


async def count_jobs(read: Read) -> list[JobTotal]:
    """All jobs by kind and status; not those whose upload is still arriving, or never arrived completely."""
    arriving = and_(jobs.c.status == "failed", jobs.c.finished_at.is_(None))
    since = func.min(jobs.c.updated_at, type_=jobs.c.updated_at.type)
    counted = select(jobs.c.kind, jobs.c.status, func.count().label("total"), since.label("since"))
    rows = await read.all(counted.where(~arriving).group_by(jobs.c.kind, jobs.c.status))
    return [JobTotal(**row) for row in rows]


async def unfinished_jobs(read: Read) -> list[Job]:
    """The jobs that are ready, under way or paused."""
    going = jobs.c.status.in_(("queued", "running", "paused"))
    return [Job(**row) for row in await read.all(select(jobs).where(going).order_by(jobs.c.id))]


async def fail_job(tx: Tx, seen: Job, error: str, *, now: datetime) -> bool:
    """End a job that stands as it was seen; False when anything happened to it since."""
    mine = (jobs.c.id == seen.id, jobs.c.status == seen.status, jobs.c.updated_at == seen.updated_at)
    values = {"status": "failed", "error": error, "updated_at": now, "finished_at": now}
    return await tx.run(update(jobs).where(*mine).values(values)) == 1


async def insert_job_rows(tx: Tx, rows: Sequence[JobRow]) -> None:
    """Write new rows of a job."""
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        page = [row.model_dump() for row in rows[start : start + ROWS_PER_STATEMENT]]
        await tx.run(insert(job_rows), page)


async def next_job_rows(read: Read, job_id: str, *, after: int, limit: int) -> list[JobRow]:
    """Up to ``limit`` rows after the number ``after``, in order."""
    page = select(*_ROW).where(job_rows.c.job_id == job_id, job_rows.c.n > after)
    return [JobRow(**row) for row in await read.all(page.order_by(job_rows.c.n).limit(limit))]


async def list_job_rows(
    read: Read, job_id: str, *, outcome: str | None = None, after: int = 0, limit: int
) -> list[JobRow]:
    """Up to ``limit`` rows after the number ``after``, all or of one outcome."""
    page = select(*_ROW).where(job_rows.c.job_id == job_id, job_rows.c.n > after)
    if outcome is not None:
        page = page.where(job_rows.c.outcome == outcome)
    return [JobRow(**row) for row in await read.all(page.order_by(job_rows.c.n).limit(limit))]
