"""Requests and answers about workflows: drafts, problems, versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictStr

from api.answers import Shown
from api.schemas.hooks import HookAddress
from api.schemas.occurrences import NextOccurrence
from api.schemas.records import Body, examples
from domain.base import Instant, Json
from domain.occurrences import OccurrenceAhead
from domain.problems import Problem
from services.authoring.workflows import Saved, WorkflowView
from services.intake.hooks import HookView
from services.telling.move_preview import MovePreview

DEFINITION: dict[str, Json] = {
    "slug": "welcome",
    "name": "Welcome",
    "object": "contact",
    "type": "standard",
    "entry": {"triggers": [{"id": "t1", "on": "created"}]},
    "steps": [
        {"id": "gap", "kind": "delay", "for": {"days": 1}},
        {"id": "hello", "kind": "action", "action": "create_task", "config": {"title": "Say hello"}},
    ],
}
"""The example the documentation shows."""


class PublishBody(Body):
    """How to publish, and what becomes of those inside."""

    model_config = examples({"existing_records": False, "in_flight": "stay", "dry_run": False})

    existing_records: Annotated[
        StrictBool, Field(description="Whether everybody who matches a filter trigger now enters as well.")
    ] = False
    in_flight: Annotated[
        Literal["stay", "move"],
        Field(description="Whether those inside go on with their version, or are moved to this one by a job."),
    ] = "stay"
    dry_run: Annotated[
        StrictBool, Field(description="Store nothing; answer what publishing would do with those inside.")
    ] = False


class Problems(Shown):
    """Every problem of a definition; none: it can be published."""

    problems: list[Problem]


class StepPatch(Body):
    """What is to be different about a step of the draft; null takes it away, so that the step is on, or unnamed."""

    model_config = examples({"enabled": False, "note": "Off until the new price list is out"})

    enabled: StrictBool | None = None
    note: Annotated[StrictStr | None, Field(max_length=10_000)] = None
    name: Annotated[StrictStr | None, Field(max_length=200)] = None


class CloneBody(Body):
    """What the clone is called. ``name`` null: ``Copy of …``."""

    model_config = examples({"slug": "webinar-follow-up-spring"})

    slug: Annotated[StrictStr, Field(max_length=63)]
    name: Annotated[StrictStr | None, Field(min_length=1, max_length=200)] = None


class WorkflowSummary(Shown):
    """A workflow. ``version`` is the published one, null before the first publishing.

    ``turn_off_at``: from when on nobody enters, while it is on.
    """

    id: str
    slug: str
    name: str
    folder: str
    object: str
    type: str
    is_on: bool
    is_paused: bool
    turn_off_at: Instant | None
    version: int | None
    draft_revision: int
    created_at: Instant
    updated_at: Instant


class WorkflowDetail(WorkflowSummary):
    """A workflow with its draft; the ETag of the answer names this state of it."""

    definition: Json


class WorkflowShown(WorkflowDetail):
    """A workflow with its draft, and where the webhook triggers of its published version are called.

    ``next_occurrence``: when a scheduled workflow that is on happens next.
    """

    hooks: list[HookAddress]
    next_occurrence: NextOccurrence | None


class SavedDraft(WorkflowDetail):
    """The stored draft and what still keeps it from being published."""

    problems: list[Problem]


class PublishedVersion(Shown):
    """The version that is current now, and what is worth knowing about it.

    ``job_id`` takes in existing records, ``move_job_id`` moves those inside.
    """

    slug: str
    version: int
    warnings: list[Problem]
    job_id: str | None = None
    move_job_id: str | None = None


class MoveTarget(Shown):
    """Where ``count`` of those at a step would go: to ``step``, or out, for the reason ``ends``."""

    step: str | None
    ends: str | None
    count: int


class MoveStep(Shown):
    """Those inside an older version at ``step``; null: they have not begun, or are about to end.

    ``acting_within_hour``: how many would come to an action within the hour; where something is decided, by any way.
    """

    step: str | None
    name: str
    inside: int
    to: list[MoveTarget]
    acting_within_hour: int


class PublishPreview(Shown):
    """What publishing would do; nothing was stored. ``version``: the number it would have, ``moves``: those inside.

    ``looked_at``: of how many of the ``inside`` older versions that is told. Where many are inside it is the first who
    entered, and ``moves`` counts these alone; publishing moves everybody.
    """

    slug: str
    version: int
    warnings: list[Problem]
    dry_run: Literal[True] = True
    inside: int
    looked_at: int
    moves: list[MoveStep]


class VersionSummary(Shown):
    """A published version."""

    version: int
    published_at: Instant


class VersionDetail(VersionSummary):
    """A published version with its definition, which never changes."""

    definition: Json


def publish_preview(slug: str, preview: MovePreview) -> PublishPreview:
    """What publishing would do, as answered."""
    moves = [
        MoveStep(
            step=each.step,
            name=each.name,
            inside=each.inside,
            to=[MoveTarget(**target.model_dump()) for target in each.targets],
            acting_within_hour=each.acting,
        )
        for each in preview.steps
    ]
    return PublishPreview(
        slug=slug,
        version=preview.version,
        warnings=list(preview.warnings),
        inside=preview.inside,
        looked_at=preview.looked_at,
        moves=moves,
    )


def summary(workflow: WorkflowView) -> WorkflowSummary:
    """A workflow as lists answer it."""
    return WorkflowSummary(**{name: getattr(workflow, name) for name in WorkflowSummary.model_fields})


def detail(workflow: WorkflowView) -> WorkflowDetail:
    """A workflow with its draft as answered."""
    return WorkflowDetail(**{name: getattr(workflow, name) for name in WorkflowDetail.model_fields})


def workflow_shown(workflow: WorkflowView, hooks: Sequence[HookView], ahead: OccurrenceAhead | None) -> WorkflowShown:
    """A workflow with its draft, its hooks and when it happens next."""
    found = [HookAddress(trigger=hook.trigger, path=hook.path) for hook in hooks]
    coming, off_at = None, workflow.turn_off_at
    if ahead is not None and ahead.at is not None and (off_at is None or ahead.at < off_at):
        coming = NextOccurrence(local=ahead.local, at=ahead.at, schedule=ahead.schedule)
    return WorkflowShown(**detail(workflow).model_dump(), hooks=found, next_occurrence=coming)


def saved_draft(saved: Saved) -> SavedDraft:
    """A draft that was just stored, as answered."""
    return SavedDraft(**detail(saved.workflow).model_dump(), problems=list(saved.problems))
