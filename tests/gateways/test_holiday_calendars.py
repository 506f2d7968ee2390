"""The calendar of a country is what people there know."""

from __future__ import annotations

from datetime import date

import pytest

from gateways.holiday_calendars import PublicHolidays

KNOWN = PublicHolidays()


@pytest.mark.parametrize(
    ("country", "subdivision", "day", "is_free"),
    [
        ("NO", None, "2027-03-25", True),  # Maundy Thursday
        ("NO", None, "2027-03-29", True),  # Easter Monday
        ("NO", None, "2027-05-17", True),
        ("NO", None, "2027-03-24", False),
        ("DE", None, "2027-11-01", False),  # All Saints: only in some states
        ("DE", "BY", "2027-11-01", True),
        ("XX", None, "2027-01-01", False),
    ],
)
def test_holidays_by_country_and_subdivision(country: str, subdivision: str | None, day: str, is_free: bool) -> None:
    assert KNOWN.is_holiday(country, subdivision, date.fromisoformat(day)) is is_free


def test_what_is_not_known_is_told_with_what_is() -> None:
    assert KNOWN.problem("NO", None) is None
    assert KNOWN.problem("DE", "BY") is None
    assert "no holidays are known of 'XX'" in str(KNOWN.problem("XX", None))
    assert "known are: BB" in str(KNOWN.problem("DE", "ZZ"))
