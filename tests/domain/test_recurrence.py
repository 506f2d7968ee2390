"""When schedules happen: whole years in tables, clock changes one by one, properties for every schedule and instant."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definition import Schedule
from domain.delays import WEEKDAYS
from domain.recurrence import Occurrence, next_occurrence
from domain.schedule_words import schedule_words

OSLO = "Europe/Oslo"
NEW_YORK = "America/New_York"
LORD_HOWE = "Australia/Lord_Howe"
ZONES = st.sampled_from([OSLO, NEW_YORK, LORD_HOWE])
INSTANTS = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC))
CLOCKS = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59))
DAYS = st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7)
MONTH_DAYS = st.lists(st.one_of(st.integers(1, 31), st.just("last")), min_size=1, max_size=4)
NTHS = st.fixed_dictionaries({"nth": st.sampled_from([1, 2, 3, 4, "last"]), "weekday": st.sampled_from(WEEKDAYS)})


def schedules(at: st.SearchStrategy[str] = CLOCKS) -> st.SearchStrategy[Schedule]:
    ways: list[dict[str, Any]] = [
        {"every": st.just("day")},
        {"every": st.just("week"), "weekdays": DAYS},
        {"every": st.just("month"), "days": MONTH_DAYS},
        {"every": st.just("month"), "nth_weekday": NTHS},
        {"every": st.just("year"), "month": st.integers(1, 12), "day": st.integers(1, 31)},
    ]
    made = [st.fixed_dictionaries({**way, "at": at, "timezone": ZONES}) for way in ways]
    return st.one_of(made).map(Schedule.model_validate)


def schedule(**fields: Any) -> Schedule:
    return Schedule.model_validate({"timezone": OSLO, **fields})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def series(made: Schedule, after: datetime, count: int) -> list[Occurrence]:
    """The next occurrences, one after the other."""
    found: list[Occurrence] = []
    for _ in range(count):
        found.append(next_occurrence(made, found[-1].at if found else after, "UTC"))
    return found


def days(made: Schedule, after: str, count: int) -> list[str]:
    return [each.local[:10] for each in series(made, utc(after), count)]


def test_a_year_of_every_thursday_at_nine_is_52_thursdays_at_nine() -> None:
    found = series(schedule(every="week", weekdays=["thu"], at="09:00"), utc("2026-12-31T12:00"), 52)
    thursdays = [date(2027, 1, 7) + timedelta(weeks=n) for n in range(52)]
    assert [each.local for each in found] == [f"{day}T09:00" for day in thursdays]
    # Summer time from 28 March to 31 October: the first Thursday of it is 1 April, the last is 28 October.
    offsets = [8 if not date(2027, 3, 28) <= day < date(2027, 10, 31) else 7 for day in thursdays]
    assert [each.at for each in found] == [
        datetime(day.year, day.month, day.day, hour, tzinfo=UTC) for day, hour in zip(thursdays, offsets, strict=True)
    ]


def test_the_last_day_of_each_month_at_six_in_the_evening_over_two_years() -> None:
    found = series(schedule(every="month", days=["last"], at="18:00"), utc("2027-01-01T00:00"), 24)
    assert [each.local for each in found] == [
        f"{year}-{month_and_day}T18:00"
        for year, february in ((2027, 28), (2028, 29))
        for month_and_day in (
            "01-31", f"02-{february}", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30", "10-31",
            "11-30", "12-31",
        )
    ]  # fmt: skip
    summer = {"03", "04", "05", "06", "07", "08", "09"}
    assert [each.at.hour for each in found] == [16 if each.local[5:7] in summer else 17 for each in found]


@pytest.mark.parametrize(
    ("fields", "after", "expected"),
    [
        ({"every": "day"}, "2027-02-27T12:00", ["2027-02-28", "2027-03-01", "2027-03-02"]),
        ({"every": "week", "weekdays": ["fri", "mon"]}, "2027-03-01T12:00", ["2027-03-05", "2027-03-08", "2027-03-12"]),
        ({"every": "month", "days": [1, 15, "last"]}, "2027-02-01T12:00", ["2027-02-15", "2027-02-28", "2027-03-01"]),
        ({"every": "month", "days": [30, 31]}, "2027-02-01T12:00", ["2027-02-28", "2027-03-30", "2027-03-31"]),
        (
            {"every": "month", "nth_weekday": {"nth": 2, "weekday": "mon"}},
            "2027-03-01T12:00",
            ["2027-03-08", "2027-04-12", "2027-05-10"],
        ),
        (
            {"every": "month", "nth_weekday": {"nth": "last", "weekday": "sun"}},
            "2027-02-01T12:00",
            ["2027-02-28", "2027-03-28", "2027-04-25"],
        ),
        ({"every": "year", "month": 2, "day": 29}, "2026-03-01T12:00", ["2027-02-28", "2028-02-29", "2029-02-28"]),
        ({"every": "year", "month": 4, "day": 31}, "2027-03-01T12:00", ["2027-04-30", "2028-04-30", "2029-04-30"]),
    ],
)
def test_each_kind_of_schedule_has_its_days(fields: dict[str, Any], after: str, expected: list[str]) -> None:
    assert days(schedule(at="09:00", **fields), after, 3) == expected


def test_the_next_one_is_strictly_after_and_as_near_as_can_be() -> None:
    daily = schedule(every="day", at="09:00")
    nine = utc("2027-03-01T08:00")
    assert next_occurrence(daily, nine - timedelta(microseconds=1), "UTC").at == nine
    assert next_occurrence(daily, nine, "UTC").at == nine + timedelta(days=1)


def test_a_local_time_that_does_not_exist_moves_on_by_the_gap() -> None:
    daily = schedule(every="day", at="02:30")
    found = series(daily, utc("2027-03-27T12:00"), 2)
    assert [(each.local, each.at) for each in found] == [
        ("2027-03-28T02:30", utc("2027-03-28T01:30")),
        ("2027-03-29T02:30", utc("2027-03-29T00:30")),
    ]


def test_a_local_time_that_exists_twice_happens_once_the_first_time() -> None:
    found = series(schedule(every="day", at="02:30"), utc("2027-10-30T12:00"), 2)
    assert [(each.local, each.at) for each in found] == [
        ("2027-10-31T02:30", utc("2027-10-31T00:30")),
        ("2027-11-01T02:30", utc("2027-11-01T01:30")),
    ]


def test_half_an_hour_of_summer_time_on_lord_howe() -> None:
    daily = schedule(every="day", at="02:15", timezone=LORD_HOWE)
    found = series(daily, utc("2027-10-01T18:00"), 2)
    assert [(each.local, each.at) for each in found] == [
        ("2027-10-03T02:15", utc("2027-10-02T15:45")),
        ("2027-10-04T02:15", utc("2027-10-03T15:15")),
    ]


def test_without_a_zone_the_account_s_counts() -> None:
    made = schedule(every="day", at="09:00", timezone=None)
    assert next_occurrence(made, utc("2027-01-01T12:00"), NEW_YORK).at == utc("2027-01-01T14:00")
    assert schedule_words(made, NEW_YORK) == "Every day 09:00 · America/New_York"


@given(schedules(), INSTANTS)
def test_occurrences_rise_strictly_and_leave_none_out(made: Schedule, after: datetime) -> None:
    found = series(made, after, 4)
    instants = [after, *(each.at for each in found)]
    assert all(earlier < later for earlier, later in itertools.pairwise(instants))
    for earlier, later in itertools.pairwise(instants):
        between = earlier + (later - earlier) / 2
        assert next_occurrence(made, between, "UTC").at == later


@given(schedules(), INSTANTS)
def test_the_clock_shows_the_time_of_the_schedule(made: Schedule, after: datetime) -> None:
    found = next_occurrence(made, after, "UTC")
    assert found.local[11:] == made.at
    zone = ZoneInfo(made.timezone or "UTC")
    shown = found.at.astimezone(zone)
    wall = datetime.fromisoformat(found.local)
    exists = wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall
    if exists:
        assert (shown.replace(tzinfo=None), shown.fold) == (wall, 0)
    else:
        assert timedelta() < shown.replace(tzinfo=None) - wall <= timedelta(hours=1)


@given(schedules(), INSTANTS)
def test_the_day_is_one_the_schedule_names(made: Schedule, after: datetime) -> None:
    day = date.fromisoformat(next_occurrence(made, after, "UTC").local[:10])
    tomorrow = day + timedelta(days=1)
    is_last = tomorrow.month != day.month
    match made.every:
        case "week":
            assert made.weekdays is not None
            assert WEEKDAYS[day.weekday()] in made.weekdays
        case "month" if made.nth_weekday is not None:
            nth, weekday = made.nth_weekday.nth, made.nth_weekday.weekday
            assert WEEKDAYS[day.weekday()] == weekday
            assert (day + timedelta(weeks=1)).month != day.month if nth == "last" else (day.day - 1) // 7 + 1 == nth
        case "month":
            wanted = [31 if each == "last" else each for each in made.days or ()]
            assert day.day in wanted or (is_last and max(wanted) > day.day)
        case "year":
            assert made.day is not None
            assert day.month == made.month
            assert day.day == made.day or (is_last and day.day < made.day)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"every": "day"}, "Every day"),
        ({"every": "week", "weekdays": ["thu"]}, "Every Thursday"),
        ({"every": "week", "weekdays": ["fri", "mon", "wed"]}, "Every Monday, Wednesday and Friday"),
        ({"every": "month", "days": ["last"]}, "Last day of every month"),
        ({"every": "month", "days": [15, 1, "last"]}, "Every month on day 1, 15 and the last"),
        ({"every": "month", "days": [1]}, "Every month on day 1"),
        ({"every": "month", "nth_weekday": {"nth": 2, "weekday": "mon"}}, "Second Monday of every month"),
        ({"every": "month", "nth_weekday": {"nth": "last", "weekday": "fri"}}, "Last Friday of every month"),
        ({"every": "year", "month": 3, "day": 31}, "Every 31 March"),
        ({"every": "year", "month": 2, "day": 29}, "Every 29 February (28 February in common years)"),
        ({"every": "year", "month": 2, "day": 30}, "Every 29 February (28 February in common years)"),
        ({"every": "year", "month": 4, "day": 31}, "Every 30 April"),
    ],
)
def test_a_schedule_reads_as_people_say_it(fields: dict[str, Any], expected: str) -> None:
    assert schedule_words(schedule(at="09:00", **fields), "UTC") == f"{expected} 09:00 · Europe/Oslo"
