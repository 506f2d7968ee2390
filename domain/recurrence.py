"""When a schedule happens next: days, weekdays, days of a month or of a year, at a clock time of a zone (rule R13).

A day that a month lacks means its last day. A local time that does not exist moves on by the gap, of two the first
counts (rule R9).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import count

from domain.base import Frozen, Instant
from domain.definition import NthWeekday, Schedule
from domain.delays import WEEKDAYS, clock_time
from domain.instants import local_date, local_instant

WEEK = 7


class Occurrence(Frozen):
    """One time a schedule happens. ``local``: what the clock of its zone is to show, ``2027-03-04T09:00``."""

    local: str
    at: Instant


def next_occurrence(schedule: Schedule, after: datetime, account_zone: str) -> Occurrence:
    """The first occurrence strictly after an instant, of a schedule without problems.

    ``account_zone``: the IANA name of the zone that counts where the schedule names none.
    """
    zone = zone_of_schedule(schedule, account_zone)
    clock = clock_time(schedule.at)
    # Two days back, because a clock change around midnight moves a time of yesterday into today.
    for day in _days_from(schedule, local_date(after, zone) - timedelta(days=2)):
        found = _occurrence(day, clock, zone)
        if found.at > after:
            return found
    raise AssertionError("the days of a schedule never end")


def zone_of_schedule(schedule: Schedule, account_zone: str) -> str:
    """The IANA name of the zone whose clock rules the occurrences."""
    return schedule.timezone or account_zone


def _occurrence(day: date, clock: time, zone: str) -> Occurrence:
    wall = datetime.combine(day, clock)
    return Occurrence(local=wall.isoformat(timespec="minutes"), at=local_instant(wall, zone))


def _days_from(schedule: Schedule, first: date) -> Iterator[date]:
    """The days of a schedule, ascending, from the month or year of ``first`` on at the latest."""
    match schedule.every:
        case "day":
            yield from _all_days(first)
        case "week":
            allowed = schedule.weekdays or ()
            yield from (day for day in _all_days(first) if WEEKDAYS[day.weekday()] in allowed)
        case "month":
            for n in count(first.year * 12 + first.month - 1):
                yield from _days_of_month(schedule, n // 12, n % 12 + 1)
        case "year":
            assert schedule.month is not None, "validation asks for it"
            assert schedule.day is not None, "validation asks for it"
            for year in count(first.year):
                yield _day_or_last(year, schedule.month, schedule.day)


def _all_days(first: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in count())


def _days_of_month(schedule: Schedule, year: int, month: int) -> list[date]:
    if schedule.nth_weekday is not None:
        return [_nth(schedule.nth_weekday, year, month)]
    return sorted({_day_or_last(year, month, 31 if day == "last" else day) for day in schedule.days or ()})


def _nth(wanted: NthWeekday, year: int, month: int) -> date:
    weekday = WEEKDAYS.index(wanted.weekday)
    if wanted.nth == "last":
        last = _day_or_last(year, month, 31)
        return last - timedelta(days=(last.weekday() - weekday) % WEEK)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % WEEK + WEEK * (wanted.nth - 1))


def _day_or_last(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))
