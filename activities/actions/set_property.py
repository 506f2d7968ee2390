"""Sets, copies, stamps or clears a property of the record or of associated records.

Inside: the writes and the visit are one transaction; their changes carry the enrollment as cause, so it is not woken by
itself. A value the property cannot hold fails the step with ``wrong_value``, and then none of the records is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from activities.action import Action, InsideContext, Outputs, Target
from domain.base import Json, utc_text
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import NowValue, Of, PropertyValue
from domain.delays import subject_of
from domain.errors import Conflict, Invalid, StepFailed, StepSkipped
from domain.facts import Facts, RecordFacts
from domain.instants import shifted
from domain.names import association_key, property_key
from domain.records import Cause
from domain.schema import PropertyDefinition, PropertyType
from domain.values import ValueProblem, normalise
from services.records.people import present_user
from services.records.records import Write, update_record
from services.running.targets import meant_records

Value: TypeAlias = StrictStr | StrictBool | StrictInt | StrictFloat | list[StrictStr] | NowValue | PropertyValue | None

ALIKE = frozenset(PropertyType(name) for name in ("string", "text", "enum", "phone", "email", "user"))
"""Types whose values are words and may be copied to each other; what does not fit is found when the step runs."""

STAMPED = frozenset({PropertyType.DATE, PropertyType.DATETIME})


class SetPropertyConfig(ActionConfig):
    """Which property gets which value, on which records."""

    property: StrictStr = Field(title="Property", description="The property to write.", min_length=1)
    value: Value = Field(
        title="Value",
        description="A value, null to clear, {now: {days: 1}} for an instant, or {property: name} to copy another one.",
    )
    of: Of | None = Field(
        default=None, title="On", description="Associated records to write instead of the enrolled one; may be many."
    )
    only_forward: bool = Field(
        default=False, title="Only forward", description="Leave the property alone if that would go back in its order."
    )


class _AnyAddress:
    """Address syntax is knowledge of a gateway; when a definition is saved a literal address is taken as it is."""

    def problem(self, written: str) -> str | None:
        return None


def check(config: SetPropertyConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find a property that is not there or not writable, and a value it cannot hold."""
    object = scope.object if config.of is None else config.of.object
    if scope.schema_.object(object) is None:
        yield Finding(path="/of/object", code="unknown_object", message=f"there is no object type {object!r}")
        return
    definition = scope.schema_.property(object, config.property)
    if definition is None:
        words = f"{object} has no property {config.property!r}"
        yield Finding(path="/property", code="unknown_property", message=words)
        return
    if definition.read_only:
        yield Finding(path="/property", code="wrong_value", message=f"{config.property} cannot be written")
        return
    if config.of is not None and config.of.match == "none":
        yield Finding(path="/of/match", code="wrong_value", message="nothing can be written on no records")
    if config.only_forward and definition.type is not PropertyType.ENUM:
        yield Finding(path="/only_forward", code="wrong_value", message="only an enum has an order to go forward in")
    yield from _value_findings(config, definition, object, scope)


def _value_findings(
    config: SetPropertyConfig, definition: PropertyDefinition, object: str, scope: ConfigScope
) -> Iterable[Finding]:
    match config.value:
        case NowValue():
            if definition.type not in STAMPED:
                words = f"an instant cannot be written into a {definition.type} property"
                yield Finding(path="/value", code="wrong_type", message=words)
        case PropertyValue():
            source_object = object if config.value.of is None else config.value.of.object
            source = scope.schema_.property(source_object, config.value.property)
            if source is None:
                words = f"{source_object} has no property {config.value.property!r}"
                yield Finding(path="/value/property", code="unknown_property", message=words)
            elif source.type is not definition.type and not {source.type, definition.type} <= ALIKE:
                words = f"a {source.type} cannot be copied into a {definition.type} property"
                yield Finding(path="/value", code="wrong_type", message=words)
        case None:
            return
        case _:
            try:
                normalise(definition, _json(config.value), addresses=_AnyAddress())
            except ValueProblem as problem:
                code = problem.code if problem.code in ("wrong_type", "unknown_option") else "wrong_value"
                yield Finding.model_validate({"path": "/value", "code": code, "message": problem.message})


def reads(config: SetPropertyConfig, scope: ConfigScope) -> Iterable[str]:
    """A property that is copied."""
    if isinstance(config.value, PropertyValue):
        left = scope.object if config.of is None else config.of.object
        object = left if config.value.of is None else config.value.of.object
        yield property_key(object, config.value.property)
        if object != scope.object:
            yield association_key(scope.object, object)


def objects(config: SetPropertyConfig) -> Collection[str]:
    """Associated objects that are written or copied from."""
    copied = config.value.of if isinstance(config.value, PropertyValue) else None
    return {of.object for of in (config.of, copied) if of is not None}


def target(config: SetPropertyConfig) -> Target:
    """The records it writes."""
    return Target(of=config.of)


async def run(context: InsideContext, config: SetPropertyConfig) -> Outputs:
    """Write every target; ``before`` and ``after`` are those of the first one."""
    facts, enrollment = context.passed.facts, context.passed.enrollment
    targets = meant_records(facts, config.of)
    if not targets:
        raise StepSkipped("no_record", f"there is no {config.of.object if config.of else facts.record.object} to write")
    write = Write(
        schema=facts.schema_,
        addresses=context.inst.addresses,
        now=context.passed.call.now,
        cause=Cause(kind="enrollment", id=enrollment.id, depth=enrollment.depth + 1),
    )
    results: list[tuple[Json, Json]] = []
    for record in targets:
        value = await _value(context, config, record)
        if not _goes_back(config, facts, record, value):
            try:
                stored = await update_record(context.tx, write, record.id, {config.property: value})
            except (Invalid, Conflict) as wrong:
                words = "; ".join(error.message for error in wrong.errors) or str(wrong)
                raise StepFailed("wrong_value", words) from wrong
            value = stored.properties.get(config.property)
        else:
            value = record.properties.get(config.property)
        results.append((record.properties.get(config.property), value))
    before, after = results[0]
    return {"before": before, "after": after, "records": len(results)}


async def _value(context: InsideContext, config: SetPropertyConfig, record: RecordFacts) -> Json:
    facts = context.passed.facts
    definition = facts.schema_.property(record.object, config.property)
    match config.value:
        case NowValue():
            at = shifted(context.passed.call.now, config.value.now, facts.zone)
            is_date = definition is not None and definition.type is PropertyType.DATE
            return _local_date(at, facts.zone) if is_date else utc_text(at)
        case PropertyValue():
            source = record if config.value.of is None else subject_of(config.value.of, facts)
            value = source.properties.get(config.value.property) if source is not None else None
        case _:
            value = _json(config.value)
    if definition is not None and definition.type is PropertyType.USER and isinstance(value, str):
        await present_user(context.tx, value)
    return value


def _local_date(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).date().isoformat()


def _json(value: str | bool | int | float | list[str] | None) -> Json:
    return [*value] if isinstance(value, list) else value


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
    outcomes=(
        "done: before, after (of the first record) and records, the number of records",
        "skipped: no_record",
        "failed: wrong_value, broken_reference",
    ),
    check=check,
    reads=reads,
    objects=objects,
    target=target,
)
