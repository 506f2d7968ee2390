"""Days and weeks that follow each other in a time zone, as reports count by them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal, TypeAlias

from domain.base import Frozen, Instant
from domain.instants import local_midnight

By: TypeAlias = Literal["day", "week"]

MOST_PERIODS = 400
"""Days of a year, and some."""


class Period(Frozen):
    """A day or week that begins with ``first``: the instants from ``since`` on and before ``until``."""

    first: date
    since: Instant
    until: Instant


def periods_between(by: By, first: date, last: date, zone: str) -> list[Period] | None:
    """The periods that hold the days from ``first`` to ``last``, both included, by clocks of ``zone`` (IANA name).

    Weeks begin on Monday, also where ``first`` does not. None where there would be more than ``MOST_PERIODS``; empty
    where ``last`` comes before ``first``.
    """
    length = timedelta(days=7 if by == "week" else 1)
    begin = first - timedelta(days=first.weekday()) if by == "week" else first
    if (last - begin) // length >= MOST_PERIODS:
        return None
    found, at = list[Period](), local_midnight(begin, zone)
    while begin <= last:
        following = begin + length
        until = local_midnight(following, zone)
        found.append(Period(first=begin, since=at, until=until))
        begin, at = following, until
    return found
