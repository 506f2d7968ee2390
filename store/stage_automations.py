"""Rows that say which workflow runs for what reaches a stage."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from domain.stage_automation import is_managed
from store.database import Read, Row, Tx
from store.tables import stage_automations, workflows
from store.workflows import is_gone


async def find_automation(read: Read, object: str, pipeline: str, stage: str) -> Row | None:
    """The row of the workflow of a stage; None where there is none, or it was detached or deleted."""
    named = (
        stage_automations.c.object == object,
        stage_automations.c.pipeline == pipeline,
        stage_automations.c.stage == stage,
    )
    joined = select(workflows).join(stage_automations, stage_automations.c.workflow_id == workflows.c.id)
    row = await read.one(joined.where(*named))
    return row if row is not None and is_managed(row["draft"]) and not is_gone(row) else None


async def managed_slugs(read: Read) -> frozenset[str]:
    """The workflows that belong to a stage, those included that were detached from it and that nothing took over."""
    joined = select(workflows.c.slug).join(stage_automations, stage_automations.c.workflow_id == workflows.c.id)
    return frozenset(row["slug"] for row in await read.all(joined))


async def put_automation(tx: Tx, object: str, pipeline: str, stage: str, workflow_id: str) -> None:
    """Let a workflow be that of a stage."""
    place = {"object": object, "pipeline": pipeline, "stage": stage}
    named = [stage_automations.c[name] == value for name, value in place.items()]
    await tx.run(delete(stage_automations).where(*named))
    await tx.run(insert(stage_automations).values(**place, workflow_id=workflow_id))


async def automated_stages(read: Read, object: str, pipeline: str) -> dict[str, str]:
    """The slugs of the workflows that run for stages of a pipeline, by stage; those that are off are left out."""
    joined = select(stage_automations.c.stage, workflows.c.slug, workflows.c.draft).join(
        workflows, workflows.c.id == stage_automations.c.workflow_id
    )
    mine = (stage_automations.c.object == object, stage_automations.c.pipeline == pipeline)
    rows = await read.all(joined.where(*mine, workflows.c.is_on))
    return {row["stage"]: row["slug"] for row in rows if is_managed(row["draft"])}
