"""What an installation may add to its object types: own types, properties and options; nothing is ever removed.

Records, published workflows and histories refer to all of these by name, so a name means the same for ever.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from domain.base import Frozen
from domain.builtin import COMMON, PIPELINE, STAGE
from domain.errors import Conflict, Invalid, NotFound
from domain.pipelines import has_stages
from domain.problems import FieldError
from domain.schema import ObjectType, Option, PropertyDefinition, PropertyType, Schema
from store.database import Tx
from store.locks import lock_schema
from store.records import count_with
from store.schema import (
    delete_property,
    insert_object_type,
    insert_properties,
    load_schema,
    relabel_object_type,
    replace_property,
)

OBJECT_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
PROPERTY_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

RESERVED_OBJECTS = frozenset(
    {"record", "owner", "sender", "message", "workflow", "enrollment", "event", "parameters", "steps"}
)
"""Words that templates use for something else than a record."""

RESERVED_PROPERTIES = frozenset({"id", "object", "version", *(each.name for each in COMMON)})
"""What every record answers beside its properties."""

ENUMS = frozenset({PropertyType.ENUM, PropertyType.MULTI_ENUM})
CAN_BE_UNIQUE = frozenset({PropertyType.STRING, PropertyType.EMAIL, PropertyType.PHONE, PropertyType.NUMBER})


class NewOption(Frozen):
    """An option to add, or to relabel when its value is known; ``order`` None keeps it, or puts it last.

    ``closed`` counts only for a new option: records carry it already, so a known one keeps its own.
    """

    value: str
    label: str | None = None
    order: int | None = None
    closed: bool = False


class NewProperty(Frozen):
    """A property to add. ``label`` None: made from the name."""

    name: str
    type: PropertyType
    label: str | None = None
    options: tuple[NewOption, ...] = ()
    unique: bool = False


async def create_object_type(
    tx: Tx, name: str, properties: Sequence[NewProperty], *, label: str | None = None, now: datetime
) -> ObjectType:
    """Add an object type.

    Raises:
        Invalid: the name, a property or the lack of a unique property; every mistake is listed.
        Conflict: the name is taken.
    """
    schema = await _alone(tx)
    if schema.object(name) is not None:
        raise Conflict(f"there is an object type {name} already", code="already_exists")
    mistakes = _check_object_name(name)
    for n, each in enumerate(properties):
        taken = {earlier.name for earlier in properties[:n]}
        mistakes += _check_property(each, taken, path=f"/properties/{n}")
    if not any(each.unique for each in properties):
        mistakes.append(_mistake("/properties", "missing_field", "at least one property must be unique"))
    if mistakes:
        raise Invalid("the object type cannot be added like this", errors=mistakes)
    definitions = (*(_definition(each) for each in properties), *COMMON)
    made = ObjectType(
        name=name, label=label or _label(name), builtin=False, properties={each.name: each for each in definitions}
    )
    await insert_object_type(tx, made, now)
    return made


async def relabel_object(tx: Tx, name: str, label: str) -> ObjectType:
    """Give an object type another label.

    Raises:
        NotFound: there is none of this name.
    """
    found = _object(await _alone(tx), name)
    await relabel_object_type(tx, name, label)
    return found.model_copy(update={"label": label})


async def add_property(tx: Tx, object: str, new: NewProperty, *, now: datetime) -> PropertyDefinition:
    """Add a property to an object type, built-in ones included.

    Raises:
        NotFound: there is no such object type.
        Invalid: something about the property; every mistake is listed.
        Conflict: the name is taken.
    """
    found = _object(await _alone(tx), object)
    if found.property(new.name) is not None:
        raise Conflict(f"{object} has a property {new.name} already", code="already_exists")
    mistakes = _check_property(new, set(), path="")
    if mistakes:
        raise Invalid("the property cannot be added like this", errors=mistakes)
    definition = _definition(new)
    await insert_properties(tx, object, [definition], now)
    return definition


async def remove_property(tx: Tx, object: str, name: str) -> None:
    """Remove a property of your own that no record has a value of.

    Raises:
        NotFound: there is no such object type or property.
        Conflict: it is built in, the only unique one of its type, or records have values.
    """
    target = _object(await _alone(tx), object)
    known = target.property(name)
    if known is None:
        raise NotFound(f"{object} has no property {name}", code="unknown_property")
    if known.builtin:
        raise Conflict(f"{name} is built in: the product relies on it", code="built_in")
    others = [each for each in target.properties.values() if each.unique and each.name != name]
    if known.unique and not others:
        raise Conflict(f"{object} records are told apart by {name}: add another unique property first", code="in_use")
    count = await count_with(tx, object, name)
    if count:
        words = f"{count} {object} records have a value of {name}: clear it first, so that nothing is lost by accident"
        raise Conflict(words, code="in_use")
    await delete_property(tx, object, name)


async def change_property(
    tx: Tx, object: str, name: str, *, label: str | None = None, options: Sequence[NewOption] = ()
) -> PropertyDefinition:
    """Give a property another label, add options, relabel or reorder known ones; options not named stay.

    Raises:
        NotFound: there is no such object type or property.
        Invalid: options for a property that has none, one named twice, or a new stage.
    """
    target = _object(await _alone(tx), object)
    known = target.property(name)
    if known is None:
        raise NotFound(f"{object} has no property {name}", code="unknown_property")
    mistakes = _check_options(known.type, options, path="/options") if options else []
    mistakes += _check_stages(target, known, options)
    if mistakes:
        raise Invalid("the property cannot be changed like this", errors=mistakes)
    changed = known.model_copy(update={"label": label or known.label, "options": _merged(known.options, options)})
    if changed != known:
        await replace_property(tx, object, changed)
    return changed


async def _alone(tx: Tx) -> Schema:
    """The schema, with everybody else who alters it waiting."""
    await lock_schema(tx)
    return await load_schema(tx)


def _object(schema: Schema, name: str) -> ObjectType:
    found = schema.object(name)
    if found is None:
        raise NotFound(f"there is no object type {name}", code="unknown_object")
    return found


def _check_object_name(name: str) -> list[FieldError]:
    if not OBJECT_NAME.fullmatch(name):
        return [_mistake("/name", "wrong_value", "2 to 40 of a-z, 0-9 and _, beginning with a letter")]
    if name in RESERVED_OBJECTS:
        return [_mistake("/name", "wrong_value", f"{name} means something else in templates")]
    return []


def _check_property(new: NewProperty, taken: set[str], *, path: str) -> list[FieldError]:
    mistakes = []
    if not PROPERTY_NAME.fullmatch(new.name):
        words = "1 to 40 of a-z, 0-9 and _, beginning with a letter"
        mistakes.append(_mistake(f"{path}/name", "wrong_value", words))
    elif new.name in RESERVED_PROPERTIES:
        mistakes.append(_mistake(f"{path}/name", "wrong_value", f"every record has {new.name} already"))
    elif new.name in taken:
        mistakes.append(_mistake(f"{path}/name", "duplicate_id", f"{new.name} is there twice"))
    if new.unique and new.type not in CAN_BE_UNIQUE:
        words = f"a {new.type.value} cannot be unique; these can: {', '.join(sorted(CAN_BE_UNIQUE))}"
        mistakes.append(_mistake(f"{path}/unique", "wrong_value", words))
    return mistakes + _check_options(new.type, new.options, path=f"{path}/options")


def _check_options(type: PropertyType, options: Sequence[NewOption], *, path: str) -> list[FieldError]:
    if type not in ENUMS:
        return [_mistake(path, "wrong_value", f"a {type.value} has no options")] if options else []
    if not options:
        return [_mistake(path, "missing_field", "at least one option is needed")]
    mistakes, seen = [], set()
    for n, option in enumerate(options):
        if not option.value.strip() or "\x00" in option.value:
            mistakes.append(_mistake(f"{path}/{n}/value", "wrong_value", "an option needs a value"))
        elif option.value in seen:
            mistakes.append(_mistake(f"{path}/{n}/value", "duplicate_id", f"{option.value} is there twice"))
        seen.add(option.value)
    return mistakes


def _check_stages(target: ObjectType, known: PropertyDefinition, options: Sequence[NewOption]) -> list[FieldError]:
    """Stages and pipelines are added where it is said which belong together."""
    if known.name not in (PIPELINE, STAGE) or not has_stages(target):
        return []
    words = f"a {known.name} is added by the pipelines of {target.name}: /pipelines/{target.name}"
    return [
        _mistake(f"/options/{n}/value", "unknown_option", words)
        for n, each in enumerate(options)
        if known.option(each.value) is None
    ]


def _merged(known: Sequence[Option], named: Sequence[NewOption]) -> tuple[Option, ...]:
    options = {option.value: option for option in known}
    for new in named:
        old = options.get(new.value)
        last = max((option.order for option in options.values()), default=-1) + 1
        options[new.value] = Option(
            value=new.value,
            label=new.label or (old.label if old else new.value),
            order=new.order if new.order is not None else (old.order if old else last),
            closed=old.closed if old else new.closed,
        )
    return tuple(sorted(options.values(), key=lambda option: option.order))


def _definition(new: NewProperty) -> PropertyDefinition:
    return PropertyDefinition(
        name=new.name,
        type=new.type,
        label=new.label or _label(new.name),
        options=_merged((), new.options),
        unique=new.unique,
    )


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _mistake(path: str, code: str, message: str) -> FieldError:
    return FieldError(path=path, code=code, message=message)
