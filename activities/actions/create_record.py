"""Creates a record and associates it, once per visit; where a unique value is taken, the step names who has it.

Inside: the record, its associations and the visit are one transaction, so asking again creates nothing. The creation
carries the enrollment as cause: a workflow is never entered by what it created itself, and no circle of workflows goes
on for ever (``loop_stopped``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, TypeAlias

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from activities import writing
from activities.action import Action, InsideContext, Outputs, Target
from activities.property_values import as_json, from_now, given, given_findings, literal_findings, now_findings
from domain.base import Authored, Json
from domain.builtin import can_associate
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import NowValue, Of, OutputValue, ParameterValue, PropertyValue
from domain.converting import converted, converts
from domain.delays import subject_of
from domain.errors import Conflict, Invalid, Unavailable
from domain.fields import LiquidText
from domain.headers import has_templates
from domain.names import association_key, property_key
from domain.reader import join, similar
from domain.schema import PropertyDefinition
from domain.values import normalise, unique_form
from services.records.associating import LABEL_LENGTH, Link
from services.records.records import create_record
from services.running.targets import meant_records
from store.records import find_by_unique

Value: TypeAlias = (
    LiquidText | StrictBool | StrictInt | StrictFloat | list[StrictStr] | NowValue | PropertyValue | OutputValue
    | ParameterValue | None
)  # fmt: skip


class Associated(Authored):
    """Records the new one is associated with: the enrolled one, or those ``of`` names; none of them is no failure."""

    of: Of | None = None
    label: Annotated[StrictStr, Field(min_length=1, max_length=LABEL_LENGTH)] | None = None


class CreateRecordConfig(ActionConfig):
    """What is created, with which values, and what it is associated with."""

    object: StrictStr = Field(title="Object", description="The object type of the new record.", min_length=1)
    properties: dict[StrictStr, Value] = Field(
        title="Properties",
        description="Values by name: a template, a number, true, a list, {now: {days: 1}}, {property: name}, "
        "{output: value, step: clean} or {parameter: name}.",
        min_length=1,
    )
    associate: list[Associated] = Field(
        default=[Associated()],
        title="Associated with",
        description="The enrolled record ({}), or associated ones ({of: {object: company}}), with a label.",
    )


def check(config: CreateRecordConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find properties the new record does not have, values they cannot hold, and types that cannot be associated."""
    made = scope.schema_.object(config.object)
    if made is None:
        words = f"there is no object type {config.object!r}{similar(config.object, scope.schema_.objects)}"
        yield Finding(path="/object", code="unknown_object", message=words)
        return
    for name, value in config.properties.items():
        path, definition = join("/properties", name), made.property(name)
        if definition is None:
            words = f"{config.object} has no property {name!r}{similar(name, made.properties)}"
            yield Finding(path=path, code="unknown_property", message=words)
        elif definition.read_only:
            yield Finding(path=path, code="wrong_value", message=f"{name} cannot be written")
        else:
            yield from _value_findings(definition, value, scope, path)
    for n, each in enumerate(config.associate):
        yield from writing.of_findings(each.of, scope, at=f"/associate/{n}/of")
        other = scope.object if each.of is None else each.of.object
        if scope.schema_.object(other) is not None and not can_associate(config.object, other):
            words = f"{config.object} and {other} cannot be associated"
            yield Finding(path=f"/associate/{n}", code="wrong_value", message=words)


def _value_findings(definition: PropertyDefinition, value: Value, scope: ConfigScope, path: str) -> Iterable[Finding]:
    match value:
        case NowValue():
            yield from now_findings(definition, value, path)
        case PropertyValue():
            object = scope.object if value.of is None else value.of.object
            source = scope.schema_.property(object, value.property)
            if source is None:
                words = f"{object} has no property {value.property!r}"
                yield Finding(path=f"{path}/property", code="unknown_property", message=words)
            elif not converts(source.type, definition.type):
                words = f"a {source.type} cannot be copied into a {definition.type} property"
                yield Finding(path=path, code="wrong_type", message=words)
        case OutputValue() | ParameterValue():
            yield from given_findings(value, scope, path)
        case None:
            return
        case str() if has_templates(value):
            return  # What it becomes is known when the step runs.
        case _:
            yield from literal_findings(definition, value, scope, path)


def reads(config: CreateRecordConfig, scope: ConfigScope) -> Iterable[str]:
    """Properties that are copied."""
    for value in config.properties.values():
        if isinstance(value, PropertyValue):
            object = scope.object if value.of is None else value.of.object
            yield property_key(object, value.property)
            if object != scope.object:
                yield association_key(scope.object, object)


def objects(config: CreateRecordConfig) -> Collection[str]:
    """Associated objects that are copied from or associated with."""
    copied = [value.of for value in config.properties.values() if isinstance(value, PropertyValue)]
    return writing.objects_of(*copied, *(each.of for each in config.associate))


def target(config: CreateRecordConfig) -> Target | None:
    """What the new record is associated with."""
    named = [each.of for each in config.associate]
    return Target(of=named[0], also=tuple(named[1:])) if named else None


async def run(context: InsideContext, config: CreateRecordConfig) -> Outputs:
    """Create it, or name the record that has one of its unique values; that one is left alone.

    Raises:
        StepFailed: ``wrong_value``, ``bad_template``, ``broken_reference``.
        Unavailable: who had the value gave it up this very moment.
    """
    made = context.passed.facts.schema_.object(config.object)
    values = {
        name: await _value(context, made.property(name) if made is not None else None, value)
        for name, value in config.properties.items()
    }
    for name, value in values.items():
        await writing.refuse_absent_user(context, config.object, name, value)
    write, links = writing.write_of(context), _links(context, config)
    try:
        async with context.tx.savepoint():
            record = await create_record(context.tx, write, config.object, values, links)
    except Conflict as taken:
        property = _taken(taken)
        existing = await _holder(context, config.object, property, values)
        if existing is None:
            raise Unavailable("a unique value was just given up by another record") from taken
        return {"record": existing, "created": False, "taken": property}
    except Invalid as wrong:
        raise writing.wrong_value(wrong) from wrong
    return {"record": record.id, "created": True, "taken": None}


async def _value(context: InsideContext, definition: PropertyDefinition | None, value: Value) -> Json:
    facts = context.passed.facts
    match value:
        case str():
            return context.text(value)
        case NowValue():
            return from_now(context, definition, value)
        case OutputValue() | ParameterValue():
            return await given(context, value)
        case PropertyValue():
            source = subject_of(value.of, facts)
            kind = facts.schema_.property(source.object, value.property) if source is not None else None
            if source is None or kind is None or definition is None:
                return None
            return converted(source.properties.get(value.property), kind.type, definition.type, zone=facts.zone)
        case _:
            return as_json(value)


def _links(context: InsideContext, config: CreateRecordConfig) -> list[Link]:
    """Every record meant once; who is named twice is associated under the first label."""
    found: dict[str, Link] = {}
    for each in config.associate:
        for record in meant_records(context.passed.facts, each.of):
            found.setdefault(record.id, Link(object=record.object, id=record.id, label=each.label))
    return list(found.values())


def _taken(taken: Conflict) -> str:
    """The property another record holds the value of."""
    return taken.errors[0].path.removeprefix("/properties/") if taken.errors else ""


async def _holder(context: InsideContext, object: str, property: str, given: Mapping[str, Json]) -> str | None:
    definition = context.passed.facts.schema_.property(object, property)
    if definition is None:
        return None
    form = unique_form(definition.type, normalise(definition, given.get(property), addresses=context.inst.addresses))
    found = await find_by_unique(context.tx, object, property, form)
    return found.id if found is not None else None


ACTION = Action(
    name="create_record",
    title="Create a record",
    description="Creates a record of any object type and associates it with the enrolled record or others.",
    effect="inside",
    config=CreateRecordConfig,
    run=run,
    outcomes=(
        "done: record and created true; or, where a unique value is taken, the record that has it, created false and"
        " taken, the property",
        "skipped: no_record",
        "failed: wrong_value, bad_template, broken_reference",
    ),
    check=check,
    reads=reads,
    objects=objects,
    target=target,
)
