"""Turns values into others: texts, numbers, dates and telephone numbers, one operation after the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import Field, StrictInt, StrictStr

from domain.base import Authored, utc_text
from domain.conditions import Offset
from domain.converting import as_number
from domain.errors import FollowthroughError
from domain.instants import local_midnight, parse_date, parse_instant, shifted
from domain.ports import Phones

Result: TypeAlias = str | int | float
MOST_DIGITS = 15
"""More digits than JSON keeps exactly are no number to reckon with."""

DATE_CODES = "aAbBdHIjmMpyY%"


class NoFormat(FollowthroughError):
    """The value is not what the operation works on; the words never quote it."""


class TextFormat(Authored):
    """Letters and spaces of a text."""

    do: Literal["trim", "upper", "lower", "capitalize", "title"]


class ReplaceFormat(Authored):
    """Every ``find`` becomes ``by``; exactly as written."""

    do: Literal["replace"]
    find: StrictStr = Field(min_length=1, max_length=200)
    by: StrictStr = Field(default="", max_length=200)


class CutFormat(Authored):
    """``length`` characters from ``start`` (0: the first; a minus counts from the end); without ``length`` the rest."""

    do: Literal["cut"]
    start: StrictInt = 0
    length: Annotated[StrictInt, Field(ge=1)] | None = None


class SumFormat(Authored):
    """Reckons with a number written in digits, which may come from a template."""

    do: Literal["add", "subtract", "multiply", "divide"]
    number: StrictInt | float


class RoundFormat(Authored):
    """``digits`` behind the point, halves away from zero."""

    do: Literal["round"]
    digits: Annotated[StrictInt, Field(ge=0, le=10)] = 0


class AbsFormat(Authored):
    """Without its sign."""

    do: Literal["abs"]


class DateFormat(Authored):
    """A date or a time moved by ``plus`` and written by ``pattern`` (``%d.%m.%Y``) in the zone."""

    do: Literal["date"]
    pattern: StrictStr | None = Field(default=None, max_length=60)
    plus: Offset = Field(default=Offset())


class PhoneFormat(Authored):
    """The international form of a telephone number (``+4722334455``)."""

    do: Literal["phone"]


Operation: TypeAlias = Annotated[
    TextFormat | ReplaceFormat | CutFormat | SumFormat | RoundFormat | AbsFormat | DateFormat | PhoneFormat,
    Field(discriminator="do"),
]


def formatted(value: str, operations: Sequence[Operation], *, zone: str, phones: Phones, region: str) -> Result:
    """The value after all operations; a text stays one unless an operation reckons with it.

    Raises:
        NoFormat: one of them cannot work on what it got.
    """
    result: Result = value
    for operation in operations:
        result = _done(result, operation, zone=zone, phones=phones, region=region)
    return result


def pattern_problem(pattern: str) -> str | None:
    """Why a pattern of a date cannot be used, in words; None when it can."""
    for code in re.findall(r"%(.?)", pattern.replace("%%", "")):
        if code not in DATE_CODES or not code:
            return f"%{code} is not known; use %Y %m %d %H %M %y %b %B %a %A %I %p %j"
    return None


def _done(value: Result, operation: Operation, *, zone: str, phones: Phones, region: str) -> Result:
    match operation:
        case TextFormat():
            return _text(value, operation.do)
        case ReplaceFormat():
            return str(value).replace(operation.find, operation.by)
        case CutFormat():
            rest = str(value)[operation.start :]
            return rest[: operation.length] if operation.length is not None else rest
        case SumFormat():
            return _sum(_number(value), Decimal(str(operation.number)), operation.do)
        case RoundFormat():
            return as_number(_number(value).quantize(Decimal(1).scaleb(-operation.digits), rounding=ROUND_HALF_UP))
        case AbsFormat():
            return as_number(abs(_number(value)))
        case DateFormat():
            return _date(value, operation, zone)
        case PhoneFormat():
            found = phones.e164(str(value), region)
            if found is None:
                raise NoFormat("is no telephone number")
            return found


def _text(value: Result, do: Literal["trim", "upper", "lower", "capitalize", "title"]) -> str:
    text = str(value)
    match do:
        case "trim":
            return " ".join(text.split())
        case "upper":
            return text.upper()
        case "lower":
            return text.lower()
        case "capitalize":
            return text[:1].upper() + text[1:]
        case "title":
            return " ".join(word[:1].upper() + word[1:].lower() for word in text.split(" "))


def _number(value: Result) -> Decimal:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise NoFormat("is no number") from None
    if not number.is_finite() or abs(number) >= 10**MOST_DIGITS:
        raise NoFormat("is no number that can be reckoned with")
    return number


def _sum(left: Decimal, right: Decimal, do: Literal["add", "subtract", "multiply", "divide"]) -> Result:
    if do == "divide" and right == 0:
        raise NoFormat("cannot be divided by 0")
    match do:
        case "add":
            made = left + right
        case "subtract":
            made = left - right
        case "multiply":
            made = left * right
        case "divide":
            made = left / right
    return as_number(_number(as_number(made)))


def _date(value: Result, operation: DateFormat, zone: str) -> str:
    text = str(value).strip()
    day = parse_date(text)
    at = local_midnight(day, zone) if day is not None else parse_instant(text)
    if at is None:
        raise NoFormat("is no date")
    moved = shifted(at, operation.plus, zone)
    if operation.pattern is not None:
        return _written(moved.astimezone(ZoneInfo(zone)), operation.pattern)
    return moved.astimezone(ZoneInfo(zone)).date().isoformat() if day is not None else utc_text(moved)


def _written(local: datetime, pattern: str) -> str:
    # Years before 1000 lose their zeros in some C libraries.
    return local.strftime(pattern.replace("%Y", f"{local.year:04d}"))
