"""When messages to people outside may leave: hours, days without messages, and the spread of those let go at once.

Hours are half-open: 09:00 to 17:00 holds 16:59 and not 17:00; ``to: "00:00"`` is the end of the day. A day is that of
the zone, and clock changes follow rule R9. Delays, branches and work inside go on meanwhile (rule R8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from domain.base import Frozen, Instant
from domain.definition import PauseDate, Window
from domain.delays import WEEKDAYS, at_local, clock_time
from domain.instants import local_date

Span: TypeAlias = tuple[datetime, datetime]
"""From an instant to another, which is not in it any more."""

REACH = 1000
"""Days looked ahead for one that is allowed."""

A_MINUTE = timedelta(minutes=1)


class Quiet(Frozen):
    """What a message has to keep to: ``windows`` None allows all hours of every day that is no pause date."""

    windows: tuple[Window, ...] | None = None
    pause_dates: tuple[PauseDate, ...] = ()


class Hold(Frozen):
    """Until when a message is held back, and what holds it."""

    until: Instant
    by: Literal["window", "pause_date"]


def quiet_of(window: Window | Sequence[Window] | None, pause_dates: Sequence[PauseDate]) -> Quiet:
    """What settings as they are written mean."""
    if isinstance(window, Window):
        window = [window]
    return Quiet(windows=tuple(window) if window else None, pause_dates=tuple(pause_dates))


def held_until(quiet: Quiet, now: datetime, zone: str, late: timedelta) -> Hold | None:
    """Whether a message of this instant is held back; None: it may leave now.

    ``late``: how long after the first allowed minute it is this message's turn. It never reaches past the hours of that
    day. A message that a pause date held back at a good hour keeps its clock time on the next allowed day.
    """
    today = local_date(now, zone)
    in_hours = any(begin <= now < end for begin, end in _hours(quiet, today, zone))
    paused = _is_paused(quiet, today)
    if in_hours and not paused:
        return None
    if in_hours:
        clock = now.astimezone(ZoneInfo(zone)).time().replace(tzinfo=None)
        return Hold(until=_from_clock(quiet, today, clock, zone), by="pause_date")
    begin, end = _first_span(quiet, now, zone)
    turn = begin + min(late, max(end - begin - A_MINUTE, timedelta()))
    return Hold(until=turn, by="pause_date" if paused else "window")


def _from_clock(quiet: Quiet, paused: date, clock: time, zone: str) -> datetime:
    """The first instant of a later day at or after a clock time."""
    for day in _days(quiet, paused + timedelta(days=1)):
        wanted = at_local(day, clock, zone)
        later = [max(begin, wanted) for begin, end in _hours(quiet, day, zone) if wanted < end]
        if later:
            return min(later)
    return at_local(paused + timedelta(days=REACH), clock, zone)


def _first_span(quiet: Quiet, now: datetime, zone: str) -> Span:
    """The first allowed hours that begin after now."""
    today = local_date(now, zone)
    for day in _days(quiet, today):
        spans = [span for span in _hours(quiet, day, zone) if span[0] > now]
        if spans:
            return min(spans)
    # Nothing is allowed for years: whoever looks then looks again.
    begin = at_local(today + timedelta(days=REACH), time(), zone)
    return begin, begin


def _days(quiet: Quiet, first: date) -> Iterator[date]:
    """Days from one on that are no pause dates."""
    return (day for day in (first + timedelta(days=n) for n in range(REACH)) if not _is_paused(quiet, day))


def _hours(quiet: Quiet, day: date, zone: str) -> list[Span]:
    """The allowed hours of a day, whether it is paused or not; those a clock change swallowed are left out."""
    midnight = at_local(day + timedelta(days=1), time(), zone)
    if quiet.windows is None:
        return [(at_local(day, time(), zone), midnight)]
    weekday = WEEKDAYS[day.weekday()]
    allowed = [window for window in quiet.windows if weekday in window.days]
    begins = (at_local(day, clock_time(window.from_), zone) for window in allowed)
    ends = (midnight if w.to == "00:00" else at_local(day, clock_time(w.to), zone) for w in allowed)
    return [(begin, end) for begin, end in zip(begins, ends, strict=True) if begin < end]


def _is_paused(quiet: Quiet, day: date) -> bool:
    return any((p.month, p.day) == (day.month, day.day) and p.year in (None, day.year) for p in quiet.pause_dates)
