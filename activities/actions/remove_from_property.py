"""Takes options out of a property of several options, or parts out of a text."""

from __future__ import annotations

from activities import parting, writing
from activities.action import Action, InsideContext, Outputs
from domain.base import Json
from domain.facts import RecordFacts
from domain.parts import without_parts


class RemoveFromPropertyConfig(parting.PartsConfig):
    """What is taken out of which property."""


async def run(context: InsideContext, config: RemoveFromPropertyConfig) -> Outputs:
    """Take it out on every target; what is not there is no failure."""
    parts, separator = parting.given_parts(context, config)

    async def new(record: RecordFacts) -> Json:
        return without_parts(record.properties.get(config.property), parts, separator)

    return await writing.write_property(context, config, new)


ACTION = Action(
    name="remove_from_property",
    title="Remove from a property",
    description="Takes out options, or lines of a text, and leaves the rest.",
    effect="inside",
    config=RemoveFromPropertyConfig,
    run=run,
    outcomes=(*writing.WRITES, "failed: bad_template"),
    check=parting.check,
    objects=parting.objects,
    target=writing.target_of,
)
