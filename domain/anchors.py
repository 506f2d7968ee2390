"""When the date of a dated workflow is: a fixed one, or a property of the record, every year anew if it says so (R4).

The year that is stored counts for nothing in a yearly workflow, and 29 February falls on the 28th in common years.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.base import Json, utc_text
from domain.conditions import Of
from domain.definition import Anchor, Definition
from domain.delays import at_local, clock_time, moment_of, subject_of
from domain.facts import Facts
from domain.instants import local_date, local_instant, parse_instant


def is_yearly(definition: Definition) -> bool:
    """Whether an enrollment comes to the date again every year and ends only by an exit."""
    return definition.type == "date_property" and definition.anchor is not None and definition.anchor.yearly


def anchor_of(anchor: Anchor) -> Of | None:
    """The associated record the date is read from; None: the enrolled one."""
    return Of(object=anchor.of) if anchor.of is not None else None


def anchor_instant(anchor: Anchor, facts: Facts, zone: str, *, since: date) -> datetime | None:
    """The instant the delays count from, None when there is no date.

    ``since``: of a yearly date the first occurrence on or after this day is meant. A date without a time of day is the
    midnight it begins at.
    """
    at = moment_of(_value(anchor, facts), zone)
    if at is None:
        return None
    wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    day = occurrence(wall.date(), since) if anchor.yearly else wall.date()
    if anchor.time is not None:
        return at_local(day, clock_time(anchor.time), zone)
    return local_instant(datetime.combine(day, wall.time()), zone) if anchor.yearly else at


def origin(at: datetime | None, zone: str) -> str:
    """What delays count from, the date and the clock of a zone, as one text: another text means that it moved."""
    return f"{utc_text(at) if at is not None else '-'} {zone}"


def kept_by(origin: str, since: date) -> date:
    """``kept_since`` by what an enrollment was last seen to count from; ``since`` where that was no date."""
    at, zone = origin.split(" ", 1)
    found = parse_instant(at)
    return kept_since(found, zone) if found is not None else since


def is_past(due_at: datetime, since: datetime) -> bool:
    """Whether an anchored delay is passed by because its instant came before anybody could wait for it.

    ``since``: when the enrollment or its round began, or the date last moved. What is due from then on is done, late
    if it is come to late.
    """
    return due_at < since


def occurrence(day: date, since: date) -> date:
    """The first anniversary of ``day`` on or after ``since``, whatever year ``day`` is of."""
    this_year = anniversary(day, since.year)
    return this_year if this_year >= since else anniversary(day, since.year + 1)


def anniversary(day: date, year: int) -> date:
    """The day of a year that has the month and day of ``day``."""
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 3, 1) - timedelta(days=1)


def next_since(at: datetime | None, since: date, zone: str) -> date:
    """The day from which the round after this one counts: the first of the year after that of its date.

    ``at``: the instant its delays counted from; None, when the date is gone: the year it counted from stands in.
    """
    year = local_date(at, zone).year if at is not None else since.year
    return date(year + 1, 1, 1)


def kept_since(at: datetime, zone: str) -> date:
    """The day a round counts from once something of it was done: its year stays, so that nothing comes twice in it."""
    return date(local_date(at, zone).year, 1, 1)


def _value(anchor: Anchor, facts: Facts) -> Json:
    if anchor.property is None:
        return anchor.date
    subject = subject_of(anchor_of(anchor), facts)
    return subject.properties.get(anchor.property) if subject is not None else None
