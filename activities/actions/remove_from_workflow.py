"""Takes the record, or associated ones, out of another workflow; or out of this one, which ends here.

Inside: the ends and the visit are one transaction. Who is not in the workflow is left alone, which is no failure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pydantic import Field

from activities.action import Action, InsideContext, Leaving, Outputs, Target
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import Of
from domain.errors import StepFailed, StepSkipped
from domain.fields import WorkflowSlug
from domain.messages import EndReason
from domain.reader import similar
from services.leaving.removing import remove_from
from services.running.targets import meant_records
from store.workflows import find_workflow

REASON: EndReason = "removed_by_workflow"


class RemoveFromWorkflowConfig(ActionConfig):
    """Which workflow is left, and by whom."""

    workflow: WorkflowSlug | None = Field(
        default=None, title="Workflow", description="The slug of the workflow to leave; this one if empty."
    )
    of: Of | None = Field(
        default=None, title="Who", description="Associated records that leave instead of the enrolled one; may be many."
    )


def check(config: RemoveFromWorkflowConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find a workflow that is not there or about other records."""
    if config.of is not None and scope.schema_.object(config.of.object) is None:
        words = f"there is no object type {config.of.object!r}"
        yield Finding(path="/of/object", code="unknown_object", message=words)
        return
    if config.of is not None and config.of.match == "none":
        yield Finding(path="/of/match", code="wrong_value", message="nobody can leave among no records")
    object = scope.object if config.of is None else config.of.object
    if config.workflow in (None, scope.slug):
        if object != scope.object:
            words = f"this workflow is about {scope.object} records, not {object}; name another one, or take this out"
            yield Finding(path="/of/object", code="wrong_value", message=words)
        return
    known = scope.workflows.get(config.workflow)
    if known is None:
        words = f"there is no workflow {config.workflow!r}{similar(config.workflow, scope.workflows)}"
        yield Finding(path="/workflow", code="unknown_workflow", message=words)
    elif known.object != object:
        words = f"{config.workflow} is about {known.object} records, not {object}"
        yield Finding(path="/workflow", code="wrong_value", message=words)


def objects(config: RemoveFromWorkflowConfig) -> Collection[str]:
    """Associated objects that leave."""
    return {config.of.object} if config.of is not None else ()


def target(config: RemoveFromWorkflowConfig) -> Target | None:
    """Who leaves is locked like what is written; who leaves this workflow is locked anyway."""
    return Target(of=config.of) if config.workflow is not None else None


async def run(context: InsideContext, config: RemoveFromWorkflowConfig) -> Outputs | Leaving:
    """End what runs there; ``removed`` is how many enrollments."""
    passed = context.passed
    own = passed.content.plan.slug
    if config.workflow in (None, own):
        return Leaving(outputs={"removed": 1}, reason=REASON, detail=own)
    workflow = await find_workflow(context.tx, config.workflow)
    if workflow is None:
        raise StepFailed("broken_reference", f"there is no workflow {config.workflow!r} any more")
    leaving = meant_records(passed.facts, config.of)
    if not leaving:
        raise StepSkipped("no_record", f"there is no {workflow['object']} to take out")
    ids = [record.id for record in leaving]
    removed = await remove_from(context.tx, workflow["id"], ids, by=own, now=passed.call.now)
    return {"removed": removed}


ACTION = Action(
    name="remove_from_workflow",
    title="Remove from a workflow",
    description="Takes the record, or associated records, out of another workflow, or out of this one.",
    effect="inside",
    config=RemoveFromWorkflowConfig,
    run=run,
    outcomes=(
        "done: removed, how many enrollments ended; out of this workflow, nothing follows",
        "skipped: no_record",
        "failed: broken_reference",
    ),
    check=check,
    objects=objects,
    target=target,
)
