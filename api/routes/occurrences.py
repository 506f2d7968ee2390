"""The times a scheduled workflow happened: what became of each, and running one that was missed."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import EnrollmentsRead, EnrollmentsWrite, Inst, Reading
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.loading import workflow_or_404
from api.paging import Page, Paged, page
from api.routes.enrollments import Slug
from api.routes.jobs import job_view
from api.schemas.occurrences import OccurrenceView, occurrence_view
from services.jobs.jobs import begin_all
from services.recurring.occurrences import run_missed
from store.database import Tx
from store.jobs import Job, get_jobs
from store.occurrences import KnownOccurrence, list_occurrences

router = APIRouter(prefix="/workflows", tags=["workflows"], route_class=StorableRoute)

Local = Annotated[
    str, Path(max_length=40, description="What the clock of the schedule shows.", examples=["2027-03-04T09:00"])
]


@router.get("/{slug}/occurrences", response_model=Page[OccurrenceView])
async def list_all(
    slug: Slug,
    read: Reading,
    _: EnrollmentsRead,
    paging: Paged,
    state: Annotated[Literal["opened", "missed"] | None, Query()] = None,
) -> Page[OccurrenceView]:
    """The times it happened or should have, newest first, each with its job; `GET /workflows/{slug}` tells the next."""
    workflow = await workflow_or_404(read, slug)
    found = await list_occurrences(read, workflow["id"], state=state, after=paging.after, limit=paging.fetch)
    jobs = await get_jobs(read, [each.job_id for each in found if each.job_id is not None])
    return page(found, paging, lambda each: _view(each, jobs.get(each.job_id or "")), key=lambda each: each.id)


@router.post(
    "/{slug}/occurrences/{instant}/run",
    status_code=202,
    response_model=OccurrenceView,
    responses={200: {"model": OccurrenceView}, **refusals(409)},
)
async def run(slug: Slug, instant: Local, inst: Inst, _: EnrollmentsWrite, once: OnlyOnce) -> Response:
    """Let in now whoever matches now, for an occurrence that was missed, or whose job failed or was cancelled.

    Whom an earlier job for it let in is left alone. Asked again, it answers with the job there is: 202 while that is at
    work, and 200 when it is done and nothing is left to do.
    """
    made: list[Job] = []

    async def work(tx: Tx) -> Answer:
        await workflow_or_404(tx, slug)
        known, job = await run_missed(tx, inst, slug, instant, now=inst.clock.now())
        if job is not None and job.status == "queued":
            made.append(job)
        return answer(_view(known, job), 200 if job is not None and job.status == "done" else 202)

    done = await once.run(work)
    done.background = BackgroundTask(begin_all, inst, made)
    return done


def _view(known: KnownOccurrence, job: Job | None) -> OccurrenceView:
    return occurrence_view(known, job_view(job) if job is not None else None)
