"""Ends associations of the enrolled record, and with them what runs about the one for the other.

Inside: everything is one transaction. Where the enrollment itself is bound to a record it ends the association with,
the enrollment ends too (``bound_record_gone``), after the visit was written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pydantic import Field

from activities import writing
from activities.action import Action, InsideContext, Leaving, Outputs, Target
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import Of
from services.records.records import dissociate


class DissociateRecordsConfig(ActionConfig):
    """Which associations end."""

    other: Of = Field(
        title="Associated records", description="Those the record is no longer associated with; a label chooses."
    )


def check(config: DissociateRecordsConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find records that cannot be meant."""
    yield from writing.of_findings(config.other, scope, at="/other")
    if config.other.object == scope.object:
        yield Finding(path="/other/object", code="wrong_value", message="the record is not associated with itself")


def objects(config: DissociateRecordsConfig) -> Collection[str]:
    """Associated objects."""
    return writing.objects_of(config.other)


def target(config: DissociateRecordsConfig) -> Target:
    """Both sides."""
    return Target(also=(config.other,))


async def run(context: InsideContext, config: DissociateRecordsConfig) -> Outputs | Leaving:
    """End them; ``records`` is how many."""
    passed, write = context.passed, writing.write_of(context)
    ids = [record.id for record in writing.records_or_skip(context, config.other)]

    async def end() -> None:
        for other in ids:
            await dissociate(context.tx, write, passed.record.id, other)

    outputs: Outputs = {"records": len(ids)}
    if passed.enrollment.bound_id in ids:
        return Leaving(outputs=outputs, reason="bound_record_gone", detail="no longer associated", then=end)
    await end()
    return outputs


ACTION = Action(
    name="dissociate_records",
    title="End associations",
    description="Ends associations of the record with others.",
    effect="inside",
    config=DissociateRecordsConfig,
    run=run,
    outcomes=(
        "done: records, the number of associations ended; one with the bound record ends the enrollment",
        "skipped: no_record",
    ),
    check=check,
    objects=objects,
    target=target,
)
