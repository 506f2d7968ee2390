"""Decides how one comparison of a property is rendered as SQL, from the operands ``domain.operators`` works out.

Every clause may be null where a side is missing or of a wrong type; ``store.segments`` turns that into false.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, FromClause, Text, and_, bindparam, false, func, literal, not_, or_, true

from domain.conditions import Operator
from domain.errors import FollowthroughError
from domain.operators import (
    ABOVE,
    BELOW,
    FOLDED,
    OPERATORS,
    ORDERED,
    TIMES,
    WITHIN,
    Operand,
    Range,
    comparable,
)
from domain.schema import PropertyDefinition, PropertyType
from store.documents import (
    BoolOf,
    DateOf,
    Folded,
    HasAll,
    HasAny,
    IndexOf,
    InstantOf,
    InstantText,
    Known,
    Number,
    NumberOf,
    TextOf,
)

Clause: TypeAlias = ColumnElement[bool]

COLUMNS_AS_PROPERTIES = ("created_at", "updated_at")
"""Read-only properties that are columns, not part of the document."""


class NotCompilable(FollowthroughError):
    """No database can answer the condition as memory does; it has to be judged record by record.

    It concerns comparing a date with a datetime property, ``on`` between two datetime properties, and two multi_enums:
    local days of stored instants need a zone database inside SQL, which SQLite has not.
    """


@dataclass(frozen=True, slots=True)
class Side:
    """A property of one record in the statement: its definition, and the record of the statement it lies in."""

    definition: PropertyDefinition
    record: FromClause
    object: str
    columns: tuple[str, ...] = COLUMNS_AS_PROPERTIES

    @property
    def type(self) -> PropertyType:
        """The type it is read as."""
        return self.definition.type

    @property
    def known(self) -> Clause:
        """Whether there is a value; never null."""
        if self.definition.name in self.columns:
            return true()
        return Known(self.record.c.properties, self._name)

    @property
    def value(self) -> ColumnElement[Any]:
        """The value as SQL, as written; null when it is missing or of a wrong type. Lists have none."""
        if self.definition.name in self.columns:
            return InstantText(self.record.c[self.definition.name])
        document, name = self.record.c.properties, self._name
        match self.type:
            case PropertyType.NUMBER:
                return NumberOf(document, name)
            case PropertyType.BOOL:
                return BoolOf(document, name)
            case PropertyType.DATE:
                return DateOf(document, name)
            case PropertyType.DATETIME:
                return InstantOf(document, name)
            case _:
                return TextOf(document, name)

    @property
    def _name(self) -> ColumnElement[str]:
        return literal(self.definition.name, Text())

    def has(self, options: tuple[str, ...], *, each: bool) -> Clause:
        """Whether the list holds one of the options, or each of them; null when it is no list."""
        reading = HasAll if each else HasAny
        return reading(self.record.c.properties, self._name, literal(json.dumps(options), Text()))


def against(op: Operator, left: Side, right: Operand) -> Clause:
    """``left`` compared with a worked out operand of its type and operator."""
    if left.type is PropertyType.MULTI_ENUM:
        assert isinstance(right, tuple)
        options = tuple(option for option in right if isinstance(option, str))
        held = left.has(options, each=op == "contains_all")
        return not_(held) if op == "contains_none" else held
    if left.type is PropertyType.BOOL:
        return _plain(op, left.value, literal(int(bool(right))))
    if isinstance(right, Range):
        return _within(op, left.value, _bound(left, right.first), _bound(left, right.last))
    value = _comparable_value(left)
    if isinstance(right, tuple):
        points = [point.first if isinstance(point, Range) else point for point in right]
        # Not one comparison each: SQLite nests only so deep.
        type_ = Number() if left.type is PropertyType.NUMBER else Text()
        among = value.in_(bindparam(None, points, type_=type_, expanding=True, unique=True)) if points else false()
        return and_(value.is_not(None), among if op == "in" else not_(among))
    return _plain(op, value, literal(right, Text()))


def against_property(op: Operator, left: Side, right: Side) -> Clause:
    """``left`` compared with another property; both must be present and of their types.

    Raises:
        NotCompilable: see the class.
    """
    if op not in OPERATORS[left.type] or not comparable(left.type, right.type):
        return false()
    if left.type is PropertyType.MULTI_ENUM:
        raise NotCompilable("two lists of options cannot be compared in SQL")
    if op in ("in", "not_in", "between", "within_last", "within_next", "more_than_ago"):
        return false()
    if left.type in TIMES and (left.type is not right.type or (op == "on" and left.type is PropertyType.DATETIME)):
        raise NotCompilable(f"the local day of {right.definition.name} cannot be worked out in SQL")
    if left.type in ORDERED:
        return _within(op, left.value, right.value, right.value)
    value = right.value
    return _plain(op, _comparable_value(left), Folded(value) if left.type in FOLDED else value)


def _comparable_value(side: Side) -> ColumnElement[Any]:
    return Folded(side.value) if side.type in FOLDED else side.value


def _bound(left: Side, value: int | float | str) -> ColumnElement[Any]:
    return literal(value, Number() if left.type is PropertyType.NUMBER else Text())


def _within(op: Operator, value: ColumnElement[Any], first: ColumnElement[Any], last: ColumnElement[Any]) -> Clause:
    """Where an ordered value lies to a range."""
    if op in WITHIN:
        return and_(value >= first, value <= last)
    if op in BELOW:
        return value < first
    if op in ABOVE:
        return value > last
    match op:
        case "gte":
            return value >= first
        case "lte":
            return value <= last
        case "is_not":
            return or_(value < first, value > last)
    return false()


def _plain(op: Operator, value: ColumnElement[Any], right: ColumnElement[Any]) -> Clause:
    """Texts and booleans. Parts are found by position, so no character is special."""
    match op:
        case "is":
            return value == right
        case "is_not":
            return value != right
        case "contains":
            return IndexOf(value, right) > 0
        case "not_contains":
            return IndexOf(value, right) == 0
        case "starts_with":
            return func.substr(value, 1, func.length(right)) == right
        case "ends_with":
            begin = func.length(value) - func.length(right) + 1
            return and_(begin > 0, func.substr(value, begin) == right)
    return false()
