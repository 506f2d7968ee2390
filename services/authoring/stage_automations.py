"""Steps that are attached to a stage: an ordinary workflow that the pipeline maintains, until somebody detaches it.

Whoever opens it may extend it; what is attached again replaces its triggers and steps and leaves the rest as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.base import Frozen, Json
from domain.conversations import TICKET
from domain.emails import EmailContent
from domain.errors import Invalid, NotFound
from domain.problems import FieldError, Problem
from domain.schema import Pipeline
from domain.stage_automation import automation_slug, includes_chat, new_document, with_automation
from services.authoring.emails import create_email
from services.authoring.workflows import create_workflow, publish, save_draft, turn_off
from services.installation import Installation
from services.records.pipelines import find_pipeline
from services.workflow_views import WorkflowView, view_of
from store.changes import Stamp
from store.database import Read, Row, Tx
from store.emails import find_email
from store.locks import lock_schema
from store.schema import load_schema
from store.stage_automations import find_automation, put_automation
from store.workflows import find_workflow

RECEIVED, CLOSED = "ticket-received", "ticket-closed"
BUILT_IN = {
    RECEIVED: (
        "Ticket received",
        EmailContent(
            subject="We have received your request: {{ ticket.subject }}",
            html="<p>Hello {{ contact.first_name | default: 'there' }},</p>"
            "<p>Thank you for writing to us about “{{ ticket.subject }}”. We are looking into it and will answer you "
            "as soon as we can. Answer this email if there is something to add.</p><p>{{ sender.name }}</p>",
        ),
    ),
    CLOSED: (
        "Ticket closed",
        EmailContent(
            subject="Your request is closed: {{ ticket.subject }}",
            html="<p>Hello {{ contact.first_name | default: 'there' }},</p>"
            "<p>We have closed your request “{{ ticket.subject }}”. If something is still open, answer this email and "
            "we take it up again.</p><p>{{ sender.name }}</p>",
        ),
    ),
}
"""Emails that are added when steps name them first; from then on they are changed like any other."""


class StageAutomation(Frozen):
    """What is attached to a stage. ``problems`` of its draft; ``version`` None: it was never published."""

    object: str
    pipeline: str
    stage: str
    workflow: WorkflowView
    include_chat: bool


class Attached(Frozen):
    """The automation as it is now; ``created``: its workflow is a new one."""

    automation: StageAutomation
    warnings: tuple[Problem, ...]
    created: bool


async def show_automation(read: Read, inst: Installation, object: str, pipeline: str, stage: str) -> StageAutomation:
    """What is attached to a stage.

    Raises:
        NotFound: there is no such pipeline or stage, or nothing is attached, or it was detached.
    """
    await _stage(read, object, pipeline, stage)
    row = await find_automation(read, object, pipeline, stage)
    if row is None:
        raise NotFound(f"nothing is attached to {stage}", code="no_automation")
    return _shown(inst, object, pipeline, stage, row)


async def attach_steps(
    tx: Tx,
    inst: Installation,
    object: str,
    pipeline: str,
    stage: str,
    steps: Sequence[Json],
    stamp: Stamp,
    *,
    include_chat: bool | None = None,
) -> Attached:
    """Let these steps run for whatever reaches a stage, from now on; who is inside stays in the version it is in.

    ``include_chat`` None: as it is; at first tickets of chats are left out.

    Raises:
        NotFound: there is no such pipeline or stage.
        Invalid: there are no steps, or they have problems; every mistake is listed by its place among them.
    """
    # Whoever attaches at the same moment waits, so that there is one workflow.
    await lock_schema(tx)
    found = await _stage(tx, object, pipeline, stage)
    if not steps:
        words = "attach at least one step, or remove the automation (DELETE)"
        raise Invalid(words, errors=[FieldError(path="/steps", code="missing_field", message=words)])
    if include_chat and object != TICKET:
        words = "only tickets come from chats"
        raise Invalid(words, errors=[FieldError(path="/include_chat", code="wrong_value", message=words)])
    await _add_emails(tx, inst, object, steps, stamp)
    known = await find_automation(tx, object, pipeline, stage)
    slug = known["slug"] if known is not None else await _free_slug(tx, automation_slug(object, pipeline, stage))
    label = await _label(tx, object, stage)
    base = known["draft"] if known is not None else new_document(object, found.label, stage, slug=slug, label=label)
    if include_chat is None:
        include_chat = known is not None and object == TICKET and includes_chat(known["draft"])
    document = with_automation(
        base, object=object, pipeline=pipeline, stage=stage, steps=steps, include_chat=include_chat
    )
    if known is None:
        made = await create_workflow(tx, inst, document, now=stamp.now)
        await put_automation(tx, object, pipeline, stage, made.workflow.id)
    else:
        await save_draft(tx, inst, slug, document, if_match="*", now=stamp.now)
    published = await publish(tx, inst, slug, now=stamp.now)
    shown = await show_automation(tx, inst, object, pipeline, stage)
    return Attached(automation=shown, warnings=published.warnings, created=known is None)


async def remove_automation(tx: Tx, inst: Installation, object: str, pipeline: str, stage: str, stamp: Stamp) -> None:
    """Let nothing run any more; who is inside finishes, and the workflow stays with all it did.

    Raises:
        NotFound: there is no such pipeline or stage, or nothing is attached.
    """
    await lock_schema(tx)
    shown = await show_automation(tx, inst, object, pipeline, stage)
    await turn_off(tx, inst, shown.workflow.slug, now=stamp.now)


async def detach_automation(
    tx: Tx, inst: Installation, object: str, pipeline: str, stage: str, stamp: Stamp
) -> WorkflowView:
    """Let the workflow be nobody's: it goes on as it is, and what is attached next gets a workflow of its own.

    Raises:
        NotFound: there is no such pipeline or stage, or nothing is attached.
    """
    await lock_schema(tx)
    shown = await show_automation(tx, inst, object, pipeline, stage)
    row = await find_workflow(tx, shown.workflow.slug)
    assert row is not None, "it was just shown"
    draft = {**row["draft"], "managed_by": None}
    return (await save_draft(tx, inst, shown.workflow.slug, draft, if_match="*", now=stamp.now)).workflow


async def _stage(read: Read, object: str, pipeline: str, stage: str) -> Pipeline:
    found = await find_pipeline(read, object, pipeline)
    if stage not in found.stages:
        words = f"the pipeline {pipeline} has no stage {stage!r}; its stages: {', '.join(found.stages)}"
        raise NotFound(words, code="unknown_stage")
    return found


async def _label(read: Read, object: str, stage: str) -> str:
    known = (await load_schema(read)).objects[object].properties["stage"].option(stage)
    return known.label if known is not None else stage


async def _free_slug(read: Read, wanted: str) -> str:
    slug, n = wanted, 1
    while await find_workflow(read, slug) is not None:
        n += 1
        slug = f"{wanted}-{n}"
    return slug


async def _add_emails(tx: Tx, inst: Installation, object: str, steps: Sequence[Json], stamp: Stamp) -> None:
    """Add the built-in emails that steps about tickets name and nobody has yet."""
    if object != TICKET:
        return
    for slug, (name, content) in BUILT_IN.items():
        if _names(steps, slug) and await find_email(tx, slug) is None:
            await create_email(tx, inst, slug, content, stamp, name=name)


def _names(value: Json | Sequence[Json], slug: str) -> bool:
    if isinstance(value, dict):
        return value.get("email") == slug or any(_names(each, slug) for each in value.values())
    return isinstance(value, (list, tuple)) and any(_names(each, slug) for each in value)


def _shown(inst: Installation, object: str, pipeline: str, stage: str, row: Row) -> StageAutomation:
    return StageAutomation(
        object=object,
        pipeline=pipeline,
        stage=stage,
        workflow=view_of(row, inst),
        include_chat=includes_chat(row["draft"]),
    )
