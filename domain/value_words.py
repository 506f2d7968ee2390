"""Decides how a stored value reads for people: labels of options, names of lists' answers, instants in a zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.base import Json
from domain.conditions import Condition, ListCondition, PropertyCondition, SubscriptionCondition
from domain.facts import Seen
from domain.instants import looks_stored, parse_instant
from domain.reading import parts_of
from domain.schema import Option, PropertyDefinition, PropertyType, Schema
from domain.words import words

NOBODY: Mapping[str, str] = {}


class SeenValue(Seen):
    """One comparison that was made, with the value as people read it: ``shown``."""

    shown: str


def instant_words(at: datetime, zone: str) -> str:
    """An instant as the clocks of a zone show it, to the minute: ``2026-12-01 10:00 (Europe/Oslo)``."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"


def clock_words(at: datetime, zone: str) -> str:
    """The same with its weekday, for what people plan by: ``Tue 1 Dec 2026 10:00 (Europe/Oslo)``."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y %H:%M} ({zone})"


def value_words(value: Json, definition: PropertyDefinition | None, zone: str) -> str:
    """A value as people read it; ``definition``: of the property it was found in, if it was in one."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(value_words(each, definition, zone) for each in value) or "nothing"
        case str():
            return _text_words(value, definition, zone)
    return str(value)


def shown_as_read(
    seen: Iterable[Seen],
    conditions: Iterable[tuple[Condition, str]],
    schema: Schema,
    zone: str,
    people: Mapping[str, str] = NOBODY,
) -> list[SeenValue]:
    """What judging these conditions saw, each with the type it is about, readable; what they do not say stays raw.

    ``people``: names of users by id; others stay ids.
    """
    known = _compared(conditions, schema)
    told = with_people(schema, people)
    return [_shown(each, known.get(each.what), told, zone) for each in seen]


def users_told(seen: Iterable[Seen], conditions: Iterable[tuple[Condition, str]], schema: Schema) -> set[str]:
    """The ids of users that conditions compare with, and that judging them found."""
    known = _compared(conditions, schema)
    found: list[Json] = []
    for part in known.values():
        if is_of_user(part.definition) and isinstance(part.condition, PropertyCondition):
            value = part.condition.value
            found += value if isinstance(value, list) else [value if isinstance(value, str) else None]
    found += [each.value for each in seen if each.what in known and is_of_user(known[each.what].definition)]
    return {value for value in found if isinstance(value, str)}


def is_of_user(definition: PropertyDefinition | None) -> bool:
    """Whether a property holds the id of a user."""
    return definition is not None and definition.type is PropertyType.USER


def with_people(schema: Schema, people: Mapping[str, str]) -> Schema:
    """The schema for telling: a property that holds a user has the users as options, with their names as labels."""
    if not people:
        return schema
    options = tuple(Option(value=id, label=name) for id, name in people.items())

    def told(property: PropertyDefinition) -> PropertyDefinition:
        return property.model_copy(update={"options": options}) if is_of_user(property) else property

    return Schema(
        objects={
            name: object.model_copy(update={"properties": {n: told(each) for n, each in object.properties.items()}})
            for name, object in schema.objects.items()
        }
    )


@dataclass(frozen=True)
class _Part:
    """A part of a condition about records of type ``about``; ``definition`` of the property it compares, if it does."""

    condition: Condition
    about: str
    definition: PropertyDefinition | None


def _shown(seen: Seen, part: _Part | None, told: Schema, zone: str) -> SeenValue:
    condition = part.condition if part is not None else None
    definition = _property(part.condition, part.about, told) if part is not None else None
    if isinstance(condition, ListCondition):
        shown = "a member" if seen.value else "no member"
    elif isinstance(condition, SubscriptionCondition):
        shown = str(seen.value).replace("_", " ")
    else:
        shown = value_words(seen.value, definition, zone)
    what = words(part.condition, told, part.about) if part is not None else seen.what
    return SeenValue(what=what, value=seen.value, holds=seen.holds, shown=shown)


def _compared(conditions: Iterable[tuple[Condition, str]], schema: Schema) -> Mapping[str, _Part]:
    """Every part of the conditions by its words, which are what a judgement calls it."""
    return {
        words(part, schema, about): _Part(part, about, _property(part, about, schema))
        for condition, object in conditions
        for part, about in parts_of(condition, object)
    }


def _property(part: Condition, about: str, schema: Schema) -> PropertyDefinition | None:
    if not isinstance(part, PropertyCondition):
        return None
    return schema.property(part.of.object if part.of else about, part.property)


def _text_words(value: str, definition: PropertyDefinition | None, zone: str) -> str:
    option = definition.option(value) if definition else None
    if option is not None:
        return option.label
    is_instant = definition is not None and definition.type is PropertyType.DATETIME and looks_stored(value)
    at = parse_instant(value) if is_instant else None
    return instant_words(at, zone) if at is not None else value
