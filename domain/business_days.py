"""Counting business days: Monday to Friday, without the holidays of a calendar, at the same clock time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from domain.instants import LATEST, local_instant

IsFree: TypeAlias = Callable[[date], bool]
"""Whether nobody works on a day though it is one from Monday to Friday."""

MOST = 2600
"""Business days a length may count: ten years."""

SATURDAY = 5


def no_holidays(day: date) -> bool:
    """The calendar of who named none."""
    return False


def plus_business_days(start: datetime, days: int, zone: str, is_free: IsFree) -> datetime:
    """The same clock time ``days`` business days later: two from Friday 15:00 are Tuesday 15:00 (in UTC).

    From a day that is none the first business day counts as one.
    """
    wall = start.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    day, left = wall.date(), days
    while left and day < LATEST.date():
        day += timedelta(days=1)
        left -= is_business_day(day, is_free)
    return local_instant(datetime.combine(day, wall.time()), zone)


def is_business_day(day: date, is_free: IsFree) -> bool:
    """Whether people work on that day."""
    return day.weekday() < SATURDAY and not is_free(day)
