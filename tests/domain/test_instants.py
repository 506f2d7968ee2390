from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.conditions import Offset
from domain.instants import EARLIEST, LATEST, day_bounds, local_instant, parse_date, parse_instant, shifted

OSLO = "Europe/Oslo"


def test_a_clock_time_that_does_not_exist_moves_on_by_the_gap() -> None:
    assert local_instant(datetime(2027, 3, 28, 2, 30), OSLO) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


def test_of_a_clock_time_that_exists_twice_the_first_counts() -> None:
    assert local_instant(datetime(2027, 10, 31, 2, 30), OSLO) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(("day", "hours"), [(date(2027, 3, 27), 24), (date(2027, 3, 28), 23), (date(2027, 10, 31), 25)])
def test_a_day_is_as_long_as_its_clocks_say(day: date, hours: int) -> None:
    first, last = (parse_instant(text) for text in day_bounds(day, OSLO))
    assert first is not None
    assert last is not None
    assert last - first == timedelta(hours=hours) - timedelta(microseconds=1)


def test_days_keep_the_clock_time_and_hours_do_not() -> None:
    at = datetime(2027, 3, 27, 12, 0, tzinfo=UTC)
    assert shifted(at, Offset(days=1), OSLO) == datetime(2027, 3, 28, 11, 0, tzinfo=UTC)
    assert shifted(at, Offset(hours=24), OSLO) == datetime(2027, 3, 28, 12, 0, tzinfo=UTC)
    assert shifted(at, Offset(days=-1, weeks=1), OSLO, back=True) == datetime(2027, 3, 21, 12, 0, tzinfo=UTC)


def test_moving_ends_at_the_edges_of_time() -> None:
    at = datetime(2027, 3, 1, tzinfo=UTC)
    assert shifted(at, Offset(weeks=10**9), "UTC") == LATEST
    assert shifted(at, Offset(weeks=10**9), "UTC", back=True) == EARLIEST
    assert shifted(at, Offset(hours=-1500 * 365 * 24), "UTC") == EARLIEST


@pytest.mark.parametrize(
    "text", ["2027-02-29", "2027-1-1", "0999-12-31", "9999-12-31", "2027-01-01T00:00:00Z", "１９９９-01-01"]
)
def test_not_every_text_is_a_date(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize("text", ["2027-01-01T24:00:00Z", "2027-01-01T00:00Z", "2027-01-01T00:00:00+24:00", "now"])
def test_not_every_text_is_an_instant(text: str) -> None:
    assert parse_instant(text) is None
