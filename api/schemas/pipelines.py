"""Requests and answers about pipelines and the stages of records."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, StrictStr

from api.answers import Shown
from api.schemas.records import Body, examples
from domain.base import Instant
from domain.builtin import STAGE
from domain.schema import ObjectType, Pipeline, StatusFromEmail, StatusRule

Value = Annotated[StrictStr, Field(min_length=1, max_length=200)]


class StageBody(Body):
    """A stage, in its place. ``closed``: whether standing there ends the matter; a known stage keeps what it is."""

    value: Value
    label: Value | None = None
    closed: StrictBool | None = None


class StatusRuleBody(Body):
    """A switch, and the stage that tickets go to while it is on."""

    on: StrictBool
    stage: Value | None = None


class StatusFromEmailBody(Body):
    """What mail does to tickets. ``sent``: a colleague mailed the contact; ``replied``: the contact answered."""

    model_config = examples({"replied": {"on": True, "stage": "Waiting on us"}})

    sent: StatusRuleBody | None = None
    replied: StatusRuleBody | None = None


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
    status_from_email: StatusFromEmailBody | None = None


class PipelinePatch(Body):
    """What is to be different; ``stages`` is the whole list in its order, and who is left out is removed."""

    model_config = examples({"sets_close_date": False})

    label: Value | None = None
    order: StrictInt | None = None
    stages: Annotated[list[StageBody], Field(max_length=200)] | None = None
    sets_close_date: StrictBool | None = None
    status_from_email: StatusFromEmailBody | None = None


class StageView(Shown):
    """A stage of a pipeline."""

    value: str
    label: str
    closed: bool


class PipelineView(Shown):
    """A pipeline with its stages in order. ``sets_close_date``: closing a record gives it its close date.

    ``status_from_email``: where tickets go when somebody mails about them.
    """

    object: str
    value: str
    label: str
    order: int
    stages: list[StageView]
    sets_close_date: bool
    status_from_email: StatusFromEmail


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
        status_from_email=pipeline.status_from_email,
    )


def status_rules(body: StatusFromEmailBody | None, known: StatusFromEmail) -> StatusFromEmail | None:
    """The rules as they are to be; who is not mentioned stays. None: nobody is."""
    if body is None:
        return None
    given = {name: StatusRule(**rule.model_dump()) for name in body.model_fields_set if (rule := getattr(body, name))}
    return known.model_copy(update=given)
