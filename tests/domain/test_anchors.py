"""When the date of a dated workflow is, and what follows from it: tables, and what must hold of every date."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.anchors import anchor_instant, anniversary, kept_since, next_since, occurrence
from domain.base import Json
from domain.conditions import Offset
from domain.definition import Anchor
from domain.delays import Clock, due
from domain.facts import RecordFacts
from domain.instants import local_date
from tests.domain.test_delays import OSLO, ZONES, facts, local, step

NOW = local("2026-05-10T12:00", OSLO)
DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2060, 12, 31))
CLOCKS = st.times().map(lambda each: f"{each:%H:%M}")
SINCES = st.dates(min_value=date(2000, 1, 1), max_value=date(2060, 12, 31))
OFFSETS = st.builds(
    Offset, days=st.integers(-400, 400), hours=st.integers(-50, 50), minutes=st.integers(-100, 100)
)  # fmt: skip


def instant(anchor: Anchor, zone: str = OSLO, since: str = "2026-05-10", **properties: Json) -> datetime | None:
    return anchor_instant(anchor, facts(NOW, zone, **properties), zone, since=date.fromisoformat(since))


def due_at(until: dict[str, Json], anchor_at: datetime | None, zone: str = OSLO) -> datetime | None:
    """When an anchored delay is over, whenever it was entered."""
    made = step(until=until)
    first, second = (
        due(made, Clock(entered_at=entered, now=NOW, zone=zone, anchor_at=anchor_at), facts(NOW, zone))
        for entered in (NOW, NOW - timedelta(days=100))
    )
    assert first == second
    return first.at


@pytest.mark.parametrize(
    ("anchor", "properties", "expected"),
    [
        (Anchor(date="2027-03-01", time="18:00"), {}, "2027-03-01T18:00"),
        (Anchor(date="2027-03-01"), {}, "2027-03-01T00:00"),
        (Anchor(date="2027-03-28", time="02:30"), {}, "2027-03-28T03:30"),  # does not exist: moved by the gap
        (Anchor(property="ends"), {"ends": "2026-08-20"}, "2026-08-20T00:00"),
        (Anchor(property="ends", time="09:00"), {"ends": "2026-08-20"}, "2026-08-20T09:00"),
        (Anchor(property="ends"), {"ends": "2026-08-19T22:30:00.000000Z"}, "2026-08-20T00:30"),
        (Anchor(property="ends", time="09:00"), {"ends": "2026-08-19T22:30:00.000000Z"}, "2026-08-20T09:00"),
        (Anchor(property="close_date", of="opportunity", time="09:00"), {}, "2026-05-01T09:00"),  # the latest one's
        (Anchor(property="ends"), {}, None),
        (Anchor(property="ends"), {"ends": "soon"}, None),
        (Anchor(property="ends", of="ticket"), {"ends": "2026-08-20"}, None),
    ],
)
def test_the_date_is_fixed_or_that_of_a_record(
    anchor: Anchor, properties: dict[str, Json], expected: str | None
) -> None:
    found = instant(anchor, **properties)
    assert found == (None if expected is None else local(expected, OSLO))


def test_the_bound_record_stands_in_for_those_of_its_type() -> None:
    bound = RecordFacts(id="b", object="opportunity", properties={"close_date": "2026-12-24"})
    anchor = Anchor(property="close_date", of="opportunity")
    found = anchor_instant(anchor, facts(NOW, bound=bound), OSLO, since=date(2026, 5, 10))
    assert found == local("2026-12-24T00:00", OSLO)


@pytest.mark.parametrize(
    ("stored", "since", "expected"),
    [
        ("1990-06-10", "2026-05-10", "2026-06-10"),
        ("1990-05-10", "2026-05-10", "2026-05-10"),  # on the day itself
        ("1990-05-09", "2026-05-10", "2027-05-09"),
        ("2090-06-10", "2026-05-10", "2026-06-10"),  # the stored year counts for nothing
        ("1996-02-29", "2026-05-10", "2027-02-28"),
        ("1996-02-29", "2028-01-01", "2028-02-29"),
        ("1996-02-29", "2027-03-01", "2028-02-29"),
        ("1997-02-28", "2028-02-29", "2029-02-28"),
        ("1990-01-01", "2027-01-01", "2027-01-01"),
        ("1990-12-31", "2027-01-01", "2027-12-31"),
    ],
)
def test_a_yearly_date_is_the_first_anniversary_from_a_day_on(stored: str, since: str, expected: str) -> None:
    anchor = Anchor(property="birthday", yearly=True, time="09:00")
    assert instant(anchor, since=since, birthday=stored) == local(f"{expected}T09:00", OSLO)
    assert occurrence(date.fromisoformat(stored), date.fromisoformat(since)) == date.fromisoformat(expected)


def test_a_yearly_instant_keeps_the_clock_time_it_has_in_the_zone() -> None:
    anchor = Anchor(property="signed_at", yearly=True)
    # 09:00 in summer stays 09:00 in a year in which the zone has no summer time on that day.
    assert instant(anchor, signed_at="1990-08-20T07:00:00.000000Z") == local("2026-08-20T09:00", OSLO)
    assert instant(anchor, signed_at="1979-08-20T08:00:00.000000Z") == local("2026-08-20T09:00", OSLO)


def test_a_yearly_evening_that_clocks_skip_keeps_its_day() -> None:
    # In Greenland clocks go from 23:00 to 00:00.
    nuuk = "America/Nuuk"
    found = instant(Anchor(property="signed_at", yearly=True, time="09:00"), nuuk, "2027-01-01",
                    signed_at="1990-03-28T01:30:00.000000Z")  # fmt: skip
    assert found == local("2027-03-27T09:00", nuuk)


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ({"anchor": {"days": -7}, "time": "09:00"}, "2027-02-22T09:00"),
        ({"anchor": {"hours": -1}}, "2027-03-01T17:00"),
        ({"anchor": {}}, "2027-03-01T18:00"),
        ({"anchor": {"days": 1}, "time": "10:00"}, "2027-03-02T10:00"),
        ({"anchor": {"days": 27}, "time": "02:30"}, "2027-03-28T03:30"),  # the night clocks go forward
        ({"anchor": {"days": 28, "hours": -24}}, "2027-03-28T18:00"),  # days keep the clock time, hours are absolute
        ({"anchor": {"weeks": -1, "hours": 2}, "time": "09:00"}, "2027-02-22T11:00"),
    ],
)
def test_a_delay_counts_from_the_date_and_days_come_first(until: dict[str, Json], expected: str) -> None:
    assert due_at(until, instant(Anchor(date="2027-03-01", time="18:00"))) == local(expected, OSLO)


def test_a_delay_without_a_date_is_missing() -> None:
    made = step(until={"anchor": {"days": -7}})
    assert due(made, Clock(entered_at=NOW, now=NOW, zone=OSLO), facts(NOW)).missing


@given(DAYS, SINCES)
def test_every_year_from_a_day_on_has_one_occurrence(day: date, since: date) -> None:
    found = occurrence(day, since)
    assert since <= found < date(since.year + 2, 1, 1)
    assert (found.month, found.day) in {(day.month, day.day), (2, 28)}
    # No anniversary in between was passed over.
    assert all(anniversary(day, year) < since for year in range(since.year, found.year))


@given(DAYS, SINCES, CLOCKS, ZONES)
def test_rounds_follow_each_other_a_year_apart(day: date, since: date, clock: str, zone: str) -> None:
    anchor = Anchor(property="birthday", yearly=True, time=clock)
    at = anchor_instant(anchor, facts(NOW, zone, birthday=day.isoformat()), zone, since=since)
    assert at is not None
    following = next_since(at, since, zone)
    later = anchor_instant(anchor, facts(NOW, zone, birthday=day.isoformat()), zone, since=following)
    assert later is not None
    assert local_date(later, zone).year == local_date(at, zone).year + 1


@given(DAYS, DAYS, SINCES, ZONES)
def test_a_corrected_date_stays_in_the_year_in_which_something_was_done(
    day: date, corrected: date, since: date, zone: str
) -> None:
    anchor = Anchor(property="birthday", yearly=True, time="09:00")
    at = anchor_instant(anchor, facts(NOW, zone, birthday=day.isoformat()), zone, since=since)
    assert at is not None
    kept = kept_since(at, zone)
    assert anchor_instant(anchor, facts(NOW, zone, birthday=day.isoformat()), zone, since=kept) == at
    moved = anchor_instant(anchor, facts(NOW, zone, birthday=corrected.isoformat()), zone, since=kept)
    assert moved is not None
    assert local_date(moved, zone).year == local_date(at, zone).year
    # Not before the year of what was done: whatever was done for that year's date is not done for it again.
    assert next_since(moved, kept, zone).year > local_date(at, zone).year


@given(DAYS, CLOCKS, OFFSETS, st.none() | CLOCKS, ZONES)
def test_a_due_instant_never_lies_before_its_rule_allows(
    day: date, clock: str, offset: Offset, time: str | None, zone: str
) -> None:
    anchor = Anchor(date=day.isoformat(), time=clock)
    anchor_at = anchor_instant(anchor, facts(NOW, zone), zone, since=day)
    assert anchor_at is not None
    written: dict[str, Json] = {"anchor": offset.model_dump(), **({"time": time} if time else {})}
    found = due_at(written, anchor_at, zone)
    assert found is not None
    # Asked again, with the same date, it is the same instant: timing anew is idempotent.
    assert due_at(written, anchor_instant(anchor, facts(NOW, zone), zone, since=day), zone) == found
    absolute = timedelta(hours=offset.hours, minutes=offset.minutes)
    wall = (found - absolute).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    meant = datetime.fromisoformat(f"{day}T{time or clock}") + timedelta(days=offset.days)
    # A clock time that does not exist moves on, in Apia once by a whole day; it never moves back.
    assert timedelta() <= wall - meant <= timedelta(days=1)


def test_a_round_without_a_date_is_followed_by_the_next_year() -> None:
    assert next_since(None, date(2026, 5, 10), OSLO) == date(2027, 1, 1)
    assert next_since(datetime(2027, 12, 31, 23, 30, tzinfo=UTC), date(2027, 1, 1), OSLO) == date(2029, 1, 1)
