"""Pipelines: the stages that opportunities and tickets go through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Admin, Inst, Reading, RecordsRead, SetUpRead
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.loading import object_or_404, record_or_404
from api.routes.records import Object, RecordId
from api.schemas.pipelines import (
    PipelineBody,
    PipelinePatch,
    Pipelines,
    PipelineView,
    StageBody,
    StageStays,
    StageStayView,
    pipeline_view,
    status_rules,
)
from domain.errors import NotFound
from domain.schema import ObjectType, StatusFromEmail
from services.auditing import audited
from services.records.pipelines import NewStage, add_pipeline, change_pipeline, find_pipeline, remove_pipeline
from store.database import Tx
from store.pipelines import list_stays
from store.schema import load_schema

router = APIRouter(prefix="/pipelines", tags=["pipelines"], route_class=StorableRoute)
of_records = APIRouter(prefix="/records", tags=["pipelines"], route_class=StorableRoute)

Value = Annotated[str, Path(max_length=200)]


@router.get("/{object}", response_model=Pipelines)
async def list_pipelines(object: Object, read: Reading, _: SetUpRead) -> Pipelines:
    """The pipelines of an object type with their stages; none where its records have no stages."""
    target = object_or_404(await load_schema(read), object)
    return Pipelines(items=[pipeline_view(target, each) for each in target.pipelines])


@router.post("/{object}", status_code=201, response_model=PipelineView, responses=refusals(409))
async def create_pipeline(object: Object, body: PipelineBody, inst: Inst, caller: Admin, once: OnlyOnce) -> Response:
    """Add a pipeline behind those there are."""

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        async with audited(tx, caller.author, "pipeline.created", f"{object}/{body.value}", now=now):
            target = await add_pipeline(
                tx,
                object,
                body.value,
                _stages(body.stages),
                label=body.label,
                sets_close_date=body.sets_close_date,
                status_from_email=status_rules(body.status_from_email, StatusFromEmail()),
                now=now,
            )
        headers = {"Location": f"/api/v1/pipelines/{object}"}
        return answer(_view(target, body.value), 201, headers=headers)

    return await once.run(work)


@router.get("/{object}/{pipeline}", response_model=PipelineView)
async def show_pipeline(object: Object, pipeline: Value, read: Reading, _: SetUpRead) -> PipelineView:
    """One pipeline."""
    return _view(object_or_404(await load_schema(read), object), pipeline)


@router.patch("/{object}/{pipeline}", response_model=PipelineView, responses=refusals(409))
async def patch_pipeline(object: Object, pipeline: Value, body: PipelinePatch, inst: Inst, caller: Admin) -> Response:
    """Change label, place, close date switch or stages; a stage that records stand in cannot be left out."""
    async with inst.db.transaction() as tx:
        known = await find_pipeline(tx, object, pipeline)
        async with audited(tx, caller.author, "pipeline.changed", f"{object}/{pipeline}", now=inst.clock.now()):
            target = await change_pipeline(
                tx,
                object,
                pipeline,
                label=body.label,
                order=body.order,
                stages=_stages(body.stages) if body.stages is not None else None,
                sets_close_date=body.sets_close_date,
                status_from_email=status_rules(body.status_from_email, known.status_from_email),
            )
    return answer(_view(target, pipeline)).response()


@router.delete("/{object}/{pipeline}", status_code=204, responses=refusals(409))
async def delete_pipeline(object: Object, pipeline: Value, inst: Inst, caller: Admin) -> Response:
    """Remove a pipeline that no record is in."""
    async with (
        inst.db.transaction() as tx,
        audited(tx, caller.author, "pipeline.deleted", f"{object}/{pipeline}", now=inst.clock.now()),
    ):
        await remove_pipeline(tx, object, pipeline)
    return Response(status_code=204)


@of_records.get("/{object}/{record_id}/stages", response_model=StageStays)
async def list_stages(object: Object, record_id: RecordId, read: Reading, _: RecordsRead) -> StageStays:
    """In which stages a record stood, since when and until when, oldest first."""
    await record_or_404(read, object, record_id)
    stays = await list_stays(read, record_id)
    return StageStays(items=[StageStayView(**each.model_dump()) for each in stays])


def _view(target: ObjectType, value: str) -> PipelineView:
    found = next((each for each in target.pipelines if each.value == value), None)
    if found is None:
        raise NotFound(f"there is no pipeline {value} for {target.name}", code="unknown_pipeline")
    return pipeline_view(target, found)


def _stages(bodies: Sequence[StageBody]) -> list[NewStage]:
    return [NewStage(**each.model_dump()) for each in bodies]
