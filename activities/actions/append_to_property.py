"""Adds options to a property of several options, or a part to a text."""

from __future__ import annotations

from activities import parting, writing
from activities.action import Action, InsideContext, Outputs
from domain.base import Json
from domain.facts import RecordFacts
from domain.parts import with_parts


class AppendToPropertyConfig(parting.PartsConfig):
    """What is added to which property."""


async def run(context: InsideContext, config: AppendToPropertyConfig) -> Outputs:
    """Add it on every target; an option that is there already is there once."""
    parts, separator = parting.given_parts(context, config)

    async def new(record: RecordFacts) -> Json:
        return with_parts(record.properties.get(config.property), parts, separator)

    return await writing.write_property(context, config, new)


ACTION = Action(
    name="append_to_property",
    title="Add to a property",
    description="Adds options, or a line to a text, and leaves what is there.",
    effect="inside",
    config=AppendToPropertyConfig,
    run=run,
    outcomes=(*writing.WRITES, "failed: bad_template"),
    check=parting.check,
    objects=parting.objects,
    target=writing.target_of,
)
