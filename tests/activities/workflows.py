"""Other workflows an action may name, published as rows."""

from __future__ import annotations

from domain.base import Json
from domain.definition import load_definition
from domain.plan import Plan, PlanStep
from services.installation import Installation
from store.ids import new_id
from tests.builders import insert_version


async def put_workflow(inst: Installation, slug: str, *, object: str = "contact", **definition: Json) -> str:
    """A published workflow of one delay; its id."""
    now = inst.clock.now()
    workflow_id = new_id(now)
    gap: Json = {"id": "gap", "kind": "delay", "for": {"days": 1}}
    document: dict[str, Json] = {"slug": slug, "name": slug, "object": object, "steps": [gap], **definition}
    load_definition(document)
    steps = {"gap": PlanStep(id="gap", kind="delay", name="gap")}
    plan = Plan(workflow_id=workflow_id, slug=slug, name=slug, version=1, start="gap", steps=steps)
    async with inst.db.transaction() as tx:
        await insert_version(tx, document, plan, now)
    return workflow_id
