"""Counting business days: Monday to Friday, without the holidays of a calendar, at the same clock time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from domain.conditions import Offset
from domain.instants import LATEST, local_instant
from domain.problems import ProblemCode

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


def business_day_mistakes(length: Offset) -> Iterator[tuple[str, ProblemCode, str]]:
    """Why business days cannot be counted in a length: the field, the code and the words."""
    if length.weeks:
        yield "weeks", "wrong_value", "business days are counted in days; a week of work is days: 5"
    if not length.days and not length.is_zero:
        yield "days", "missing_field", "business days are counted in days; say how many"
    if length.days > MOST:
        yield "days", "wrong_value", f"more than {MOST} business days (ten years) cannot be counted"
