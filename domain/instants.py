"""Decides what a day, a moved instant and a written instant are in a time zone (rule R9).

Pure arithmetic: the present instant and the zone are arguments. Text order is time order in every text made here.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.base import Frozen, Instant, utc_text
from domain.conditions import Offset

EARLIEST = datetime(1000, 1, 2, tzinfo=UTC)
"""No year has fewer than four digits, in any zone, so that text order stays time order."""
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
"""The last instant that has a local form in every zone, and a next day."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_STORED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class Moment(Frozen):
    """The instant of judging and the IANA name of the zone whose days count."""

    now: Instant
    zone: str


def looks_like_date(text: str) -> bool:
    """Whether ``text`` has the shape ``YYYY-MM-DD``; the calendar is not asked."""
    return _DATE.fullmatch(text) is not None


def looks_stored(text: str) -> bool:
    """Whether ``text`` has the shape in which instants are stored; the calendar is not asked."""
    return _STORED.fullmatch(text) is not None


def parse_date(text: str) -> date | None:
    """The calendar day ``YYYY-MM-DD`` names, within the instants' reach; None when it names none."""
    if not looks_like_date(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if EARLIEST.date() <= day <= LATEST.date() else None


def no_day_words(text: str) -> str:
    """Why ``parse_date`` knows no such day, and which it knows."""
    return f"{text!r} is not a day of the calendar from {EARLIEST.date()} to {LATEST.date()}"


def parse_instant(text: str) -> datetime | None:
    """The instant an RFC 3339 text with offset names, in UTC, cut to microseconds; None when it names none."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    day, clock, fraction, offset = found.groups()
    try:
        written = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{offset.upper()}")
        at = written.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if EARLIEST <= at <= LATEST else None


def local_date(at: datetime, zone: str) -> date:
    """The calendar day of an instant in the zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def local_instant(wall: datetime, zone: str) -> datetime:
    """The instant (UTC) of a naive clock time; one that does not exist moves on by the gap, of two the first counts."""
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def local_midnight(day: date, zone: str) -> datetime:
    """The instant (UTC) at which a day begins in the zone."""
    return local_instant(datetime.combine(day, time.min), zone)


def day_bounds(day: date, zone: str) -> tuple[str, str]:
    """The first and the last microsecond of a local day, as stored texts."""
    start, following = local_midnight(day, zone), local_midnight(day + timedelta(days=1), zone)
    return utc_text(start), utc_text(following - timedelta(microseconds=1))


def shifted_day(at: datetime, days: int, zone: str) -> date:
    """The calendar day of an instant in the zone, so many days on; out of reach it is the first or the last day."""
    try:
        return min(max(local_date(at, zone) + timedelta(days=days), EARLIEST.date()), LATEST.date())
    except OverflowError:
        return EARLIEST.date() if days < 0 else LATEST.date()


def shifted(at: datetime, offset: Offset, zone: str, *, back: bool = False) -> datetime:
    """``at`` moved by ``offset``: weeks and days keep the clock time of the zone and come first, the rest is absolute.

    ``back`` turns the offset round. A result out of reach is the earliest or the latest instant.
    """
    sign = -1 if back else 1
    days = sign * (offset.weeks * 7 + offset.days)
    seconds = sign * (offset.hours * 3600 + offset.minutes * 60 + offset.seconds)
    try:
        if days:
            wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
            at = local_instant(wall + timedelta(days=days), zone)
        moved = at + timedelta(seconds=seconds)
    except OverflowError:
        return EARLIEST if days * 86400 + seconds < 0 else LATEST
    return min(max(moved, EARLIEST), LATEST)
