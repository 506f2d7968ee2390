"""What actions that write a property have in common: which they may write, on which records, and what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Container, Iterable
from typing import TypeAlias

from pydantic import Field, StrictStr

from activities.action import InsideContext, Outputs, Target
from domain.base import Json
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import Of, PropertyValue
from domain.delays import subject_of
from domain.errors import Conflict, Invalid, StepFailed, StepSkipped
from domain.facts import RecordFacts
from domain.names import association_key, property_key
from domain.reader import similar
from domain.records import Cause
from domain.schema import PropertyDefinition, PropertyType
from services.records.people import present_user
from services.records.records import Write, update_record
from services.running.targets import meant_records

NewValue: TypeAlias = Callable[[RecordFacts], Awaitable[Json]]
"""What a record is to have in the property."""

WRITES = (
    "done: before, after (of the first record) and records, the number of records",
    "skipped: no_record",
    "failed: wrong_value",
)
"""What can become of a step that writes a property."""


class WritesProperty(ActionConfig):
    """Base of a config that names a property and the records to write it on."""

    property: StrictStr = Field(title="Property", description="The property to write.", min_length=1)
    of: Of | None = Field(
        default=None, title="On", description="Associated records to write instead of the enrolled one; may be many."
    )


def object_written(config: WritesProperty, scope: ConfigScope) -> str:
    """The object type of the records that are written."""
    return scope.object if config.of is None else config.of.object


def definition_written(config: WritesProperty, scope: ConfigScope) -> PropertyDefinition | None:
    """The property that is written; None when ``property_findings`` tells why there is none."""
    return scope.schema_.property(object_written(config, scope), config.property)


def of_findings(of: Of | None, scope: ConfigScope, *, at: str = "/of") -> Iterable[Finding]:
    """Find associated records that cannot be meant; ``at`` is where the config names them."""
    if of is None:
        return
    if scope.schema_.object(of.object) is None:
        words = f"there is no object type {of.object!r}{similar(of.object, scope.schema_.objects)}"
        yield Finding(path=f"{at}/object", code="unknown_object", message=words)
    if of.match == "none":
        yield Finding(path=f"{at}/match", code="wrong_value", message="nothing can be written on no records")


def property_findings(
    config: WritesProperty, scope: ConfigScope, *, types: Container[PropertyType] | None = None, wanted: str = ""
) -> Iterable[Finding]:
    """Find records that cannot be meant, and a property that is not there, cannot be written or is of another type.

    ``types``: those the action can write, ``wanted`` in words (``a number``); None: all.
    """
    yield from of_findings(config.of, scope)
    object = object_written(config, scope)
    known = scope.schema_.object(object)
    if known is None:
        return
    definition = known.property(config.property)
    if definition is None:
        words = f"{object} has no property {config.property!r}{similar(config.property, known.properties)}"
        yield Finding(path="/property", code="unknown_property", message=words)
    elif definition.read_only:
        yield Finding(path="/property", code="wrong_value", message=f"{config.property} cannot be written")
    elif types is not None and definition.type not in types:
        words = f"{config.property} is a {definition.type} property, not {wanted}"
        yield Finding(path="/property", code="wrong_type", message=words)


def source_of(
    config: WritesProperty, value: PropertyValue, scope: ConfigScope
) -> tuple[str, PropertyDefinition | None]:
    """The object type a value is read from, and the property there; None when it is unknown."""
    object = object_written(config, scope) if value.of is None else value.of.object
    return object, scope.schema_.property(object, value.property)


def source_findings(
    config: WritesProperty, value: PropertyValue, scope: ConfigScope, *, path: str
) -> Iterable[Finding]:
    """Find a property to read that is not there; ``path`` is where the config names it."""
    object, source = source_of(config, value, scope)
    if source is None:
        words = f"{object} has no property {value.property!r}"
        yield Finding(path=f"{path}/property", code="unknown_property", message=words)


def keys_of_source(config: WritesProperty, value: PropertyValue, scope: ConfigScope) -> Iterable[str]:
    """Interest keys of a property that is read."""
    object, _ = source_of(config, value, scope)
    yield property_key(object, value.property)
    if object != scope.object:
        yield association_key(scope.object, object)


def objects_of(*named: Of | None) -> Collection[str]:
    """Associated objects that are written or read."""
    return {of.object for of in named if of is not None}


def target_of(config: WritesProperty) -> Target:
    """The records a config writes."""
    return Target(of=config.of)


def read_source(context: InsideContext, record: RecordFacts, value: PropertyValue) -> Json:
    """The value of another property: of the record that is written, unless it says of which."""
    source = record if value.of is None else subject_of(value.of, context.passed.facts)
    return source.properties.get(value.property) if source is not None else None


def write_of(context: InsideContext) -> Write:
    """How a step writes: its changes carry the enrollment as cause, so it is not woken by itself."""
    passed = context.passed
    return Write(
        schema=passed.facts.schema_,
        addresses=context.inst.addresses,
        now=passed.call.now,
        zone=passed.account.timezone,
        cause=Cause(kind="enrollment", id=passed.enrollment.id, depth=passed.enrollment.depth + 1),
    )


def records_or_skip(context: InsideContext, of: Of | None) -> list[RecordFacts]:
    """The records a step means.

    Raises:
        StepSkipped: ``no_record``, there are none.
    """
    facts = context.passed.facts
    found = meant_records(facts, of)
    if not found:
        raise StepSkipped("no_record", f"there is no {of.object if of else facts.record.object} to write")
    return found


async def write_property(context: InsideContext, config: WritesProperty, new: NewValue) -> Outputs:
    """Write every record meant, or none; ``before`` and ``after`` are those of the first one.

    Raises:
        StepSkipped: ``no_record``.
        StepFailed: ``wrong_value``, the property cannot hold it; ``broken_reference``, it names a user who left.
    """
    write, results = write_of(context), list[tuple[Json, Json]]()
    records = records_or_skip(context, config.of)
    for record in records:
        before = record.properties.get(config.property)
        value = await new(record)
        if value != before:
            await refuse_absent_user(context, record.object, config.property, value)
        try:
            stored = await update_record(context.tx, write, record.id, {config.property: value})
        except (Invalid, Conflict) as wrong:
            raise wrong_value(wrong) from wrong
        results.append((before, stored.properties.get(config.property)))
    before, after = results[0]
    return {"before": before, "after": after, "records": len(results)}


def wrong_value(wrong: Invalid | Conflict) -> StepFailed:
    """A refusal to store something as what it is for a step."""
    return StepFailed("wrong_value", "; ".join(error.message for error in wrong.errors) or str(wrong))


async def refuse_absent_user(context: InsideContext, object: str, property: str, value: Json) -> None:
    """Look that a user who is written into a property is there.

    Raises:
        StepFailed: ``broken_reference``.
    """
    definition = context.passed.facts.schema_.property(object, property)
    if definition is not None and definition.type is PropertyType.USER and isinstance(value, str) and value:
        await present_user(context.tx, value)
