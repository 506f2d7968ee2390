"""Deletes the record, or associated ones; whatever runs about them ends in the same transaction.

Where that is this enrollment too (its own record, or the one it is bound to), the visit is written first and nothing
follows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pydantic import Field

from activities import writing
from activities.action import Action, InsideContext, Leaving, Outputs, Target
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import Of
from services.records.records import delete_record


class DeleteRecordConfig(ActionConfig):
    """Which records are deleted."""

    of: Of | None = Field(
        default=None, title="Which", description="Associated records instead of the enrolled one; may be many."
    )


def check(config: DeleteRecordConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find records that cannot be meant."""
    return writing.of_findings(config.of, scope)


def objects(config: DeleteRecordConfig) -> Collection[str]:
    """Associated objects that are deleted."""
    return writing.objects_of(config.of)


def target(config: DeleteRecordConfig) -> Target:
    """What is deleted, and whoever is inside a workflow about it."""
    return Target(of=config.of, deletes=True)


async def run(context: InsideContext, config: DeleteRecordConfig) -> Outputs | Leaving:
    """Delete them; ``records`` is how many."""
    enrollment, write = context.passed.enrollment, writing.write_of(context)
    ids = [record.id for record in writing.records_or_skip(context, config.of)]

    async def delete() -> None:
        for id in ids:
            await delete_record(context.tx, write, id)

    outputs: Outputs = {"records": len(ids)}
    if enrollment.record_id in ids:
        return Leaving(outputs=outputs, reason="record_deleted", then=delete)
    if enrollment.bound_id in ids:
        return Leaving(outputs=outputs, reason="bound_record_gone", then=delete)
    await delete()
    return outputs


ACTION = Action(
    name="delete_record",
    title="Delete a record",
    description="Deletes the record, or associated records; their enrollments end at once.",
    effect="inside",
    config=DeleteRecordConfig,
    run=run,
    outcomes=(
        "done: records, the number of records; after the own or the bound one nothing follows",
        "skipped: no_record",
    ),
    check=check,
    objects=objects,
    target=target,
)
