"""Decides how a stored value reads for people: labels of options, names of lists' answers, instants in a zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.base import Json
from domain.conditions import Condition, ListCondition, PropertyCondition, SubscriptionCondition
from domain.facts import Seen
from domain.instants import looks_stored, parse_instant
from domain.reading import parts_of
from domain.schema import PropertyDefinition, PropertyType, Schema
from domain.words import words


class SeenValue(Seen):
    """One comparison that was made, with the value as people read it: ``shown``."""

    shown: str


def instant_words(at: datetime, zone: str) -> str:
    """An instant as the clocks of a zone show it, to the minute: ``2026-12-01 10:00 (Europe/Oslo)``."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"


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
    seen: Iterable[Seen], conditions: Iterable[tuple[Condition, str]], schema: Schema, zone: str
) -> list[SeenValue]:
    """What judging these conditions saw, each with the type it is about, readable; what they do not say stays raw."""
    known = _compared(conditions, schema)
    return [_shown(each, known.get(each.what), zone) for each in seen]


def _shown(seen: Seen, part: tuple[Condition, PropertyDefinition | None] | None, zone: str) -> SeenValue:
    condition, definition = part if part is not None else (None, None)
    if isinstance(condition, ListCondition):
        shown = "a member" if seen.value else "no member"
    elif isinstance(condition, SubscriptionCondition):
        shown = str(seen.value).replace("_", " ")
    else:
        shown = value_words(seen.value, definition, zone)
    return SeenValue(**dict(seen), shown=shown)


def _compared(
    conditions: Iterable[tuple[Condition, str]], schema: Schema
) -> Mapping[str, tuple[Condition, PropertyDefinition | None]]:
    """Every part of the conditions by its words, which are what a judgement calls it."""
    found: dict[str, tuple[Condition, PropertyDefinition | None]] = {}
    for condition, object in conditions:
        for part, about in parts_of(condition, object):
            definition = None
            if isinstance(part, PropertyCondition):
                definition = schema.property(part.of.object if part.of else about, part.property)
            found[words(part, schema, about)] = part, definition
    return found


def _text_words(value: str, definition: PropertyDefinition | None, zone: str) -> str:
    option = definition.option(value) if definition else None
    if option is not None:
        return option.label
    is_instant = definition is not None and definition.type is PropertyType.DATETIME and looks_stored(value)
    at = parse_instant(value) if is_instant else None
    return instant_words(at, zone) if at is not None else value
