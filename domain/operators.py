"""Decides what an operator means for a property type: which are allowed, what a value amounts to, whether it holds.

Both readings stand on this: ``domain.judging`` compares in memory, ``store.segments`` renders the same operands as SQL.
A value that cannot be read as the type makes the comparison false, for negative operators too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from domain.base import Json, utc_text
from domain.conditions import NowValue, Offset, Operator
from domain.errors import FollowthroughError
from domain.instants import (
    Moment,
    day_bounds,
    local_date,
    looks_like_date,
    looks_stored,
    parse_date,
    parse_instant,
    shifted,
)
from domain.schema import PropertyType

FOLDED = frozenset({PropertyType.STRING, PropertyType.TEXT, PropertyType.PHONE, PropertyType.EMAIL})
"""Types whose letters A to Z are compared without case."""
EXACT = frozenset({PropertyType.ENUM, PropertyType.USER})
"""Texts that are compared as they are."""
TEXTS = FOLDED | EXACT
TIMES = frozenset({PropertyType.DATE, PropertyType.DATETIME})
ORDERED = TIMES | {PropertyType.NUMBER}

PRESENCE: frozenset[Operator] = frozenset({"known", "unknown"})
NEGATIVE: frozenset[Operator] = frozenset({"is_not", "not_in", "not_contains", "contains_none"})
"""Operators that leave blanks out unless ``include_blank``."""
MANY: frozenset[Operator] = frozenset({"in", "not_in", "contains_any", "contains_all", "contains_none"})
"""Operators whose value is a list."""
WITHIN: tuple[Operator, ...] = ("is", "on", "between", "within_last", "within_next")
BELOW: tuple[Operator, ...] = ("lt", "before", "more_than_ago")
ABOVE: tuple[Operator, ...] = ("gt", "after")
"""How the operators of ordered types look at a range: inside it, before its first, after its last value."""

_TEXT: frozenset[Operator] = frozenset(
    {"is", "is_not", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with"}
)
_CHOICE: frozenset[Operator] = frozenset({"is", "is_not", "in", "not_in"})
_NUMBER: frozenset[Operator] = _CHOICE | {"gt", "gte", "lt", "lte", "between"}
_TIME: frozenset[Operator] = frozenset(
    {"is", "is_not", "on", "before", "after", "between", "within_last", "within_next", "more_than_ago"}
)

OPERATORS: Mapping[PropertyType, frozenset[Operator]] = {
    **dict.fromkeys(FOLDED, PRESENCE | _TEXT),
    **dict.fromkeys(EXACT, PRESENCE | _CHOICE),
    **dict.fromkeys(TIMES, PRESENCE | _TIME),
    PropertyType.NUMBER: PRESENCE | _NUMBER,
    PropertyType.BOOL: PRESENCE | {"is", "is_not"},
    PropertyType.MULTI_ENUM: PRESENCE | {"contains_any", "contains_all", "contains_none"},
}
"""The operators of each type, as the table of the definition format lists them."""


class ConditionNotAvailable(FollowthroughError):
    """The condition or value is part of the format but cannot be judged in this version; validation refuses it."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"conditions on {kind} are not available yet: remove it from the workflow")
        self.kind = kind


Ordered: TypeAlias = int | float | str


class Range(NamedTuple):
    """A point, a day or an interval of an ordered type: its first and its last value, both inside."""

    first: Ordered
    last: Ordered


Operand: TypeAlias = str | bool | Range | tuple[str, ...] | tuple[Range, ...]
"""The right side, ready to compare: folded when the type folds, times as stored texts."""


def fold(text: str) -> str:
    """``text`` with A to Z in lower case and nothing else changed, as both databases do it."""
    return text.lower() if text.isascii() else text.translate(_FOLD)


_FOLD = {ord(upper): upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def is_number(value: object) -> bool:
    """Whether a JSON value is a number that a double can hold; true and false are none."""
    # Asked by comparing: a whole number beyond every double cannot even be tested for being finite.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def operand(type_: PropertyType, op: Operator, value: object, moment: Moment) -> Operand | None:
    """What the written value amounts to for this type and operator.

    ``value`` is a JSON literal or list, an ``Offset`` or a ``NowValue``. None: it cannot be read so, or the type has no
    such operator, and the comparison is false.
    """
    if op not in OPERATORS[type_]:
        return None
    if type_ in ORDERED:
        return _ordered_operand(type_, op, value, moment)
    if type_ is PropertyType.BOOL:
        return value if isinstance(value, bool) else None
    folds = type_ in FOLDED
    if op in MANY:
        if not isinstance(value, list):
            return None
        return tuple(fold(item) if folds else item for item in value if isinstance(item, str))
    if not isinstance(value, str):
        return None
    return fold(value) if folds else value


def _ordered_operand(type_: PropertyType, op: Operator, value: object, moment: Moment) -> Operand | None:
    """Numbers and times as ranges."""
    if op in MANY:
        if not isinstance(value, list):
            return None
        points = (_point(type_, item, moment) for item in value)
        return tuple(point for point in points if point is not None)
    if op in ("within_last", "within_next", "more_than_ago"):
        return _relative(type_, op, value, moment) if isinstance(value, Offset) else None
    if op == "between":
        if not isinstance(value, list) or len(value) != 2:
            return None
        low, high = (_point(type_, item, moment) for item in value)
        return Range(low.first, high.last) if low is not None and high is not None else None
    if op == "on" and type_ is PropertyType.DATETIME:
        # "on" asks for the local day, so an instant stands for the whole of its day.
        value = _local_day(value, moment)
    return _point(type_, value, moment)


def _point(type_: PropertyType, value: Any, moment: Moment) -> Range | None:
    """One written value of an ordered type; a day is a range of instants."""
    if type_ is PropertyType.NUMBER:
        return Range(value, value) if is_number(value) else None
    if type_ is PropertyType.DATE:
        day = _local_day(value, moment)
        return Range(day, day) if day is not None else None
    if isinstance(value, NowValue):
        now = utc_text(shifted(moment.now, value.now, moment.zone))
        return Range(now, now)
    if not isinstance(value, str):
        return None
    if looks_stored(value):
        return Range(value, value)
    if (day_ := parse_date(value)) is not None:
        return Range(*day_bounds(day_, moment.zone))
    if (at := parse_instant(value)) is not None:
        return Range(utc_text(at), utc_text(at))
    return None


def _local_day(value: object, moment: Moment) -> str | None:
    """The local day ``YYYY-MM-DD`` a written value falls on."""
    if isinstance(value, NowValue):
        return local_date(shifted(moment.now, value.now, moment.zone), moment.zone).isoformat()
    if not isinstance(value, str):
        return None
    if looks_like_date(value):
        return value
    at = parse_instant(value)
    return local_date(at, moment.zone).isoformat() if at is not None else None


def _relative(type_: PropertyType, op: Operator, length: Offset, moment: Moment) -> Range:
    """The range a length reaches from now; for ``more_than_ago`` its far end."""
    far = shifted(moment.now, length, moment.zone, back=op != "within_next")
    if type_ is PropertyType.DATE:
        edge, now = (local_date(at, moment.zone).isoformat() for at in (far, moment.now))
    else:
        edge, now = utc_text(far), utc_text(moment.now)
    if op == "more_than_ago":
        return Range(edge, edge)
    return Range(edge, now) if op == "within_last" else Range(now, edge)


def comparable(left: PropertyType, right: PropertyType) -> bool:
    """Whether two properties can be compared at all: texts of any kind, times of any kind, else the same type."""
    return left is right or any(left in family and right in family for family in (TEXTS, TIMES))


def reads_as(type_: PropertyType, value: Json) -> bool:
    """Whether a stored value can be read as the type; times by their shape only."""
    match type_:
        case PropertyType.NUMBER:
            return is_number(value)
        case PropertyType.BOOL:
            return isinstance(value, bool)
        case PropertyType.MULTI_ENUM:
            return isinstance(value, list)
        case PropertyType.DATE:
            return isinstance(value, str) and looks_like_date(value)
        case PropertyType.DATETIME:
            return isinstance(value, str) and looks_stored(value)
        case _:
            return isinstance(value, str)


def holds(type_: PropertyType, op: Operator, left: Any, right: Operand | None) -> bool:
    """Whether a value compares so with an operand of the same type and operator; a wrong type is false."""
    if right is None or not reads_as(type_, left):
        return False
    if type_ is PropertyType.MULTI_ENUM:
        return isinstance(right, tuple) and _LIST_TESTS[op](left, right)
    if type_ in FOLDED:
        left = fold(left)
    if isinstance(right, Range):
        return _RANGE_TESTS[op](left, right.first, right.last)
    if isinstance(right, tuple):
        among = any(point == (left, left) for point in right) if type_ in ORDERED else left in right
        return among == (op == "in")
    return _PLAIN_TESTS[op](left, right)


_RANGE_TESTS: dict[Operator, Callable[[Any, Any, Any], bool]] = {
    **dict.fromkeys(WITHIN, lambda left, first, last: first <= left <= last),
    "is_not": lambda left, first, last: not first <= left <= last,
    **dict.fromkeys(BELOW, lambda left, first, last: left < first),
    **dict.fromkeys(ABOVE, lambda left, first, last: left > last),
    "gte": lambda left, first, last: left >= first,
    "lte": lambda left, first, last: left <= last,
}
_PLAIN_TESTS: dict[Operator, Callable[[Any, Any], bool]] = {
    "is": lambda left, right: left == right,
    "is_not": lambda left, right: left != right,
    "contains": lambda left, right: right in left,
    "not_contains": lambda left, right: right not in left,
    "starts_with": lambda left, right: left.startswith(right),
    "ends_with": lambda left, right: left.endswith(right),
}
_LIST_TESTS: dict[Operator, Callable[[list[Any], tuple[Any, ...]], bool]] = {
    "contains_any": lambda left, right: any(option in left for option in right),
    "contains_all": lambda left, right: all(option in left for option in right),
    "contains_none": lambda left, right: not any(option in left for option in right),
}
