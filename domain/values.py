"""Decides which JSON values a property may hold and the one form each is stored in.

Values are strict: nothing is guessed or converted between types. An empty text or list is no value and clears.
"""

from __future__ import annotations

import math
from typing import assert_never

from domain.base import Json, utc_text
from domain.errors import FollowthroughError
from domain.instants import parse_date, parse_instant
from domain.operators import fold
from domain.ports import Addresses
from domain.schema import PropertyDefinition, PropertyType

STRING_CHARS = 1_000
TEXT_CHARS = 65_536
UNIQUE_CHARS = 500
"""What the index of unique values holds."""
EMAIL_CHARS = 320
LARGEST_WHOLE = 2**53
"""Whole numbers up to here are exact in every reader of JSON; the databases disagree on larger ones."""


class ValueProblem(FollowthroughError):
    """The value cannot be stored; ``code`` is wrong_type, wrong_value or unknown_option, ``message`` is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def normalise(definition: PropertyDefinition, value: Json, *, addresses: Addresses) -> Json:
    """The form ``value`` is stored in for this property; None means the property is cleared.

    Datetimes become UTC text of fixed width (``2027-01-31T08:00:00.000000Z``), options of a multi_enum lose their
    repetitions, everything else stays as written.

    Raises:
        ValueProblem: when the property cannot hold it.
    """
    if value is None or value == "" or value == []:
        return None
    match definition.type:
        case PropertyType.NUMBER:
            return _number(value)
        case PropertyType.BOOL:
            if not isinstance(value, bool):
                raise _wrong_type("true or false", value)
            return value
        case PropertyType.MULTI_ENUM:
            return _options(definition, value)
        case PropertyType.ENUM:
            return _option(definition, _text(value, STRING_CHARS))
        case PropertyType.DATE:
            return _date(_text(value, STRING_CHARS))
        case PropertyType.DATETIME:
            return _datetime(_text(value, STRING_CHARS))
        case PropertyType.EMAIL:
            return _email(_text(value, EMAIL_CHARS), addresses)
        case PropertyType.TEXT:
            return _text(value, UNIQUE_CHARS if definition.unique else TEXT_CHARS)
        case PropertyType.STRING | PropertyType.PHONE | PropertyType.USER:
            return _text(value, UNIQUE_CHARS if definition.unique else STRING_CHARS)
        case _ as never:
            assert_never(never)


def unique_form(type: PropertyType, value: Json) -> str:
    """The text under which a unique value is found, from its stored form; addresses without regard to case."""
    if isinstance(value, str):
        return fold(value) if type is PropertyType.EMAIL else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def is_held(type: PropertyType, value: Json, form: str) -> bool:
    """Whether a stored value of a unique property is the one found under ``form``."""
    return value is not None and unique_form(type, value) == form


def _wrong_type(wanted: str, value: Json) -> ValueProblem:
    return ValueProblem("wrong_type", f"must be {wanted}, not {_kind(value)}")


def _kind(value: Json) -> str:
    """What a JSON value is, in words that never repeat the value itself."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case dict():
            return "an object"


def _number(value: Json) -> Json:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong_type("a number", value)
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        raise ValueProblem("wrong_value", f"whole numbers may not go beyond {LARGEST_WHOLE}")
    if not math.isfinite(value):
        raise ValueProblem("wrong_value", "must be a finite number")
    return value


def _text(value: Json, limit: int) -> str:
    if not isinstance(value, str):
        raise _wrong_type("a text", value)
    if len(value) > limit:
        raise ValueProblem("wrong_value", f"may not be longer than {limit} characters")
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueProblem("wrong_value", "contains a character that cannot be stored")
    return value


def _option(definition: PropertyDefinition, value: str) -> str:
    if definition.option(value) is None:
        known = ", ".join(option.value for option in definition.options) or "none yet"
        raise ValueProblem("unknown_option", f"is not an option; the options are: {known}")
    return value


def _options(definition: PropertyDefinition, value: Json) -> Json:
    if not isinstance(value, list):
        raise _wrong_type("a list of options", value)
    chosen: dict[str, Json] = {_option(definition, _text(item, STRING_CHARS)): None for item in value}
    return list(chosen)


def _date(value: str) -> str:
    if parse_date(value) is None:
        raise ValueProblem("wrong_value", "must be a calendar date like 2027-01-31")
    return value


def _datetime(value: str) -> str:
    at = parse_instant(value)
    if at is None:
        raise ValueProblem("wrong_value", "must be a time with its offset like 2027-01-31T09:00:00+01:00")
    return utc_text(at)


def _email(value: str, addresses: Addresses) -> str:
    problem = addresses.problem(value)
    if problem is not None:
        raise ValueProblem("wrong_value", problem)
    return value
