"""Edits of a draft without sending all of it: one step at a time, and a clone of it as another workflow."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import Answer
from api.deps import IfMatch, Inst, WorkflowsWrite
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.loading import workflow_or_404
from api.preconditions import demanded
from api.routes.enrollments import Slug
from api.routes.workflows import saved_answer
from api.schemas.workflows import CloneBody, SavedDraft, StepPatch
from services.auditing import audited, note_made
from services.authoring import editing
from store.database import Tx

router = APIRouter(prefix="/workflows", tags=["workflows"], route_class=StorableRoute)

StepName = Annotated[str, Path(max_length=40, examples=["hello"])]


@router.post("/{slug}/clone", status_code=201, response_model=SavedDraft, responses=refusals(409))
async def clone(slug: Slug, body: CloneBody, inst: Inst, caller: WorkflowsWrite, once: OnlyOnce) -> Response:
    """Store the draft as the first one of another workflow, which is off until it is published.

    Where it speaks of itself (`remove_from`, conditions on a workflow, steps that name one) it speaks of the clone;
    `managed_by` and `turn_off_at` stay behind. Webhook triggers get addresses and secrets of their own.
    """

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        made = await editing.clone_workflow(tx, inst, slug, body.slug, name=body.name, now=now)
        await note_made(tx, caller.author, "workflow.created", made.workflow.slug, now=now)
        return saved_answer(made)

    return await once.run(work)


@router.patch("/{slug}/steps/{step}", response_model=SavedDraft, responses=refusals(409, 428))
async def patch_step(
    slug: Slug, step: StepName, body: StepPatch, inst: Inst, caller: WorkflowsWrite, if_match: IfMatch = None
) -> Response:
    """Switch a step of the draft off or on, note something for colleagues, name it; published versions stay."""
    async with inst.db.transaction() as tx:
        await workflow_or_404(tx, slug)
        values = body.model_dump(include=body.model_fields_set)
        now = inst.clock.now()
        async with audited(tx, caller.author, "workflow.draft_saved", slug, now=now):
            saved = await editing.edit_step(tx, inst, slug, step, values, if_match=demanded(if_match), now=now)
    return saved_answer(saved).response()


@router.delete("/{slug}/steps/{step}", response_model=SavedDraft, responses=refusals(409, 428))
async def delete_step(
    slug: Slug,
    step: StepName,
    inst: Inst,
    caller: WorkflowsWrite,
    if_match: IfMatch = None,
    and_after: Annotated[bool, Query(description="Also every step below it in the same list.")] = False,
) -> Response:
    """Take a step out of the draft, with all that stands inside it. What led to it is among the problems answered."""
    async with inst.db.transaction() as tx:
        await workflow_or_404(tx, slug)
        now, matched = inst.clock.now(), demanded(if_match)
        async with audited(tx, caller.author, "workflow.draft_saved", slug, now=now):
            saved = await editing.delete_step(tx, inst, slug, step, and_after=and_after, if_match=matched, now=now)
    return saved_answer(saved).response()
