"""Copies a property into another one, on the record or between it and associated records, converting its type.

Inside: the writes and the visit are one transaction. Which type goes into which is decided when the workflow is saved
(``domain.converting``); a value that still does not fit, such as an option the target lacks, fails with
``wrong_value``, and then nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from pydantic import Field, StrictBool

from activities import writing
from activities.action import Action, InsideContext, Outputs
from activities.writing import WritesProperty
from domain.base import Json
from domain.catalogue import ConfigScope, Finding
from domain.conditions import PropertyValue
from domain.converting import converted, converts
from domain.facts import RecordFacts


class CopyPropertyConfig(WritesProperty):
    """Which property is copied into which one."""

    source: PropertyValue = Field(
        title="From", description="{property: name}, of the record written unless `of` says of which associated one."
    )
    overwrite: StrictBool = Field(
        default=True, title="Overwrite", description="Also where the property has a value already."
    )
    if_blank: Literal["clear", "keep"] = Field(
        default="clear", title="If there is nothing", description="What becomes of the property then."
    )


def check(config: CopyPropertyConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find properties that are not there, and a type that does not go into the other."""
    yield from writing.property_findings(config, scope)
    yield from writing.source_findings(config, config.source, scope, path="/source")
    target, (_, source) = writing.definition_written(config, scope), writing.source_of(config, config.source, scope)
    if source is not None and target is not None and not converts(source.type, target.type):
        words = f"a {source.type} cannot be copied into a {target.type} property"
        yield Finding(path="/source", code="wrong_type", message=words)


def reads(config: CopyPropertyConfig, scope: ConfigScope) -> Iterable[str]:
    """The property that is copied."""
    return writing.keys_of_source(config, config.source, scope)


def objects(config: CopyPropertyConfig) -> Collection[str]:
    """Associated objects that are written or copied from."""
    return writing.objects_of(config.of, config.source.of)


async def run(context: InsideContext, config: CopyPropertyConfig) -> Outputs:
    """Write every target."""
    facts = context.passed.facts

    async def new(record: RecordFacts) -> Json:
        current = record.properties.get(config.property)
        value = writing.read_source(context, record, config.source)
        if (current is not None and not config.overwrite) or (value is None and config.if_blank == "keep"):
            return current
        from_object = record.object if config.source.of is None else config.source.of.object
        source = facts.schema_.property(from_object, config.source.property)
        target = facts.schema_.property(record.object, config.property)
        if source is None or target is None:
            return value
        return converted(value, source.type, target.type, zone=facts.zone)

    return await writing.write_property(context, config, new)


ACTION = Action(
    name="copy_property",
    title="Copy a property",
    description="Copies a property into another one, of the same record or of associated ones, converting its type.",
    effect="inside",
    config=CopyPropertyConfig,
    run=run,
    outcomes=(*writing.WRITES, "failed: broken_reference"),
    check=check,
    reads=reads,
    objects=objects,
    target=writing.target_of,
)
