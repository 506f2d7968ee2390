"""Many at once: records let into a workflow, taken out of it or begun with again, by a job of its own."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import EnrollmentsWrite, Inst
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.loading import workflow_or_404
from api.routes.enrollments import Slug
from api.routes.jobs import job_view
from api.schemas.enrollments import AudienceBody, BulkBody, BulkRetryBody, RetryPreview
from api.schemas.outputs import JobView
from domain.entry_words import cause_words
from domain.jobs import JobKind
from services.installation import Installation
from services.jobs.bulk_audiences import Order
from services.jobs.bulk_enrollment import request_bulk
from services.jobs.bulk_retrying import preview_retry, request_retry
from services.jobs.jobs import begin_all
from store.database import Tx
from store.jobs import Job

router = APIRouter(tags=["enrollments"], route_class=StorableRoute)


@router.post("/workflows/{slug}/enrollments/bulk", status_code=202, response_model=JobView)
async def enroll_many(slug: Slug, body: BulkBody, inst: Inst, _: EnrollmentsWrite, once: OnlyOnce) -> Response:
    """Let many records enter, by a condition, a list or their ids; answers with the job that does it.

    Each is decided about as if it were enrolled alone: past the triggers, never past suppression, goals, exits and
    re-entry. The job counts by decision; `GET /entry-decisions?cause=<job id>` lists them with their reasons.
    """
    given = {"parameters": body.parameters, "rate_per_minute": body.rate_per_minute}
    return await _ordered(inst, once, slug, body, kind="enrollment", **given)


@router.post("/workflows/{slug}/unenroll", status_code=202, response_model=JobView)
async def unenroll_many(
    slug: Slug, body: AudienceBody, inst: Inst, caller: EnrollmentsWrite, once: OnlyOnce
) -> Response:
    """Take many records out, by a condition, a list or their ids; answers with the job that does it.

    Whatever a record runs in the workflow ends as `unenrolled`, be it bound to an opportunity or not. Who enters after
    the order stays. The job counts `unenrolled` and `not_active`; each end names the key and the job.
    """
    by = cause_words(caller.cause.kind, caller.cause.id)
    return await _ordered(inst, once, slug, body, kind="unenrollment", by=by)


@router.post(
    "/workflows/{slug}/retry", status_code=202, response_model=JobView,
    responses={200: {"model": RetryPreview, "description": "With `dry_run`: how many would begin again."}},
)  # fmt: skip
async def retry_many(slug: Slug, body: BulkRetryBody, inst: Inst, caller: EnrollmentsWrite, once: OnlyOnce) -> Response:
    """Have those begin again whose passage failed, or completed with a step that failed; answers with the job.

    Each is decided about as by `POST /enrollments/{id}/retry`, at the first step that failed so. Who ended after the
    order, or began again already, is left alone. The job counts by decision, and as `refused` whom nothing could be
    begun with.
    """
    made: list[Job] = []

    async def work(tx: Tx) -> Answer:
        workflow = await workflow_or_404(tx, slug)
        order = Order(
            kind="retry",
            workflow=slug,
            workflow_id=workflow["id"],
            object=workflow["object"],
            step=body.step,
            failure=body.class_,
            enrollments=body.ids,
            rate_per_minute=body.rate_per_minute,
            by=cause_words(caller.cause.kind, caller.cause.id),
        )
        if body.dry_run:
            steps = await preview_retry(tx, order, now=inst.clock.now())
            return answer(RetryPreview(total=sum(steps.values()), steps=dict(steps)))
        job = await request_retry(tx, order, now=inst.clock.now())
        made.append(job)
        return answer(job_view(job), 202, headers={"Location": f"/api/v1/jobs/{job.id}"})

    done = await once.run(work)
    done.background = BackgroundTask(begin_all, inst, made)
    return done


async def _ordered(
    inst: Installation, once: OnlyOnce, slug: str, body: AudienceBody, *, kind: JobKind, **given: Any
) -> Response:
    """Write the job, and begin it once that is committed."""
    made: list[Job] = []

    async def work(tx: Tx) -> Answer:
        workflow = await workflow_or_404(tx, slug)
        order = Order(
            kind=kind,
            workflow=slug,
            workflow_id=workflow["id"],
            object=workflow["object"],
            where=body.where,
            list=body.list_,
            ids=None if body.ids is None else len(body.ids),
            **given,
        )
        job = await request_bulk(tx, inst, workflow, order, ids=body.ids or (), now=inst.clock.now())
        made.append(job)
        return answer(job_view(job), 202, headers={"Location": f"/api/v1/jobs/{job.id}"})

    done = await once.run(work)
    done.background = BackgroundTask(begin_all, inst, made)
    return done
