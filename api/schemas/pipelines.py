"""Requests and answers about pipelines and the stages of records."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, StrictStr

from api.answers import Shown
from api.schemas.records import Body, examples
from domain.base import Instant
from domain.builtin import STAGE
from domain.schema import ObjectType, Pipeline

Value = Annotated[StrictStr, Field(min_length=1, max_length=200)]


class StageBody(Body):
    """A stage, in its place. ``closed``: whether standing there ends the matter; a known stage keeps what it is."""

    value: Value
    label: Value | None = None
    closed: StrictBool | None = None


class PipelineBody(Body):
    """A new pipeline; stages of others may be part of it."""

    model_config = examples(
        {
            "value": "renewals",
            "label": "Renewals",
            "stages": [{"value": "Due"}, {"value": "Engaging"}, {"value": "Renewed", "closed": True}],
        }
    )

    value: Value
    label: Value | None = None
    stages: Annotated[list[StageBody], Field(max_length=200)]
    sets_close_date: StrictBool = True


class PipelinePatch(Body):
    """What is to be different; ``stages`` is the whole list in its order, and who is left out is removed."""

    model_config = examples({"sets_close_date": False})

    label: Value | None = None
    order: StrictInt | None = None
    stages: Annotated[list[StageBody], Field(max_length=200)] | None = None
    sets_close_date: StrictBool | None = None


class StageView(Shown):
    """A stage of a pipeline."""

    value: str
    label: str
    closed: bool


class PipelineView(Shown):
    """A pipeline with its stages in order. ``sets_close_date``: closing a record gives it its close date."""

    object: str
    value: str
    label: str
    order: int
    stages: list[StageView]
    sets_close_date: bool


class Pipelines(Shown):
    """The pipelines of an object type, in their order; the first is that of records which name none."""

    items: list[PipelineView]


class StageStayView(Shown):
    """How long a record stood in a stage; ``left_at`` null: it stands there still."""

    pipeline: str | None
    stage: str
    entered_at: Instant
    left_at: Instant | None
    cause_kind: str
    cause_id: str | None


class StageStays(Shown):
    """Where a record stood, oldest first."""

    items: list[StageStayView]


def pipeline_view(target: ObjectType, pipeline: Pipeline) -> PipelineView:
    """A pipeline as answered."""
    options = {each.value: each for each in target.properties[STAGE].options}
    stages = [options[value] for value in pipeline.stages]
    return PipelineView(
        object=target.name,
        value=pipeline.value,
        label=pipeline.label,
        order=pipeline.order,
        stages=[StageView(value=each.value, label=each.label, closed=each.closed) for each in stages],
        sets_close_date=pipeline.sets_close_date,
    )
