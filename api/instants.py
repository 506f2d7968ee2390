"""Instants as callers write them: RFC 3339 with an offset, within what both databases and every zone can hold."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from domain.instants import EARLIEST, LATEST

FORM = "write an instant with its offset, such as 2027-01-31T17:00:00+01:00"


def _written(value: object) -> object:
    # A bare number would be taken for seconds or, if large, for milliseconds since 1970.
    if not isinstance(value, str) or value.replace(".", "").lstrip("+-").isdigit():
        raise ValueError(FORM)
    return value


def _in_reach(at: datetime) -> datetime:
    if not EARLIEST <= at <= LATEST:
        raise ValueError(f"an instant lies in the years {EARLIEST.year} to {LATEST.year}")
    return at.astimezone(UTC)


def _day(value: object) -> object:
    # A bare number would be taken for days or seconds since 1970.
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError("write a day as 2027-01-31")
    return value


WrittenDay: TypeAlias = Annotated[date, BeforeValidator(_day)]
"""A day in an address."""

WrittenInstant: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_in_reach)]
"""An instant in a body or an address, in UTC once read."""
