"""The totals of a workflow by days or weeks: how many entered, ended and reached a goal in each."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta

from domain.base import Frozen
from domain.errors import Invalid
from domain.instants import EARLIEST, LATEST, local_date, local_midnight
from domain.periods import MOST_PERIODS, By, Period, periods_between
from domain.problems import FieldError
from domain.zones import zone_of
from services.installation import Installation
from services.versions import load_live
from store.database import Read, Row
from store.schema import load_account
from store.totals import PeriodFigure, count_over_time

A_WEEK = timedelta(days=7)
USUAL = {"day": timedelta(days=29), "week": timedelta(weeks=11)}
"""How far back it goes unless somebody says."""


class PeriodTotals(Frozen):
    """What happened in the day or week that begins with ``from``; ``to`` is its last day.

    ``goal`` counts each enrollment that reached a goal, in the period in which it reached its first. What is counted in
    a period stays as it is once the period is over, but for what is deleted.
    """

    first: date
    last: date
    enrolled: int
    ended: int
    by_reason: dict[str, int]
    goal: int


class OverTime(Frozen):
    """The totals by days or weeks, oldest first, in ``zone``; weeks begin on Monday."""

    workflow: str
    by: By
    zone: str
    periods: list[PeriodTotals]


async def make_over_time(
    read: Read, inst: Installation, workflow: Row, by: By, *, first: date | None, last: date | None
) -> OverTime:
    """The totals from the period of ``first`` to that of ``last``; else the last 30 days or twelve weeks.

    Raises:
        Invalid: ``last`` comes before ``first``, or there are too many periods between them.
    """
    zone = await zone_of_workflow(read, workflow)
    last = last or local_date(inst.clock.now(), zone)
    first = first or last - USUAL[by]
    periods = _periods(by, first, last, zone)
    found = {figure: await _count(read, workflow, figure, periods) for figure in FIGURES}
    return OverTime(
        workflow=workflow["slug"],
        by=by,
        zone=zone,
        periods=[_told(n, period, by, found) for n, period in enumerate(periods)],
    )


def _periods(by: By, first: date, last: date, zone: str) -> list[Period]:
    _refuse_far(first, last)
    found = periods_between(by, first, last, zone)
    if found is None:
        raise _wrong(f"{first} to {last} is more than {MOST_PERIODS} {by}s")
    if not found:
        raise _wrong(f"{last} comes before {first}")
    return found


def _refuse_far(first: date, last: date) -> None:
    if first <= EARLIEST.date() + A_WEEK or last >= LATEST.date() - A_WEEK:
        raise _wrong(f"days lie between {EARLIEST.date()} and {LATEST.date()}")


def _wrong(words: str) -> Invalid:
    return Invalid(words, errors=[FieldError(path="query:from", code="wrong_value", message=words)])


async def days_of(read: Read, workflow: Row, first: date | None, last: date | None) -> tuple[datetime, datetime] | None:
    """The first instant of ``first`` and that after ``last``, in the zone of the workflow; None: neither is named.

    Raises:
        Invalid: one of them is missing, or ``last`` comes before ``first``.
    """
    if first is None and last is None:
        return None
    if first is None or last is None or last < first:
        raise _wrong("from and to are two days, the second not before the first")
    _refuse_far(first, last)
    zone = await zone_of_workflow(read, workflow)
    return local_midnight(first, zone), local_midnight(last + timedelta(days=1), zone)


async def zone_of_workflow(read: Read, workflow: Row) -> str:
    """The IANA name of the zone in which days of a workflow are counted: its own, or the account's."""
    account = await load_account(read)
    if workflow["version"] is None:
        return account.timezone
    return zone_of((await load_live(read, workflow["id"], workflow["version"])).definition, account.timezone)


FIGURES: tuple[PeriodFigure, ...] = ("enrolled", "ended", "goal")

Counts = dict[int, dict[str | None, int]]


async def _count(read: Read, workflow: Row, figure: PeriodFigure, periods: list[Period]) -> Counts:
    edges = [*(period.since for period in periods), periods[-1].until]
    found: Counts = defaultdict(dict)
    for row in await count_over_time(read, workflow["id"], figure, edges):
        found[row["period"]][row["reason"]] = row["total"]
    return found


def _told(n: int, period: Period, by: By, found: dict[PeriodFigure, Counts]) -> PeriodTotals:
    enrolled, ended, goal = (found[figure].get(n, {}) for figure in FIGURES)
    return PeriodTotals(
        first=period.first,
        last=period.first + timedelta(days=6 if by == "week" else 0),
        enrolled=sum(enrolled.values()),
        ended=sum(ended.values()),
        by_reason={str(reason): count for reason, count in sorted(ended.items(), key=lambda each: str(each[0]))},
        goal=sum(goal.values()),
    )
