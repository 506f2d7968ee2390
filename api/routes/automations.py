"""Steps attached to stages: what runs for whatever reaches one."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Caller, Inst, Reading, WorkflowsPublish, WorkflowsRead
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.routes.records import Object
from api.schemas.automations import (
    AttachedView,
    AutomationBody,
    AutomationView,
    DetachedView,
    attached_view,
    automation_view,
)
from domain.audit import What
from services.auditing import audited, note_made
from services.authoring import stage_automations as services
from services.authoring.workflows import examine_ahead
from store.changes import Stamp
from store.database import Tx
from store.stage_automations import find_automation

router = APIRouter(prefix="/pipelines", tags=["pipelines"], route_class=StorableRoute)

Pipeline = Annotated[str, Path(max_length=200, examples=["default"])]
Stage = Annotated[str, Path(max_length=200, examples=["Closed"])]
PUBLISHED: What = "workflow.published"
PATH = "/{object}/{pipeline}/stages/{stage}/automation"


@router.get(PATH, response_model=AutomationView)
async def show_automation(
    object: Object, pipeline: Pipeline, stage: Stage, inst: Inst, read: Reading, _: WorkflowsRead
) -> AutomationView:
    """What is attached to a stage."""
    return automation_view(await services.show_automation(read, inst, object, pipeline, stage))


@router.put(PATH, response_model=AttachedView, responses=refusals(404, 413))
async def attach_steps(
    object: Object, pipeline: Pipeline, stage: Stage, body: AutomationBody, inst: Inst, caller: WorkflowsPublish
) -> Response:
    """Let steps run for whatever reaches a stage. The same again changes nothing, other ones are a new version."""
    await examine_ahead(inst, {"slug": "ahead", "name": "ahead", "object": object, "steps": body.steps})
    stamp = Stamp(now=inst.clock.now(), cause=caller.cause)
    async with inst.db.transaction() as tx:
        known = await find_automation(tx, object, pipeline, stage)
        slug = known["slug"] if known is not None else None
        async with _published(tx, caller, slug, stamp):
            made = await services.attach_steps(
                tx, inst, object, pipeline, stage, body.steps, stamp, include_chat=body.include_chat
            )
        if slug is None:
            await note_made(tx, caller.author, PUBLISHED, made.automation.workflow.slug, now=stamp.now)
    return answer(attached_view(made), 201 if made.created else 200).response()


@router.delete(PATH, status_code=204)
async def remove_automation(
    object: Object, pipeline: Pipeline, stage: Stage, inst: Inst, caller: WorkflowsPublish
) -> Response:
    """Let nothing run for a stage any more. Who is inside finishes; the workflow stays, turned off."""
    async with inst.db.transaction() as tx:
        now = inst.clock.now()
        slug = (await services.show_automation(tx, inst, object, pipeline, stage)).workflow.slug
        async with audited(tx, caller.author, "workflow.turned_off", slug, now=now):
            await services.remove_automation(tx, inst, object, pipeline, stage, Stamp(now=now, cause=caller.cause))
    return Response(status_code=204)


@router.post(PATH + "/detach", response_model=DetachedView, responses=refusals(404))
async def detach_automation(
    object: Object, pipeline: Pipeline, stage: Stage, inst: Inst, caller: WorkflowsPublish, once: OnlyOnce
) -> Response:
    """Let the workflow of a stage be one of its own: it goes on, and the pipeline changes it no more."""

    async def work(tx: Tx) -> Answer:
        stamp = Stamp(now=inst.clock.now(), cause=caller.cause)
        slug = (await services.show_automation(tx, inst, object, pipeline, stage)).workflow.slug
        async with audited(tx, caller.author, "workflow.draft_saved", slug, now=stamp.now):
            made = await services.detach_automation(tx, inst, object, pipeline, stage, stamp)
        return answer(DetachedView(workflow=made.slug, is_on=made.is_on))

    return await once.run(work)


def _published(tx: Tx, caller: Caller, slug: str | None, stamp: Stamp) -> AbstractAsyncContextManager[None]:
    """Writes down that the workflow of a stage is published; of one that is made only now, nothing is known before."""
    return audited(tx, caller.author, PUBLISHED, slug, now=stamp.now) if slug is not None else nullcontext()
