"""When a delay is over: lengths, weekdays, dates and date properties, in a zone, over clock changes (rules R3 and R9).

Weeks and days keep the clock time of the zone, hours and less are absolute, and days are added first. A local time
that does not exist is moved forward by the gap, one that exists twice means the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from domain.base import Frozen, Instant, Json
from domain.conditions import Of, Offset
from domain.definition import Anchor
from domain.facts import Facts, RecordFacts
from domain.instants import local_date, local_instant, parse_date, parse_instant, shifted
from domain.steps import DelayStep, Until, UntilAnchor, UntilClock, UntilDate, UntilProperty, WaitStep, Weekday

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Due(Frozen):
    """When a delay is over.

    ``missing``: the property has no value, ``at`` is then None. ``past``: the date it leads to lies before ``now``;
    who planned an instant that has been reached since goes on whatever this says.
    """

    at: Instant | None = None
    missing: bool = False
    past: bool = False


def due(
    step: DelayStep,
    *,
    entered_at: datetime,
    now: datetime,
    zone: str,
    facts: Facts,
    anchor_at: datetime | None = None,
) -> Due:
    """When the delay that was entered at ``entered_at`` is over, looked at as of ``now``.

    ``anchor_at``: the instant an anchored delay counts from (``domain.anchors``), None when there is no date.

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
        case UntilAnchor():
            if anchor_at is None:
                return Due(missing=True)
            at = _moved(anchor_at, step.until.anchor, step.until.time, zone)
        case _:
            raise ValueError(f"step {step.id!r} waits for something this version of the product does not offer")
    return Due(at=at, past=at < now)


def deadline(
    step: WaitStep,
    *,
    entered_at: datetime,
    now: datetime,
    zone: str,
    facts: Facts,
    anchor_at: datetime | None = None,
) -> datetime | None:
    """When a wait that was entered at ``entered_at`` times out; None: never, or not before a date is known."""
    if step.timeout is None:
        return None
    length = (
        None if step.timeout.until else Offset(**{name: getattr(step.timeout, name) for name in Offset.model_fields})
    )
    delay = DelayStep.model_construct(id=step.id, kind="delay", for_=length, until=step.timeout.until)
    return due(delay, entered_at=entered_at, now=now, zone=zone, facts=facts, anchor_at=anchor_at).at


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
    moment = moment_of(value, zone)
    return _moved(moment, until.offset, until.time, zone) if moment is not None else None


def _moved(at: datetime, offset: Offset, time_of_day: str | None, zone: str) -> datetime:
    """An instant moved by the days of ``offset``, put at a time of day, and moved by the rest."""
    at = shifted(at, Offset(weeks=offset.weeks, days=offset.days), zone)
    if time_of_day is not None:
        at = at_local(local_date(at, zone), clock_time(time_of_day), zone)
    return shifted(at, Offset(hours=offset.hours, minutes=offset.minutes, seconds=offset.seconds), zone)


def subject_of(of: Of | None, facts: Facts) -> RecordFacts | None:
    """The one record a value is taken from: the enrolled, the bound one of that object, else the latest associated."""
    if of is None or of.object == facts.record.object:
        return facts.record
    if facts.bound is not None and facts.bound.object == of.object and of.label is None and of.match is None:
        return facts.bound
    found = (a.record for a in facts.associated.get(of.object, ()) if of.label is None or a.label == of.label)
    return next(found, None)


def delay_objects(step: DelayStep, anchor: Anchor | None = None) -> frozenset[str]:
    """The associated object types whose records the delay reads."""
    return until_objects(step.until, anchor)


def until_objects(until: Until | None, anchor: Anchor | None) -> frozenset[str]:
    """The same for an instant something lasts until."""
    match until:
        case UntilProperty(of=Of(object=object)):
            return frozenset({object})
        case UntilAnchor() if anchor is not None and anchor.of is not None:
            return frozenset({anchor.of})
    return frozenset()


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
