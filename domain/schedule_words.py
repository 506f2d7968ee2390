"""Decides how a schedule reads for people: "Every Thursday 09:00 · Europe/Oslo"."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence

from domain.definition import Schedule
from domain.recurrence import zone_of_schedule
from domain.steps import Weekday

WEEKDAY_NAMES: Mapping[Weekday, str] = {
    "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday",
    "sun": "Sunday",
}  # fmt: skip

MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

ORDINALS: Mapping[int | str, str] = {1: "First", 2: "Second", 3: "Third", 4: "Fourth", "last": "Last"}


def schedule_words(schedule: Schedule, account_zone: str) -> str:
    """When it happens, in one line with its zone."""
    return f"{_days(schedule)} {schedule.at} · {zone_of_schedule(schedule, account_zone)}"


def _days(schedule: Schedule) -> str:
    match schedule.every:
        case "day":
            return "Every day"
        case "week":
            wanted = schedule.weekdays or ()
            return f"Every {_listed([name for day, name in WEEKDAY_NAMES.items() if day in wanted])}"
        case "month" if schedule.nth_weekday is not None:
            nth = schedule.nth_weekday
            return f"{ORDINALS[nth.nth]} {WEEKDAY_NAMES[nth.weekday]} of every month"
        case "month":
            return _days_of_month(schedule.days or ())
        case "year":
            return _day_of_year(schedule.month or 1, schedule.day or 1)


def _day_of_year(month: int, day: int) -> str:
    """A day that the month lacks means its last, which differs in leap years."""
    name = MONTH_NAMES[month - 1]
    common, leap = (monthrange(year, month)[1] for year in (2023, 2024))
    if day <= common:
        return f"Every {day} {name}"
    if day <= leap:
        return f"Every {day} {name} ({common} {name} in common years)"
    return f"Every {leap} {name}" + (f" ({common} {name} in common years)" if common != leap else "")


def _days_of_month(days: Sequence[int | str]) -> str:
    named = [f"{day}" for day in sorted({day for day in days if isinstance(day, int)})]
    last = ["the last"] if "last" in days else []
    if not named:
        return "Last day of every month"
    return f"Every month on day {_listed([*named, *last])}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
