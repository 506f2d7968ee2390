"""Decides how a condition reads for people: "Stage of an opportunity is Won and Email is known".

Labels come from the schema; a name it does not know is shown as written.
"""

from __future__ import annotations

from typing import assert_never

from domain.base import Json
from domain.conditions import (
    All,
    Any,
    Condition,
    Count,
    EntryEventValue,
    EventCondition,
    EventPropertyCondition,
    ListCondition,
    Not,
    NowValue,
    Of,
    Offset,
    Operand,
    Operator,
    OutputCondition,
    OutputValue,
    ParameterCondition,
    ParameterValue,
    PropertyCondition,
    PropertyValue,
    Related,
    RelatedCondition,
    SubscriptionCondition,
    WorkflowCondition,
)
from domain.schema import PropertyDefinition, Schema

_OPERATORS: dict[Operator, str] = {
    "known": "is known",
    "unknown": "is unknown",
    "is": "is",
    "is_not": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "contains": "contains",
    "not_contains": "does not contain",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "gt": "is greater than",
    "gte": "is at least",
    "lt": "is less than",
    "lte": "is at most",
    "between": "is between",
    "on": "is on",
    "before": "is before",
    "after": "is after",
    "within_last": "is within the last",
    "within_next": "is within the next",
    "more_than_ago": "is more than",
    "contains_any": "contains any of",
    "contains_all": "contains all of",
    "contains_none": "contains none of",
}
_MATCHES = {None: "an", "any": "any", "all": "every", "none": "no", "latest": "the latest"}
_STATUSES = {
    "active": "is active in",
    "enrolled": "was ever enrolled in",
    "completed": "completed",
    "met_goal": "met the goal of",
}


LISTED = 20
"""So many values of a list are said; the words are kept with every judgement."""


def words(condition: Condition, schema: Schema, object: str) -> str:
    """One line for people; ``object`` is the type of the record the condition is about."""
    match condition:
        case All():
            return _joined(condition.all, " and ", schema, object) or "always"
        case Any():
            return _joined(condition.any, " or ", schema, object) or "never"
        case Not():
            return f"not ({words(condition.not_, schema, object)})"
        case PropertyCondition():
            read = condition.of.object if condition.of else object
            found = schema.property(read, condition.property)
            subject = f"{_label(found, condition.property)}{_of(condition.of, schema)}"
            return _compared(subject, condition, schema, read, found)
        case RelatedCondition():
            return _related(condition, schema)
        case EventCondition():
            return _event(condition, schema, object)
        case EventPropertyCondition():
            return _compared(f"{condition.event_property} of the event", condition, schema, object, None)
        case OutputCondition():
            return _compared(f"{condition.output} of step {condition.step}", condition, schema, object, None)
        case ParameterCondition():
            return _compared(f"parameter {condition.parameter}", condition, schema, object, None)
        case ListCondition():
            return f"is {'a member' if condition.op == 'member' else 'no member'} of list {condition.list}"
        case WorkflowCondition():
            return f"{_STATUSES[condition.status]} workflow {condition.workflow}"
        case SubscriptionCondition():
            verb = "is" if condition.op == "is" else "is not"
            return f"{verb} {condition.value.replace('not_specified', 'unspecified')} for {condition.subscription}"
        case _ as never:
            assert_never(never)


def duration_words(length: Offset) -> str:
    """A length for people: ``2 days 3 hours``; ``0 days`` when it is zero."""
    units = ("weeks", "days", "hours", "minutes", "seconds")
    parts = [(getattr(length, unit), unit) for unit in units]
    said = [f"{count} {unit[:-1] if abs(count) == 1 else unit}" for count, unit in parts if count]
    return " ".join(said) or "0 days"


def anchor_words(offset: Offset, time: str | None) -> str:
    """Where an instant lies from the date of a dated workflow: ``7 days before the date at 09:00``."""
    parts = [getattr(offset, unit) for unit in ("weeks", "days", "hours", "minutes", "seconds")]
    if offset.is_zero:
        said = "the date"
    elif min(parts) >= 0:
        said = f"{duration_words(offset)} after the date"
    elif max(parts) <= 0:
        turned = Offset(**{unit: -getattr(offset, unit) for unit in Offset.model_fields})
        said = f"{duration_words(turned)} before the date"
    else:
        said = f"the date shifted by {duration_words(offset)}"
    return said if time is None else f"{said} at {time}"


def _joined(parts: list[Condition], glue: str, schema: Schema, object: str) -> str:
    if len(parts) == 1:
        return words(parts[0], schema, object)
    said = ((part, words(part, schema, object)) for part in parts)
    return glue.join(f"({text})" if isinstance(part, (All, Any)) else text for part, text in said)


Comparison = PropertyCondition | EventPropertyCondition | OutputCondition | ParameterCondition


def _compared(
    subject: str, condition: Comparison, schema: Schema, object: str, definition: PropertyDefinition | None
) -> str:
    """Subject, operator, value, blanks."""
    said = f"{subject} {_OPERATORS[condition.op]}"
    if condition.op not in ("known", "unknown"):
        said += f" {_value(condition.value, condition.op, schema, object, definition)}"
    if condition.op == "more_than_ago":
        said += " ago"
    return f"{said} or is unknown" if condition.include_blank else said


def _value(value: Operand, op: Operator, schema: Schema, object: str, definition: PropertyDefinition | None) -> str:
    match value:
        case list():
            said = [_literal(item, definition) for item in value[:LISTED]]
            said += [f"{len(value) - LISTED} more"] if len(value) > LISTED else []
            return (" and " if op == "between" else ", ").join(said) or "nothing"
        case Offset():
            return duration_words(value)
        case NowValue():
            return "now" if value.now.is_zero else f"now shifted by {duration_words(value.now)}"
        case PropertyValue():
            read = value.of.object if value.of else object
            return f"{_label(schema.property(read, value.property), value.property)}{_of(value.of, schema)}"
        case EntryEventValue():
            return f"{value.entry_event} of the event that caused entry"
        case ParameterValue():
            return f"parameter {value.parameter}"
        case OutputValue():
            return f"{value.output} of step {value.step}"
        case _:
            return _literal(value, definition)


def _literal(value: Json, definition: PropertyDefinition | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        option = definition.option(value) if definition else None
        return option.label if option else value
    return "nothing" if value is None else str(value)


def _label(definition: PropertyDefinition | None, name: str) -> str:
    return definition.label if definition else name


def _object(name: str, schema: Schema) -> str:
    found = schema.object(name)
    return found.label.lower() if found else name


def _of(of: Of | None, schema: Schema) -> str:
    return f" of {_set(of, schema)}" if of else ""


def _set(of: Of | Related, schema: Schema) -> str:
    name = _object(of.object, schema)
    chosen = _MATCHES[of.match]
    if chosen == "an" and not name.startswith(("a", "e", "i", "o", "u")):
        chosen = "a"
    return f"{chosen} {name}" + (f" labelled {of.label}" if of.label else "")


def _times(count: Count) -> str:
    match count.at_least, count.at_most:
        case None, None:
            return "any number of"
        case int(low), None:
            return f"at least {low}"
        case None, int(high):
            return f"at most {high}"
        case low, high:
            return f"{low}" if low == high else f"{low} to {high}"


def _related(condition: RelatedCondition, schema: Schema) -> str:
    wanted = condition.related
    where = words(condition.where, schema, wanted.object)
    if condition.count is None:
        return f"{_set(wanted, schema)} has: {where}"
    label = f" labelled {wanted.label}" if wanted.label else ""
    return f"{_times(condition.count)} associated {_object(wanted.object, schema)} records{label} have: {where}"


def _event(condition: EventCondition, schema: Schema, object: str) -> str:
    said = f"{condition.event} happened"
    if condition.count:
        said += f" {_times(condition.count)} times"
    if condition.of:
        said += f" to {_set(condition.of, schema)}"
    if condition.step:
        said += f" for step {condition.step}"
    if condition.scope == "enrollment":
        said += " since entry"
    if condition.within:
        said += f" within {duration_words(condition.within)}"
    if condition.where:
        said += f" where {words(condition.where, schema, object)}"
    return said
