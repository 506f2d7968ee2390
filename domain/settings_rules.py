"""Whether the live settings of a workflow can hold: zone, window, pause dates, and when it is turned off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from domain.definition import HolidayCalendar, PauseDate, Window
from domain.examination import Examination
from domain.instants import no_day_words, parse_date, parse_instant
from domain.ports import Holidays
from domain.problems import FieldError
from domain.reader import join
from domain.zones import ZONE_PROPERTY, is_zone

LEAP_YEAR = 2028
"""A year that has every day a year can have."""


def check_settings(x: Examination) -> None:
    """Every setting on its own."""
    settings = x.definition.settings
    _check_zone(x, settings.timezone)
    # An empty list says that those of the account do not hold here.
    wrong = [*window_problems(settings.window or None), *pause_date_problems(settings.pause_dates or [])]
    for problem in (*wrong, *holiday_problems(settings.holidays, x.catalogue.holidays)):
        x.tell(f"/settings{problem.path}", "wrong_value", problem.message)
    if settings.turn_off_at is not None and parse_instant(settings.turn_off_at) is None:
        what = f"{settings.turn_off_at!r} is no instant; write one with its offset, such as 2027-01-31T17:00:00+01:00"
        x.tell("/settings/turn_off_at", "wrong_value", what)


def window_problems(window: Window | list[Window] | None) -> list[FieldError]:
    """What keeps hours from ever letting a message leave, by path from ``/window`` on."""
    found: list[FieldError] = []
    if window is None:
        return found
    several = window if isinstance(window, list) else []
    for i, each in enumerate([window] if isinstance(window, Window) else several):
        path = join("/window", i) if several else "/window"
        if not each.days:
            found.append(_wrong(join(path, "days"), "no weekday is allowed; name some, or leave the window out"))
        if each.to != "00:00" and each.from_ >= each.to:
            words = f"it ends at {each.to}, not after it begins at {each.from_}; hours over midnight are two windows"
            found.append(_wrong(join(path, "to"), words))
    if window == []:
        found.append(_wrong("/window", "the list holds no window; write null for any time"))
    return found


def pause_date_problems(pause_dates: Sequence[PauseDate]) -> list[FieldError]:
    """What is wrong with days without messages, by path from ``/pause_dates`` on."""
    found = []
    for i, each in enumerate(pause_dates):
        try:
            date(each.year or LEAP_YEAR, each.month, each.day)
        except ValueError:
            when = f"{each.month}/{each.day}" + (f" in {each.year}" if each.year else "")
            found.append(_wrong(join("/pause_dates", i, "day"), f"there is no day {when}"))
    if len({(each.month, each.day) for each in pause_dates if each.year is None}) >= 366:
        found.append(_wrong("/pause_dates", "every day of the year is paused, so that no message could ever leave"))
    return found


def holiday_problems(calendar: HolidayCalendar | None, known: Holidays | None) -> list[FieldError]:
    """What is wrong with a calendar of holidays, by path from ``/holidays`` on."""
    found: list[FieldError] = []
    if calendar is None:
        return found
    if calendar.country is None and calendar.subdivision is not None:
        found.append(_wrong("/holidays/country", "name the country the subdivision is a part of"))
    elif calendar.country is not None and known is not None:
        words = known.problem(calendar.country, None)
        part = "country" if words is not None else "subdivision"
        words = words or known.problem(calendar.country, calendar.subdivision)
        found += [_wrong(f"/holidays/{part}", words)] if words is not None else []
    for i, day in enumerate(calendar.dates):
        if parse_date(day) is None:
            found.append(_wrong(join("/holidays/dates", i), no_day_words(day)))
    return found


def _check_zone(x: Examination, zone: str) -> None:
    if zone == "record":
        object = x.catalogue.schema.object(x.definition.object)
        if object is not None and object.property(ZONE_PROPERTY) is None:
            what = f"{object.name} records have no property {ZONE_PROPERTY!r}; add it, or write account"
            x.tell("/settings/timezone", "wrong_zone", what)
    elif zone != "account" and not is_zone(zone):
        what = f"{zone!r} is no time zone; write account, record or a name such as Europe/Oslo"
        x.tell("/settings/timezone", "wrong_zone", what)


def _wrong(path: str, words: str) -> FieldError:
    return FieldError(path=path, code="wrong_value", message=words)
