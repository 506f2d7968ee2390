"""Clears a property of the record or of associated records; one that is empty stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from activities import writing
from activities.action import Action, InsideContext, Outputs
from activities.writing import WritesProperty
from domain.base import Json
from domain.catalogue import ConfigScope, Finding
from domain.facts import RecordFacts


class ClearPropertyConfig(WritesProperty):
    """Which property is emptied."""


def check(config: ClearPropertyConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find a property that is not there or cannot be written."""
    return writing.property_findings(config, scope)


def objects(config: ClearPropertyConfig) -> Collection[str]:
    """Associated objects that are written."""
    return writing.objects_of(config.of)


async def run(context: InsideContext, config: ClearPropertyConfig) -> Outputs:
    """Empty it on every target."""

    async def new(record: RecordFacts) -> Json:
        return None

    return await writing.write_property(context, config, new)


ACTION = Action(
    name="clear_property",
    title="Clear a property",
    description="Takes away the value of a property of the record or of its associated records.",
    effect="inside",
    config=ClearPropertyConfig,
    run=run,
    outcomes=writing.WRITES,
    check=check,
    objects=objects,
    target=writing.target_of,
)
