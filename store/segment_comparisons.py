"""Decides how one comparison of a condition is asked as SQL, whatever its right side is looked up in."""

from __future__ import annotations

from typing import TypeAlias

from sqlalchemy import FromClause, and_, false, not_, or_, true

from domain.base import Json
from domain.comparing import TIME_ONLY
from domain.conditions import (
    EntryEventValue,
    EventPropertyCondition,
    Of,
    OutputValue,
    ParameterCondition,
    ParameterValue,
    PropertyCondition,
    PropertyValue,
)
from domain.facts import Facts, RecordFacts
from domain.judging import judge
from domain.operators import NEGATIVE, OPERATORS, PRESENCE, ConditionNotAvailable, operand
from domain.schema import PropertyDefinition, PropertyType
from store.comparisons import NotCompilable, Side, against, against_property
from store.segment_scope import Clause, Scope, quantified, total

Comparison: TypeAlias = PropertyCondition | EventPropertyCondition

UNTYPED = (PropertyType.BOOL, PropertyType.NUMBER, PropertyType.STRING, PropertyType.MULTI_ENUM)
"""What a value that no schema knows may be, by its JSON type."""


def property_holds(condition: PropertyCondition, scope: Scope) -> Clause:
    """A property of the record, or of associated ones; never null."""
    of = condition.of
    if of is None:
        return _comparison(condition, scope, scope.record, scope.object)
    return quantified(of, scope, lambda record: _comparison(condition, scope, record, of.object))


def parameter_holds(condition: ParameterCondition, scope: Scope) -> bool:
    """A parameter is the same for every record, so it is judged once, here."""
    if isinstance(condition.value, PropertyValue):
        raise NotCompilable("a parameter cannot be compared with a property in SQL")
    if isinstance(condition.value, EntryEventValue):
        _written(condition.value, scope)
    facts = Facts(
        schema_=scope.schema,
        record=RecordFacts(id="", object=scope.object, properties={}),
        parameters=_parameters(scope),
        now=scope.moment.now,
        zone=scope.moment.zone,
    )
    return judge(condition, facts).holds


def event_property_holds(condition: EventPropertyCondition, scope: Scope) -> Clause:
    """A property of the event that is looked at, read as what its JSON type says; never null."""
    op, negative = condition.op, condition.op in NEGATIVE and condition.include_blank
    if scope.event is None:
        return true() if op == "unknown" or negative else false()
    sides = [_event_side(scope.event, condition.event_property, type_) for type_ in UNTYPED]
    known = sides[0].known
    if op in PRESENCE:
        return known if op == "known" else not_(known)
    if op in TIME_ONLY:
        raise NotCompilable("no schema says which properties of events are times")
    if op == "between" and _operand_of(PropertyType.DATETIME, condition, scope) is not None:
        raise NotCompilable("no schema says which properties of events are times")
    held = or_(false(), *(total(_right(condition, scope, side)) for side in sides if op in OPERATORS[side.type]))
    return or_(not_(known), held) if negative else and_(known, held)


def _event_side(event: FromClause, name: str, type_: PropertyType) -> Side:
    return Side(PropertyDefinition(name=name, type=type_, label=name), record=event, object="", columns=())


def _operand_of(type_: PropertyType, condition: EventPropertyCondition, scope: Scope) -> object:
    if isinstance(condition.value, PropertyValue):
        return None
    return operand(type_, condition.op, _written(condition.value, scope), scope.moment)


def _comparison(condition: PropertyCondition, scope: Scope, record: FromClause, object: str) -> Clause:
    """One comparison of a property of ``record``; never null."""
    op = condition.op
    left = scope.side(record, object, condition.property)
    if left is None:
        return true() if op == "unknown" or (op in NEGATIVE and condition.include_blank) else false()
    if op in PRESENCE:
        return left.known if op == "known" else not_(left.known)
    held = total(_right(condition, scope, left))
    return or_(not_(left.known), held) if op in NEGATIVE and condition.include_blank else and_(left.known, held)


def _right(condition: Comparison, scope: Scope, left: Side) -> Clause:
    """The comparison with whatever the right side is; may be null."""
    value = condition.value
    match value:
        case PropertyValue(of=None):
            record, object = _same_record(condition, scope, left)
            right = scope.side(record, object, value.property)
            return against_property(condition.op, left, right) if right else false()
        case PropertyValue(of=Of() as of):
            return quantified(of, scope, lambda record: _with_other(condition, scope, left, record), left.record)
        case _:
            right_ = operand(left.type, condition.op, _written(value, scope), scope.moment)
            return false() if right_ is None else against(condition.op, left, right_)


def _same_record(condition: Comparison, scope: Scope, left: Side) -> tuple[FromClause, str]:
    """The record a property on the right belongs to when it does not say: that of the left side, or of the event."""
    if isinstance(condition, EventPropertyCondition):
        return scope.record, scope.object
    return left.record, left.object


def _written(value: object, scope: Scope) -> object:
    """The right side as far as it is the same for every record."""
    match value:
        case ParameterValue():
            found: Json = _parameters(scope).get(value.parameter)
            return found
        case EntryEventValue():
            if scope.inside is not None:
                raise NotCompilable("every enrollment has an event of its own that caused it")
            return None
        case OutputValue():
            raise ConditionNotAvailable("outputs of steps")
        case _:
            return value


def _parameters(scope: Scope) -> dict[str, Json]:
    if scope.parameters is None:
        raise NotCompilable("every enrollment has parameters of its own")
    return scope.parameters


def _with_other(condition: Comparison, scope: Scope, left: Side, record: FromClause) -> Clause:
    assert isinstance(condition.value, PropertyValue)
    assert condition.value.of is not None
    right = scope.side(record, condition.value.of.object, condition.value.property)
    return total(against_property(condition.op, left, right)) if right else false()
