"""When messages may leave: the first allowed minute, pause dates, clock changes; never outside the hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definition import PauseDate, Window
from domain.windows import Quiet, held_until, quiet_of

OSLO = "Europe/Oslo"
NONE = timedelta()
OFFICE = Window(days=["mon", "tue", "wed", "thu", "fri"], from_="09:00", to="17:00")
CHRISTMAS = PauseDate(month=12, day=25)


def at(text: str, zone: str = OSLO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def until(quiet: Quiet, now: str, late: timedelta = NONE) -> datetime | None:
    hold = held_until(quiet, at(now), OSLO, late)
    return hold.until if hold else None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20T10:00", None),  # a Friday
        ("2026-11-20T09:00", None),
        ("2026-11-20T16:59", None),
        ("2026-11-20T17:00", "2026-11-23T09:00"),
        ("2026-11-20T08:59", "2026-11-20T09:00"),
        ("2026-11-21T10:00", "2026-11-23T09:00"),
    ],
)
def test_outside_its_hours_a_message_waits_for_the_first_allowed_minute(now: str, expected: str | None) -> None:
    assert until(quiet_of(OFFICE, []), now) == (at(expected) if expected else None)


def test_those_let_go_at_once_are_spread_but_never_past_the_hours() -> None:
    assert until(quiet_of(OFFICE, []), "2026-11-21T10:00", timedelta(minutes=7)) == at("2026-11-23T09:07")
    short = Window(days=["mon"], from_="09:00", to="09:05")
    assert until(quiet_of(short, []), "2026-11-21T10:00", timedelta(minutes=7)) == at("2026-11-23T09:04")


def test_a_message_that_comes_later_within_the_hours_is_not_held_again() -> None:
    assert held_until(quiet_of(OFFICE, []), at("2026-11-23T09:03"), OSLO, timedelta(minutes=7)) is None


@pytest.mark.parametrize(
    ("window", "now", "expected"),
    [
        # 25 December 2026 is a Friday.
        (OFFICE, "2026-12-25T10:30", "2026-12-28T10:30"),
        (OFFICE, "2026-12-25T08:00", "2026-12-28T09:00"),
        (OFFICE, "2026-12-24T18:00", "2026-12-28T09:00"),
        (None, "2026-12-25T10:30", "2026-12-26T10:30"),
        (None, "2026-12-24T10:30", None),
    ],
)
def test_a_pause_date_keeps_the_clock_time_on_the_next_allowed_day(
    window: Window | None, now: str, expected: str | None
) -> None:
    assert until(quiet_of(window, [CHRISTMAS]), now) == (at(expected) if expected else None)


def test_a_pause_date_of_one_year_holds_in_that_year_only() -> None:
    quiet = quiet_of(None, [PauseDate(month=12, day=25, year=2026)])
    assert until(quiet, "2026-12-25T10:00") is not None
    assert until(quiet, "2027-12-25T10:00") is None


def test_several_windows_and_the_end_of_the_day() -> None:
    evening = Window(days=["sat"], from_="20:00", to="00:00")
    quiet = quiet_of([OFFICE, evening], [])
    assert until(quiet, "2026-11-21T23:59") is None
    assert until(quiet, "2026-11-22T00:00") == at("2026-11-23T09:00")
    assert until(quiet, "2026-11-20T20:00") == at("2026-11-21T20:00")


def test_hours_that_do_not_exist_move_on_by_the_gap_and_those_that_vanish_are_left_out() -> None:
    # 28 March 2027: 02:00 to 03:00 does not exist in Oslo.
    night = Window(days=["sun"], from_="02:30", to="04:00")
    assert until(quiet_of(night, []), "2027-03-28T00:00") == at("2027-03-28T03:30")
    gone = Window(days=["sun"], from_="02:15", to="02:45")
    assert until(quiet_of(gone, []), "2027-03-28T00:00") == at("2027-03-28T03:15")


days = st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1, unique=True)
clocks = st.tuples(st.integers(0, 22), st.integers(0, 59)).map(lambda t: f"{t[0]:02}:{t[1]:02}")


@st.composite
def windows(draw: st.DrawFn) -> Window:
    begin = draw(clocks)
    end = draw(clocks.filter(lambda c: c > begin) | st.just("23:30"))
    return Window(days=draw(days), from_=begin, to=end)


@given(
    quiet=st.builds(
        lambda ws, ps: quiet_of(ws, ps),
        st.none() | st.lists(windows(), min_size=1, max_size=3),
        st.lists(st.builds(PauseDate, month=st.integers(1, 12), day=st.integers(1, 28)), max_size=5),
    ),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from([OSLO, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    late=st.integers(0, 1439).map(lambda m: timedelta(minutes=m)),
)
def test_a_hold_ends_later_at_an_instant_that_is_allowed_and_is_not_held_again(
    quiet: Quiet, now: datetime, zone: str, late: timedelta
) -> None:
    hold = held_until(quiet, now, zone, late)
    if hold is not None:
        assert hold.until > now
        assert held_until(quiet, hold.until, zone, late) is None
