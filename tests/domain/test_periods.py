"""Days and weeks by the clocks of a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from domain.periods import MOST_PERIODS, periods_between


def test_days_are_as_long_as_the_clocks_of_the_zone_make_them() -> None:
    found = periods_between("day", date(2026, 10, 24), date(2026, 10, 26), "Europe/Oslo")
    assert found is not None
    assert [each.first for each in found] == [date(2026, 10, 24), date(2026, 10, 25), date(2026, 10, 26)]
    assert [(each.until - each.since) // timedelta(hours=1) for each in found] == [24, 25, 24]
    assert found[0].since == datetime(2026, 10, 23, 22, tzinfo=UTC)
    assert [each.since for each in found[1:]] == [each.until for each in found[:-1]]


def test_weeks_begin_on_monday_and_hold_both_days() -> None:
    found = periods_between("week", date(2026, 11, 22), date(2026, 11, 23), "UTC")
    assert found is not None
    assert [each.first for each in found] == [date(2026, 11, 16), date(2026, 11, 23)]


def test_no_more_than_may_be_asked_for() -> None:
    first = date(2026, 1, 1)
    found = periods_between("day", first, first + timedelta(days=MOST_PERIODS - 1), "UTC")
    assert found is not None
    assert len(found) == MOST_PERIODS
    assert periods_between("day", first, first + timedelta(days=MOST_PERIODS), "UTC") is None
    assert periods_between("day", first, first - timedelta(days=1), "UTC") == []
