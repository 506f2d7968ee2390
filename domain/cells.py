"""Reads the text of one CSV cell as a JSON value of a property's type; whether it is allowed is decided later."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from typing import TypeVar, assert_never

from domain.base import Json, utc_text
from domain.schema import PropertyType

NUMBER_FORMATS = {"1234.5": ("", "."), "1,234.5": (",", "."), "1.234,5": (".", ","), "1 234,5": (" ", ",")}
"""How numbers are written: thousands separator and decimal sign. Never guessed: 1,234 is two different numbers."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_TRUE = frozenset({"true", "yes", "y", "1"})
_FALSE = frozenset({"false", "no", "n", "0"})
_Day = TypeVar("_Day", date, datetime)


class BadCell(ValueError):
    """The cell cannot be read as what its property holds; ``code`` for machines, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_cell(type: PropertyType, written: str, *, format: str | None, shift_years: int, zone: tzinfo) -> Json:
    """The JSON value of a stripped cell; None for an empty one.

    ``format`` is for dates a ``strptime`` format such as ``%m/%d/%Y`` (without it ISO), for numbers one of
    ``NUMBER_FORMATS``. ``shift_years`` whole years are added to dates and datetimes; 29 February falls on the 28th in
    common years. ``zone`` is where a datetime without an offset was written.

    Raises:
        BadCell: ``wrong_type``.
    """
    if written == "":
        return None
    match type:
        case PropertyType.NUMBER:
            return _number(written, format)
        case PropertyType.BOOL:
            return _bool(written)
        case PropertyType.DATE:
            return _moved(_date(written, format), shift_years).isoformat()
        case PropertyType.DATETIME:
            return utc_text(_moved(_datetime(written, format, zone), shift_years))
        case PropertyType.MULTI_ENUM:
            return [part.strip() for part in written.split(";") if part.strip()]
        case (
            PropertyType.STRING
            | PropertyType.TEXT
            | PropertyType.ENUM
            | PropertyType.PHONE
            | PropertyType.EMAIL
            | PropertyType.USER
        ):
            return written
        case _:
            assert_never(type)


def is_format(type: PropertyType, format: str) -> bool:
    """Whether ``format`` says how to read cells of this type; a date's must name year, month and day."""
    match type:
        case PropertyType.NUMBER:
            return format in NUMBER_FORMATS
        case PropertyType.DATE | PropertyType.DATETIME:
            probe = date(2001, 12, 31)
            try:
                return _parsed(probe.strftime(format), format).date() == probe
            except ValueError:
                return False
        case _:
            return False


def _parsed(written: str, format: str) -> datetime:
    # Naive unless the format names an offset; the callers take the date or add the zone.
    return datetime.strptime(written, format)  # noqa: DTZ007


def _number(written: str, format: str | None) -> int | float:
    thousands, decimal = NUMBER_FORMATS[format or "1234.5"]
    plain = written
    if thousands:
        whole, sign, fraction = written.partition(decimal)
        if not re.fullmatch(rf"[+-]?\d{{1,3}}({re.escape(thousands)}?\d{{3}})*|[+-]?\d*", whole):
            raise BadCell("wrong_type", f"{_shown(written)} is not a number written like {format}")
        plain = whole.replace(thousands, "") + (f".{fraction}" if sign else "")
    if not _NUMBER.fullmatch(plain):
        raise BadCell("wrong_type", f"{_shown(written)} is not a number")
    number = float(plain)
    if number in (float("inf"), float("-inf")):
        raise BadCell("wrong_type", f"{_shown(written)} is too large for a number")
    # 2**53: beyond it a float no longer holds every whole number.
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _bool(written: str) -> bool:
    folded = written.lower()
    if folded in _TRUE:
        return True
    if folded in _FALSE:
        return False
    raise BadCell("wrong_type", f"{_shown(written)} is neither true nor false")


def _date(written: str, format: str | None) -> date:
    try:
        return _parsed(written, format or "%Y-%m-%d").date()
    except ValueError:
        raise BadCell("wrong_type", f"{_shown(written)} is not a date written like {format or 'YYYY-MM-DD'}") from None


def _datetime(written: str, format: str | None, zone: tzinfo) -> datetime:
    try:
        found = _parsed(written, format) if format else datetime.fromisoformat(written)
        aware = found if found.tzinfo else found.replace(tzinfo=zone)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        like = format or "YYYY-MM-DDTHH:MM:SSZ"
        raise BadCell("wrong_type", f"{_shown(written)} is not an instant written like {like}") from None


def _moved(at: _Day, years: int) -> _Day:
    if years == 0:
        return at
    try:
        return at.replace(year=at.year + years)
    except ValueError:
        if at.month == 2 and at.day == 29:
            return at.replace(year=at.year + years, day=28)
        raise BadCell("wrong_type", f"the year {at.year + years} does not exist") from None


def _shown(written: str) -> str:
    return repr(written if len(written) <= 60 else written[:57] + "…")
