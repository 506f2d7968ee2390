"""Requests and answers about the steps that are attached to stages."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool

from api.answers import Shown
from api.schemas.records import Body, examples
from domain.base import Json
from domain.problems import Problem
from services.authoring.stage_automations import Attached, StageAutomation

Steps = Annotated[list[Json], Field(max_length=500, description="Steps, as a definition has them.")]


class AutomationBody(Body):
    """The steps that run for what reaches a stage.

    ``include_chat``: also for tickets of chats and messengers; null: as it is, at first not.
    """

    model_config = examples(
        {
            "steps": [
                {
                    "id": "received",
                    "kind": "action",
                    "action": "send_email",
                    "config": {"email": "ticket-received", "transactional": True},
                }
            ]
        }
    )

    steps: Steps
    include_chat: StrictBool | None = None


class AutomationView(Shown):
    """What is attached to a stage: the slug of its workflow, one like any other, and the version it runs in."""

    object: str
    pipeline: str
    stage: str
    workflow: str
    version: int | None
    is_on: bool
    include_chat: bool
    steps: list[Json]


class AttachedView(AutomationView):
    """The same as it is after a change; ``warnings`` keep nothing from running."""

    warnings: list[Problem]


class DetachedView(Shown):
    """The workflow that was attached: nobody's now, and it goes on as it is."""

    workflow: str
    is_on: bool


def automation_view(shown: StageAutomation) -> AutomationView:
    """What is attached, as it is shown."""
    definition = shown.workflow.definition
    steps = definition.get("steps") if isinstance(definition, dict) else None
    return AutomationView(
        object=shown.object,
        pipeline=shown.pipeline,
        stage=shown.stage,
        workflow=shown.workflow.slug,
        version=shown.workflow.version,
        is_on=shown.workflow.is_on,
        include_chat=shown.include_chat,
        steps=steps if isinstance(steps, list) else [],
    )


def attached_view(made: Attached) -> AttachedView:
    """What was attached, as it is answered."""
    return AttachedView(**automation_view(made.automation).model_dump(), warnings=list(made.warnings))
