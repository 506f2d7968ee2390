"""Which property types convert into which, and how: what copying between unlike properties may do.

A value keeps its meaning or is refused when the definition is saved: text is never guessed to be a number or a date.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from domain.base import Json, utc_text
from domain.instants import local_date, local_midnight, parse_date, parse_instant
from domain.schema import PropertyType

WORDS = frozenset(PropertyType(name) for name in ("string", "text", "enum", "phone", "email", "user"))
"""Types whose values are words and go into each other as they are; what does not fit is found when the step runs."""

WRITTEN_OUT = frozenset({PropertyType.STRING, PropertyType.TEXT})
"""Types that take any value, written as people read it."""

CONVERTS: Mapping[PropertyType, frozenset[PropertyType]] = {
    PropertyType.DATE: frozenset({PropertyType.DATETIME}),
    PropertyType.DATETIME: frozenset({PropertyType.DATE}),
    PropertyType.ENUM: frozenset({PropertyType.MULTI_ENUM}),
}
"""What a type goes into besides itself, other words, and texts."""


def converts(source: PropertyType, target: PropertyType) -> bool:
    """Whether values of one type may be copied into a property of the other."""
    if source is target or target in WRITTEN_OUT or {source, target} <= WORDS:
        return True
    return target in CONVERTS.get(source, ())


def converted(value: Json, source: PropertyType, target: PropertyType, *, zone: str) -> Json:
    """A stored value as a property of another type holds it; ``converts`` allowed it.

    A date becomes its first instant in the zone, a datetime the date it is there; in texts times are those of the zone.
    """
    if value is None or source is target:
        return value
    if target is PropertyType.DATETIME and isinstance(value, str):
        day = parse_date(value)
        return utc_text(local_midnight(day, zone)) if day is not None else None
    if target is PropertyType.DATE and isinstance(value, str):
        at = parse_instant(value)
        return local_date(at, zone).isoformat() if at is not None else None
    if target is PropertyType.MULTI_ENUM:
        return [value]
    return written_out(value, source, zone=zone) if target in WRITTEN_OUT else value


def written_out(value: Json, type: PropertyType, *, zone: str) -> str:
    """A value as text: ``5000``, ``true``, ``2027-01-31 09:00`` in the zone, options with commas between them."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return written_number(value)
        case list():
            return ", ".join(str(each) for each in value)
        case str() if type is PropertyType.DATETIME and (at := parse_instant(value)) is not None:
            return _local(at, zone)
        case _:
            return str(value)


def written_number(value: int | float) -> str:
    """A number without an exponent and without zeros behind the point."""
    exact = Decimal(str(value))
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def as_number(exact: Decimal) -> int | float:
    """The JSON number of a decimal; a whole one is an integer."""
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def _local(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
