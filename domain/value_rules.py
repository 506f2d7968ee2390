"""Whether a literal that a person wrote can be compared with a property, by its type."""

from __future__ import annotations

from collections.abc import Collection
from typing import assert_never

from domain.base import Json
from domain.conditions import Operator
from domain.examination import Examination
from domain.instants import parse_date, parse_instant
from domain.operators import is_number
from domain.reader import join, similar
from domain.schema import PropertyDefinition, PropertyType

LISTS: frozenset[Operator] = frozenset({"in", "not_in", "contains_any", "contains_all", "contains_none", "between"})
"""Operators whose value is a list."""

RELATIVE: frozenset[Operator] = frozenset({"within_last", "within_next", "more_than_ago"})
"""Operators whose value is a length of time."""


def check_literals(x: Examination, definition: PropertyDefinition, op: Operator, value: Json, path: str) -> None:
    """Tell what is wrong with a literal, or with each literal of a list."""
    if op not in LISTS:
        if isinstance(value, list):
            x.tell(path, "wrong_type", f"{op!r} takes one value, not a list; use 'in' or 'contains_any' for several")
        else:
            check_literal(x, definition, value, path)
        return
    if not isinstance(value, list):
        x.tell(path, "wrong_type", f"{op!r} takes a list, such as [a, b]")
        return
    if op == "between" and len(value) != 2:
        x.tell(path, "wrong_value", "'between' takes the lowest and the highest value: [low, high]")
        return
    if not value:
        x.tell(path, "wrong_value", f"the list of {op!r} is empty; write at least one value")
    for i, item in enumerate(value):
        check_literal(x, definition, item, join(path, i))
    if op == "between" and is_number(value[0]) and is_number(value[1]) and float(str(value[0])) > float(str(value[1])):
        x.tell(path, "wrong_value", "the first value of 'between' is larger than the second, so nothing is between")


def check_literal(x: Examination, definition: PropertyDefinition, value: Json, path: str) -> None:
    """Tell why a literal can never be a value of the property, if so."""
    name = definition.name
    if value is None:
        x.tell(path, "missing_field", f"{name!r} is compared with nothing; write a value or use 'unknown'")
        return
    match definition.type:
        case PropertyType.NUMBER:
            if not is_number(value):
                x.tell(path, "wrong_type", f"{name!r} is a number, so {value!r} must be one, without quotes"[:300])
        case PropertyType.BOOL:
            if not isinstance(value, bool):
                x.tell(path, "wrong_type", f"{name!r} is true or false, not {value!r}"[:300])
        case PropertyType.DATE | PropertyType.DATETIME:
            _check_time(x, name, value, path)
        case PropertyType.ENUM | PropertyType.MULTI_ENUM:
            if _is_text(x, name, value, path) and definition.option(str(value)) is None:
                options = [option.value for option in definition.options]
                x.tell(path, "unknown_option", f"{name!r} has no option {value!r}{similar(str(value), options)}"[:300])
        case PropertyType.USER:
            if _is_text(x, name, value, path):
                check_user(x, str(value), path)
        case PropertyType.STRING | PropertyType.TEXT | PropertyType.PHONE | PropertyType.EMAIL:
            _is_text(x, name, value, path)
        case _ as never:
            assert_never(never)


def check_user(x: Examination, user_id: str, path: str) -> None:
    """Tell when there is no active user of this id."""
    if user_id not in x.catalogue.users:
        x.tell(path, "unknown_user", f"there is no active user with the id {user_id!r}"[:300])


def check_operator(
    x: Examination, name: str, op: Operator, allowed: Collection[Operator], path: str, kind: str
) -> bool:
    """Whether the operator exists for the type; told when not."""
    if op in allowed:
        return True
    listed = ", ".join(sorted(allowed))
    x.tell(path, "wrong_operator", f"{name!r} is of type {kind}, which has no operator {op!r}; it has {listed}")
    return False


def _is_text(x: Examination, name: str, value: Json, path: str) -> bool:
    if isinstance(value, str):
        return True
    x.tell(path, "wrong_type", f"{name!r} is text, so {value!r} must be in quotes"[:300])
    return False


def _check_time(x: Examination, name: str, value: Json, path: str) -> None:
    if not isinstance(value, str):
        x.tell(path, "wrong_type", f"{name!r} is compared with a date in quotes, not with {value!r}"[:300])
    elif parse_date(value) is None and parse_instant(value) is None:
        form = "write a date such as 2027-01-31 or an instant such as 2027-01-31T09:00:00+01:00"
        x.tell(path, "wrong_value", f"{value!r} is no date; {form}"[:300])
