"""Decides how a reason to enter reads for people: "Stage of an opportunity is Engaging", and who made it happen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from domain.conditions import Condition
from domain.schema import PropertyDefinition, Schema
from domain.triggers import ChangedTrigger, CreatedTrigger, EventTrigger, FilterTrigger, Trigger, WebhookTrigger
from domain.words import words

BY_HAND = "by hand"

_CAUSES: Mapping[str, str] = {
    "api": "by API key",
    "import": "by import job",
    "bulk": "by bulk job",
    "publish": "by publishing, job",
    "user": "by user",
    "enrollment": "by a step of enrollment",
    "event": "by event",
    "schedule": "on schedule",
    "system": "by the installation itself",
}


def entry_words(triggers: Sequence[Trigger], id: str | None, schema: Schema, object: str) -> str:
    """What let a record of type ``object`` in: a trigger in words, or by hand where ``id`` names none."""
    if id is None:
        return BY_HAND
    found = next((trigger for trigger in triggers if trigger.id == id), None)
    return trigger_words(found, schema, object) if found is not None else f"trigger {id}"


def trigger_words(trigger: Trigger, schema: Schema, object: str) -> str:
    """What makes a trigger of a workflow about ``object`` fire, in one line."""
    match trigger:
        case FilterTrigger():
            about = trigger.object or object
            said = words(trigger.where, schema, about)
            return said if about == object else f"{_label(about, schema)}: {said}"
        case CreatedTrigger():
            about = trigger.object or object
            return f"{_label(about, schema)} was created{_where(trigger.where, schema, about)}"
        case ChangedTrigger():
            about = trigger.object or object
            found = schema.property(about, trigger.property)
            name = found.label if found else trigger.property
            said = f"{name} changed{_values(' from', trigger.from_, found)}{_values(' to', trigger.to, found)}"
            owner = "" if about == object else f"{_label(about, schema)}: "
            return f"{owner}{said}{_where(trigger.where, schema, about)}"
        case EventTrigger():
            whose = f" of {_label(trigger.of.object, schema).lower()}" if trigger.of else ""
            return f"event {trigger.event}{whose} happened{_where(trigger.where, schema, object)}"
        case WebhookTrigger():
            return f"its hook was called{_where(trigger.where, schema, object)}"
        case _ as never:
            assert_never(never)


def cause_words(kind: str, id: str | None) -> str:
    """Who or what made something happen: ``by import job 01a0…``."""
    said = _CAUSES.get(kind, f"by {kind}")
    if kind == "schedule" and id is not None:
        said = f"{said}, job"
    return f"{said} {id}" if id is not None else said


def _label(object: str, schema: Schema) -> str:
    found = schema.object(object)
    return found.label if found else object


def _values(word: str, values: Sequence[object] | None, definition: PropertyDefinition | None) -> str:
    return "" if not values else f"{word} {' or '.join(_value(each, definition) for each in values)}"


def _value(value: object, definition: PropertyDefinition | None) -> str:
    if value is None:
        return "nothing"
    option = definition.option(value) if definition is not None and isinstance(value, str) else None
    return option.label if option is not None else str(value)


def _where(where: Condition | None, schema: Schema, object: str) -> str:
    return "" if where is None else f", and {words(where, schema, object)}"
