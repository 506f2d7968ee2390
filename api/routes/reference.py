"""What a definition may be made of: the actions and the JSON Schema of the whole document."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import Shown
from api.deps import Inst, WorkflowsRead
from api.limits import StorableRoute
from domain.base import Json
from domain.definition import Definition

router = APIRouter(tags=["reference"], route_class=StorableRoute)


class ActionView(Shown):
    """An action. ``effect``: inside (our database only) or outside (the world notices); ``config``: a JSON Schema."""

    name: str
    title: str
    description: str
    effect: str
    outcomes: list[str]
    config: dict[str, Json]


class Actions(Shown):
    """All actions."""

    items: list[ActionView]


@router.get("/actions", response_model=Actions)
async def list_actions(inst: Inst, _: WorkflowsRead) -> Actions:
    """The actions a step can have, each with the JSON Schema of its config."""
    return Actions(
        items=[
            ActionView(
                name=spec.name,
                title=spec.title,
                description=spec.description,
                effect=spec.effect,
                outcomes=list(spec.outcomes),
                config=spec.json_schema(),
            )
            for spec in sorted(inst.actions.values(), key=lambda spec: spec.name)
        ]
    )


@router.get("/schemas/definition", response_model=dict[str, Json])
async def show_definition_schema(_: WorkflowsRead) -> dict[str, Json]:
    """The JSON Schema of a workflow definition."""
    schema: dict[str, Json] = Definition.model_json_schema()
    return schema
