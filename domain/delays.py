"""When a delay is over: lengths, weekdays, dates and date properties, in a zone, over clock changes (rules R3 and R9).

Weeks and days keep the clock time of the zone, hours and less are absolute, and days are added first. A local time
that does not exist is moved forward by the gap, one that exists twice means the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from domain.base import Frozen, Instant, Json
from domain.conditions import Of, Offset
from domain.facts import Facts, RecordFacts
from domain.instants import local_date, local_instant, parse_date, parse_instant, shifted
from domain.steps import DelayStep, UntilClock, UntilDate, UntilProperty, Weekday

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Due(Frozen):
    """When a delay is over.

    ``missing``: the property has no value, ``at`` is then None. ``past``: the date it leads to lies before ``now``;
    who planned an instant that has been reached since goes on whatever this says.
    """

    at: Instant | None = None
    missing: bool = False
    past: bool = False


def due(step: DelayStep, *, entered_at: datetime, now: datetime, zone: str, facts: Facts) -> Due:
    """When the delay that was entered at ``entered_at`` is over, looked at as of ``now``.

    Raises:
        ValueError: the step is of a kind that validation does not let through.
    """
    if step.for_ is not None:
        return Due(at=for_until(entered_at, step.for_, zone))
    match step.until:
        case UntilClock():
            return Due(at=until_weekdays(entered_at, step.until.weekdays, step.until.time, zone))
        case UntilDate():
            at = at_local(date.fromisoformat(step.until.date), clock_time(step.until.time), zone)
        case UntilProperty():
            found = until_property(step.until, facts, zone)
            if found is None:
                return Due(missing=True)
            at = found
        case _:
            raise ValueError(f"step {step.id!r} waits for something this version of the product does not offer")
    return Due(at=at, past=at < now)


def for_until(start: datetime, length: Offset, zone: str) -> datetime:
    """``start`` plus ``length``, in UTC; with days in it, at the same clock time of the zone before hours are added."""
    return shifted(start, length, zone)


def until_weekdays(arrival: datetime, weekdays: Sequence[Weekday] | None, at: str, zone: str) -> datetime:
    """The first instant at or after ``arrival`` that is ``at`` on an allowed weekday of the zone; None allows all."""
    allowed = WEEKDAYS if weekdays is None else weekdays
    today = local_date(arrival, zone)
    # Two days back, because a clock change around midnight moves a time of yesterday into today; nine days on, because
    # the allowed day may be today at a time that has passed.
    for day in (today + timedelta(days=n) for n in range(-2, 10)):
        if WEEKDAYS[day.weekday()] not in allowed:
            continue
        if (found := at_local(day, clock_time(at), zone)) >= arrival:
            return found
    raise ValueError("no weekday is allowed")


def until_property(until: UntilProperty, facts: Facts, zone: str) -> datetime | None:
    """The instant a date or datetime property leads to, moved by ``offset``; None when there is no value."""
    subject = subject_of(until.of, facts)
    value = subject.properties.get(until.property) if subject is not None else None
    moment = _moment(value, zone)
    if moment is None:
        return None
    offset = until.offset
    at = shifted(moment, Offset(weeks=offset.weeks, days=offset.days), zone)
    if until.time is not None:
        at = at_local(local_date(at, zone), clock_time(until.time), zone)
    return shifted(at, Offset(hours=offset.hours, minutes=offset.minutes, seconds=offset.seconds), zone)


def subject_of(of: Of | None, facts: Facts) -> RecordFacts | None:
    """The one record a value is taken from: the enrolled, the bound one of that object, else the latest associated."""
    if of is None or of.object == facts.record.object:
        return facts.record
    if facts.bound is not None and facts.bound.object == of.object and of.label is None and of.match is None:
        return facts.bound
    found = (a.record for a in facts.associated.get(of.object, ()) if of.label is None or a.label == of.label)
    return next(found, None)


def delay_objects(step: DelayStep) -> frozenset[str]:
    """The associated object types whose records the delay reads."""
    of = step.until.of if isinstance(step.until, UntilProperty) else None
    return frozenset() if of is None else frozenset({of.object})


def at_local(day: date, at: time, zone: str) -> datetime:
    """The instant of a clock time on a day of the zone, in UTC (rule R9)."""
    return local_instant(datetime.combine(day, at), zone)


def clock_time(written: str) -> time:
    """``"09:00"`` as a time."""
    return time.fromisoformat(written)


def _moment(value: Json, zone: str) -> datetime | None:
    """A stored date (its local midnight) or datetime; None when it is neither."""
    if not isinstance(value, str):
        return None
    day = parse_date(value)
    return at_local(day, time(), zone) if day is not None else parse_instant(value)
