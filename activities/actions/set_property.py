"""Sets, copies, stamps or clears a property of the record or of associated records.

Inside: the writes and the visit are one transaction; their changes carry the enrollment as cause, so it is not woken by
itself. A value the property cannot hold fails the step with ``wrong_value``, and then none of the records is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeAlias

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from activities import writing
from activities.action import Action, InsideContext, Outputs
from activities.property_values import as_json, from_now, given, given_findings, literal_findings, now_findings
from activities.writing import WritesProperty
from domain.base import Json
from domain.catalogue import ConfigScope, Finding
from domain.conditions import NowValue, OutputValue, ParameterValue, PropertyValue
from domain.converting import WORDS
from domain.facts import Facts, RecordFacts
from domain.headers import has_templates
from domain.schema import PropertyDefinition, PropertyType

Value: TypeAlias = (
    StrictStr | StrictBool | StrictInt | StrictFloat | list[StrictStr] | NowValue | PropertyValue | OutputValue
    | ParameterValue | None
)  # fmt: skip


class SetPropertyConfig(WritesProperty):
    """Which property gets which value, on which records."""

    value: Value = Field(
        title="Value",
        description="A value, null to clear, {now: {days: 1}} for an instant, {property: name} to copy another one, "
        "{output: value, step: clean} for what an earlier step gave, or {parameter: name}.",
    )
    only_forward: bool = Field(
        default=False, title="Only forward", description="Leave the property alone if that would go back in its order."
    )


def check(config: SetPropertyConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find a property that is not there or not writable, and a value it cannot hold."""
    yield from writing.property_findings(config, scope)
    definition = writing.definition_written(config, scope)
    if definition is None or definition.read_only:
        return
    if config.only_forward and definition.type is not PropertyType.ENUM:
        yield Finding(path="/only_forward", code="wrong_value", message="only an enum has an order to go forward in")
    yield from _value_findings(config, definition, scope)


def _value_findings(config: SetPropertyConfig, definition: PropertyDefinition, scope: ConfigScope) -> Iterable[Finding]:
    match config.value:
        case NowValue():
            yield from now_findings(definition, config.value, "/value")
        case PropertyValue():
            yield from writing.source_findings(config, config.value, scope, path="/value")
            _, source = writing.source_of(config, config.value, scope)
            alike = source is None or source.type is definition.type or {source.type, definition.type} <= WORDS
            if source is not None and not alike:
                words = f"a {source.type} cannot be set as a {definition.type} property; copy_property converts some"
                yield Finding(path="/value", code="wrong_type", message=words)
        case OutputValue() | ParameterValue():
            yield from given_findings(config.value, scope, "/value")
        case None:
            return
        case str() if has_templates(config.value):
            words = (
                "this is written as it stands, not as a template; write what format_data made: {output: value, step: …}"
            )
            yield Finding(path="/value", code="wrong_value", message=words)
        case _:
            yield from literal_findings(definition, config.value, scope, "/value")


def reads(config: SetPropertyConfig, scope: ConfigScope) -> Iterable[str]:
    """A property that is copied."""
    return writing.keys_of_source(config, config.value, scope) if isinstance(config.value, PropertyValue) else ()


def objects(config: SetPropertyConfig) -> Collection[str]:
    """Associated objects that are written or copied from."""
    return writing.objects_of(config.of, config.value.of if isinstance(config.value, PropertyValue) else None)


async def run(context: InsideContext, config: SetPropertyConfig) -> Outputs:
    """Write every target; one that ``only_forward`` holds back keeps its value."""
    facts = context.passed.facts

    async def new(record: RecordFacts) -> Json:
        value = await _value(context, config, record)
        return record.properties.get(config.property) if _goes_back(config, facts, record, value) else value

    return await writing.write_property(context, config, new)


async def _value(context: InsideContext, config: SetPropertyConfig, record: RecordFacts) -> Json:
    match config.value:
        case NowValue():
            definition = context.passed.facts.schema_.property(record.object, config.property)
            return from_now(context, definition, config.value)
        case PropertyValue():
            return writing.read_source(context, record, config.value)
        case OutputValue() | ParameterValue():
            return await given(context, config.value)
        case _:
            return as_json(config.value)


def _goes_back(config: SetPropertyConfig, facts: Facts, record: RecordFacts, value: Json) -> bool:
    """Whether ``only_forward`` forbids the write: the property stands at the new option or beyond it."""
    current = record.properties.get(config.property)
    definition = facts.schema_.property(record.object, config.property)
    if not config.only_forward or current is None or definition is None:
        return False
    here, there = definition.option(str(current)), definition.option(str(value))
    # Clearing is going back to before the first one. An option that is gone has no place in the order.
    return value is None or (here is not None and there is not None and there.order <= here.order)


ACTION = Action(
    name="set_property",
    title="Set a property",
    description="Sets, copies, stamps or clears a property of the record or of its associated records.",
    effect="inside",
    config=SetPropertyConfig,
    run=run,
    outcomes=(*writing.WRITES, "failed: broken_reference"),
    check=check,
    reads=reads,
    objects=objects,
    target=writing.target_of,
)
