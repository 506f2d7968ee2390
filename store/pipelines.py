"""Rows of pipelines, which belong to the schema, and of the stays of records in stages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Text, bindparam, delete, func, insert, literal, or_, select, update

from domain.base import Frozen, Instant
from domain.builtin import PIPELINE, STAGE
from domain.records import Cause
from domain.schema import ObjectType, Pipeline
from store.database import Read, Tx
from store.documents import TextOf
from store.ids import new_id
from store.schema import raise_revision
from store.tables import pipelines, records, stage_stays

_LEAVE = (
    update(stage_stays)
    .where(stage_stays.c.record_id.in_(bindparam("of_records", expanding=True)), stage_stays.c.left_at.is_(None))
    .values(left_at=bindparam("now"))
)


class StageStay(Frozen):
    """How long a record stood in a stage; ``left_at`` None: it stands there still. ``cause``: who moved it there."""

    pipeline: str | None
    stage: str
    entered_at: Instant
    left_at: Instant | None
    cause_kind: str
    cause_id: str | None


async def insert_pipeline(tx: Tx, object: str, pipeline: Pipeline, *, now: datetime) -> bool:
    """Write a new pipeline; False when there is one of this value."""
    made = await tx.insert_ignore(pipelines, [{"object": object, **pipeline.model_dump(), "created_at": now}])
    await raise_revision(tx)
    return made == 1


async def replace_pipeline(tx: Tx, object: str, pipeline: Pipeline) -> None:
    """Write everything of a pipeline over what is stored under its value."""
    mine = (pipelines.c.object == object, pipelines.c.value == pipeline.value)
    await tx.run(update(pipelines).where(*mine).values(**pipeline.model_dump(exclude={"value"})))
    await raise_revision(tx)


async def delete_pipeline(tx: Tx, object: str, value: str) -> None:
    """Forget a pipeline; stays of records in it are kept."""
    await tx.run(delete(pipelines).where(pipelines.c.object == object, pipelines.c.value == value))
    await raise_revision(tx)


async def count_in(read: Read, target: ObjectType, pipeline: str, stages: Collection[str]) -> dict[str, int]:
    """How many records stand in each of the stages of a pipeline; a stage nobody stands in is absent.

    A record that names no pipeline is in the first one.
    """
    stage, named = _text(STAGE), _text(PIPELINE)
    is_first = target.pipelines[0].value == pipeline
    inside = or_(named == pipeline, named.is_(None)) if is_first else named == pipeline
    standing = (
        select(stage.label("stage"), func.count().label("count"))
        .where(records.c.object == target.name, records.c.deleted_at.is_(None), inside, stage.in_(sorted(stages)))
        .group_by(stage)
    )
    return {row["stage"]: row["count"] for row in await read.all(standing)}


def _text(property: str) -> ColumnElement[str]:
    return TextOf(records.c.properties, literal(property, Text()))


class Stand(Frozen):
    """A record that begins to stand in ``stage`` of ``pipeline``, and no more where it stood; None: nowhere."""

    record_id: str
    pipeline: str | None
    stage: str | None


async def write_stands(tx: Tx, stands: Sequence[Stand], cause: Cause, *, now: datetime) -> None:
    """End the stays of these records, and begin those that are asked for."""
    await tx.run(_LEAVE, of_records=[each.record_id for each in stands], now=now)
    rows = [
        {
            "id": new_id(now),
            "record_id": each.record_id,
            "pipeline": each.pipeline,
            "stage": each.stage,
            "cause_kind": cause.kind,
            "cause_id": cause.id,
            "entered_at": now,
            "left_at": None,
        }
        for each in stands
        if each.stage is not None
    ]
    if rows:
        await tx.run(insert(stage_stays), rows)


async def list_stays(read: Read, record_id: str) -> list[StageStay]:
    """Where a record stood, oldest first."""
    columns = [stage_stays.c[name] for name in StageStay.model_fields]
    mine = select(*columns).where(stage_stays.c.record_id == record_id).order_by(stage_stays.c.id)
    return [StageStay(**row) for row in await read.all(mine)]
