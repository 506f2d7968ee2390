"""Counting business days: the week, holidays, clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.business_days import is_business_day, no_holidays, plus_business_days

OSLO = "Europe/Oslo"
EASTER = frozenset(date.fromisoformat(day) for day in ("2027-03-25", "2027-03-26", "2027-03-29"))
"""Maundy Thursday, Good Friday and Easter Monday of 2027."""


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(OSLO)).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-11-20T15:00", 2, "2026-11-24T15:00"),  # Friday to Tuesday
        ("2026-11-21T15:00", 1, "2026-11-23T15:00"),  # from a Saturday the first is Monday
        ("2027-03-24T10:00", 1, "2027-03-30T10:00"),  # Wednesday before Easter, over the clock change of 28 March
        ("2027-03-22T10:00", 3, "2027-03-30T10:00"),
        ("2027-03-22T10:00", 0, "2027-03-22T10:00"),
        ("2026-10-23T02:30", 1, "2026-10-26T02:30"),
    ],
)
def test_two_business_days_from_friday_are_tuesday(start: str, days: int, expected: str) -> None:
    assert plus_business_days(local(start), days, OSLO, EASTER.__contains__) == local(expected)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    st.integers(1, 300),
    st.sets(st.dates(date(2020, 1, 1), date(2036, 1, 1)), max_size=40),
)
def test_exactly_so_many_business_days_pass_and_it_ends_on_one(start: datetime, days: int, free: set[date]) -> None:
    found = plus_business_days(start, days, OSLO, free.__contains__)
    first, last = (at.astimezone(ZoneInfo(OSLO)).date() for at in (start, found))
    passed = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    assert sum(is_business_day(day, free.__contains__) for day in passed) == days
    assert is_business_day(last, free.__contains__)
    assert found >= plus_business_days(start, days, OSLO, no_holidays)
