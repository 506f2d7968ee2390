"""When a delay is over: lengths, weekdays, dates and date properties, in a zone, over clock changes (rules R3 and R9).

Weeks and days keep the clock time of the zone, hours and less are absolute, and days are added first. A local time
that does not exist is moved forward by the gap, one that exists twice means the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from domain.base import Frozen, Instant, Json
from domain.business_days import IsFree, no_holidays, plus_business_days
from domain.conditions import Of, Offset
from domain.definition import Anchor
from domain.facts import Facts, RecordFacts
from domain.instants import local_date, local_instant, parse_date, parse_instant, shifted, shifted_day
from domain.reading import Needs, needs_objects
from domain.steps import (
    DelayStep,
    Timeout,
    Until,
    UntilAnchor,
    UntilClock,
    UntilDate,
    UntilEntryEvent,
    UntilProperty,
    Weekday,
)

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Due(Frozen):
    """When a delay is over.

    ``missing``: the property has no value, ``at`` is then None. ``past``: the date it leads to lies before ``now``;
    who planned an instant that has been reached since goes on whatever this says.
    """

    at: Instant | None = None
    missing: bool = False
    past: bool = False


@dataclass(frozen=True, kw_only=True)
class Clock:
    """By what a delay or a timeout is counted: since when, as of when, in which zone, and on which days people work.

    ``anchor_at``: the instant an anchored delay counts from (``domain.anchors``), None when there is no date.
    """

    entered_at: datetime
    now: datetime
    zone: str
    is_free: IsFree = no_holidays
    anchor_at: datetime | None = None


def due(step: DelayStep | Timeout, clock: Clock, facts: Facts) -> Due:
    """When a delay or a timeout is over.

    Raises:
        ValueError: it is of a kind that validation does not let through.
    """
    length = step.for_ if isinstance(step, DelayStep) else None if step.until else step.length
    if length is not None:
        return Due(at=_after(clock, length, business_days=step.business_days))
    match step.until:
        case UntilClock():
            return Due(at=until_weekdays(clock.entered_at, step.until.weekdays, step.until.time, clock.zone))
        case UntilDate():
            at = at_local(date.fromisoformat(step.until.date), clock_time(step.until.time), clock.zone)
        case UntilProperty() | UntilEntryEvent():
            found = until_value(step.until, facts, clock.zone)
            if found is None:
                return Due(missing=True)
            at = found
        case UntilAnchor():
            if clock.anchor_at is None:
                return Due(missing=True)
            at = _moved(clock.anchor_at, step.until.anchor, step.until.time, clock.zone)
        case _:
            raise ValueError(f"this version of the product does not wait for {step.until!r}")
    return Due(at=at, past=at < clock.now)


def _after(clock: Clock, length: Offset, *, business_days: bool = False) -> datetime:
    """The entry plus ``length``, in UTC; with days in it, at the same clock time of the zone before hours are added."""
    if not business_days:
        return shifted(clock.entered_at, length, clock.zone)
    at = plus_business_days(clock.entered_at, length.days, clock.zone, clock.is_free)
    return shifted(at, length.model_copy(update={"weeks": 0, "days": 0}), clock.zone)


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


def until_value(until: UntilProperty | UntilEntryEvent, facts: Facts, zone: str) -> datetime | None:
    """The instant a date or datetime leads to, of a property or of the event that caused entry, moved by ``offset``.

    None when there is no value, or none that is a time.
    """
    moment = moment_of(_value_of(until, facts), zone)
    return _moved(moment, until.offset, until.time, zone) if moment is not None else None


def _moved(at: datetime, offset: Offset, time_of_day: str | None, zone: str) -> datetime:
    """An instant moved by the days of ``offset``, put at a time of day, and moved by the rest."""
    if time_of_day is None:
        at = shifted(at, Offset(weeks=offset.weeks, days=offset.days), zone)
    else:
        # Days are counted in the calendar: the clock time they would lead to may not exist, and be of the next day.
        at = at_local(shifted_day(at, offset.weeks * 7 + offset.days, zone), clock_time(time_of_day), zone)
    return shifted(at, Offset(hours=offset.hours, minutes=offset.minutes, seconds=offset.seconds), zone)


def _value_of(until: UntilProperty | UntilEntryEvent, facts: Facts) -> Json:
    if isinstance(until, UntilEntryEvent):
        return facts.entry_event.properties.get(until.entry_event) if facts.entry_event is not None else None
    subject = subject_of(until.of, facts)
    return subject.properties.get(until.property) if subject is not None else None


def subject_of(of: Of | None, facts: Facts) -> RecordFacts | None:
    """The one record a value is taken from: the enrolled, the bound one of that object, else the latest associated."""
    if of is None or of.object == facts.record.object:
        return facts.record
    if facts.bound is not None and facts.bound.object == of.object and of.label is None and of.match is None:
        return facts.bound
    found = (a.record for a in facts.associated.get(of.object, ()) if of.label is None or a.label == of.label)
    return next(found, None)


def needs_of_until(until: Until | None, anchor: Anchor | None) -> Needs:
    """What a delay or a timeout reads besides the record."""
    match until:
        case UntilProperty(of=Of(object=object)):
            return needs_objects({object})
        case UntilAnchor() if anchor is not None and anchor.of is not None:
            return needs_objects({anchor.of})
    return Needs(entry_event=isinstance(until, UntilEntryEvent))


def at_local(day: date, at: time, zone: str) -> datetime:
    """The instant of a clock time on a day of the zone, in UTC (rule R9)."""
    return local_instant(datetime.combine(day, at), zone)


def clock_time(written: str) -> time:
    """``"09:00"`` as a time."""
    return time.fromisoformat(written)


def moment_of(value: Json, zone: str) -> datetime | None:
    """A stored date (its local midnight) or datetime; None when it is neither."""
    if not isinstance(value, str):
        return None
    day = parse_date(value)
    return at_local(day, time(), zone) if day is not None else parse_instant(value)
