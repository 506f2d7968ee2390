"""Compares one value with the right side of a condition, whatever that is looked up in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from domain.base import Json, utc_text
from domain.conditions import (
    EntryEventValue,
    EventPropertyCondition,
    Match,
    Of,
    Operator,
    OutputCondition,
    OutputValue,
    ParameterCondition,
    ParameterValue,
    PropertyCondition,
    PropertyValue,
)
from domain.facts import RecordFacts
from domain.instants import looks_like_date, parse_instant
from domain.operators import (
    NEGATIVE,
    OPERATORS,
    PRESENCE,
    comparable,
    holds,
    is_number,
    operand,
    reads_as,
)
from domain.schema import PropertyType
from domain.scope import Scope

Comparison: TypeAlias = PropertyCondition | ParameterCondition | EventPropertyCondition | OutputCondition

TIME_ONLY: frozenset[Operator] = OPERATORS[PropertyType.DATETIME] - OPERATORS[PropertyType.NUMBER]
"""Operators that make a text without a type a date or an instant; ``between`` does so too, of texts."""


def compare(condition: Comparison, type_: PropertyType, left: Json, scope: Scope, record: RecordFacts) -> bool:
    """One comparison of a value read from ``record``."""
    op, value = condition.op, condition.value
    if op in PRESENCE:
        return (left is not None) == (op == "known")
    if left is None:
        return op in NEGATIVE and condition.include_blank
    match value:
        case PropertyValue(of=None):
            return _compare_with(condition, type_, left, scope, record)
        case PropertyValue(of=Of() as of):
            others = scope.set_of(of)
            return matches(of.match, others, lambda other: _compare_with(condition, type_, left, scope, other))
        case ParameterValue() | EntryEventValue() | OutputValue():
            return holds(type_, op, left, operand(type_, op, _looked_up(value, scope), scope.moment))
        case _:
            return holds(type_, op, left, operand(type_, op, value, scope.moment))


def compare_untyped(
    condition: ParameterCondition | EventPropertyCondition | OutputCondition, left: Json, scope: Scope
) -> bool:
    """One comparison of a value whose type no schema knows."""
    type_, left = read_untyped(left, condition.op)
    return compare(condition, type_, left, scope, scope.record)


def matches(match_: Match | None, records: Iterable[RecordFacts], one_holds: Callable[[RecordFacts], bool]) -> bool:
    """Any (also of the latest, which is one at most), all (false when there is none), or none of the records."""
    if match_ == "none":
        return not any(one_holds(record) for record in records)
    if match_ == "all":
        answers = [one_holds(record) for record in records]
        return bool(answers) and all(answers)
    return any(one_holds(record) for record in records)


def read_untyped(value: Json, op: Operator) -> tuple[PropertyType, Json]:
    """What a value is compared as, by its JSON type and, for a text, by what the operator asks for.

    An instant with an offset is read as the stored text of that instant.
    """
    if isinstance(value, bool):
        return PropertyType.BOOL, value
    if is_number(value):
        return PropertyType.NUMBER, value
    if isinstance(value, list):
        return PropertyType.MULTI_ENUM, value
    if isinstance(value, str) and (op in TIME_ONLY or op == "between"):
        if looks_like_date(value):
            return PropertyType.DATE, value
        at = parse_instant(value)
        return PropertyType.DATETIME, utc_text(at) if at is not None else value
    return PropertyType.STRING, value


def _looked_up(value: ParameterValue | EntryEventValue | OutputValue, scope: Scope) -> Json:
    if isinstance(value, OutputValue):
        return scope.facts.outputs.get(value.step, {}).get(value.output)
    if isinstance(value, ParameterValue):
        return scope.facts.parameters.get(value.parameter)
    event = scope.facts.entry_event
    return event.properties.get(value.entry_event) if event is not None else None


def _compare_with(condition: Comparison, type_: PropertyType, left: Json, scope: Scope, other: RecordFacts) -> bool:
    """Compare with the property of another record (or of the same one) that the value names."""
    assert isinstance(condition.value, PropertyValue)
    right_type, right = scope.read(other, condition.value.property)
    if not comparable(type_, right_type) or not reads_as(right_type, right):
        return False
    return holds(type_, condition.op, left, operand(type_, condition.op, right, scope.moment))
