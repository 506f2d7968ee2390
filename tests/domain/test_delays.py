"""Delay arithmetic: tables for the rules, properties for what must hold at every instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.base import Json, utc_text
from domain.conditions import Offset
from domain.delays import WEEKDAYS, Clock, Due, due, needs_of_until, until_weekdays
from domain.facts import Associated, Facts, RecordFacts
from domain.instants import EARLIEST, LATEST, shifted
from domain.reading import NOTHING
from domain.schema import Schema
from domain.steps import DelayStep

OSLO = "Europe/Oslo"
NEW_YORK = "America/New_York"
ZONES = st.sampled_from([OSLO, NEW_YORK, "UTC", "Pacific/Apia", "Australia/Lord_Howe", "America/Sao_Paulo"])
INSTANTS = st.datetimes(min_value=datetime(2005, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC))
LENGTHS = st.builds(
    Offset,
    weeks=st.integers(0, 10),
    days=st.integers(0, 400),
    hours=st.integers(0, 100),
    minutes=st.integers(0, 600),
    seconds=st.integers(0, 600),
)


def local(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def step(**fields: Json) -> DelayStep:
    return TypeAdapter(DelayStep).validate_python({"id": "gap", "kind": "delay", **fields})


def facts(now: datetime, zone: str = OSLO, *, bound: RecordFacts | None = None, **properties: Json) -> Facts:
    deals = [RecordFacts(id=i, object="opportunity", properties={"close_date": d}) for i, d in
             [("young", "2026-05-01"), ("old", "2026-06-01")]]  # fmt: skip
    return Facts(
        schema_=Schema(objects={}),
        record=RecordFacts(id="r", object="contact", properties=properties),
        associated={
            "opportunity": tuple(
                Associated(record=r, label="main" if r.id == "old" else None, since=now) for r in deals
            )
        },
        bound=bound,
        now=now,
        zone=zone,
    )


def planned(made: DelayStep, at: str, zone: str = OSLO, **properties: Json) -> Due:
    now = local(at, zone)
    return due(made, Clock(entered_at=now, now=now, zone=zone), facts(now, zone, **properties))


@pytest.mark.parametrize(
    ("start", "length", "zone", "expected"),
    [
        ("2026-03-28T09:00", {"days": 1}, OSLO, "2026-03-29T09:00"),  # over the lost hour: clock time stays
        ("2026-03-28T09:00", {"hours": 24}, OSLO, "2026-03-29T10:00"),  # absolute: the clock shows an hour more
        ("2026-03-28T02:30", {"days": 1}, OSLO, "2026-03-29T03:30"),  # does not exist: moved by the gap
        ("2026-10-24T02:30", {"days": 1}, OSLO, "2026-10-25T02:30"),  # exists twice: the first
        ("2026-03-07T02:30", {"days": 1}, NEW_YORK, "2026-03-08T03:30"),
        ("2026-10-31T01:30", {"days": 1}, NEW_YORK, "2026-11-01T01:30"),
        ("2026-03-27T09:00", {"weeks": 1, "days": 1, "hours": 2}, OSLO, "2026-04-04T11:00"),  # days first
    ],
)
def test_days_keep_the_clock_time_and_hours_are_absolute(
    start: str, length: dict[str, int], zone: str, expected: str
) -> None:
    assert shifted(local(start, zone), Offset(**length), zone) == local(expected, zone)


def test_the_first_of_two_equal_clock_times_is_meant() -> None:
    assert shifted(local("2026-10-24T02:30", OSLO), Offset(days=1), OSLO) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_length_without_days_is_not_thrown_back_to_the_first_of_two_clock_times() -> None:
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 for the second time
    assert shifted(second, Offset(minutes=1), OSLO) == second + timedelta(minutes=1)


@given(INSTANTS, LENGTHS, ZONES)
def test_a_length_is_never_over_before_its_absolute_part(start: datetime, length: Offset, zone: str) -> None:
    absolute = timedelta(hours=length.hours, minutes=length.minutes, seconds=length.seconds)
    days = timedelta(weeks=length.weeks, days=length.days)
    # A calendar day is at least a day minus what a clock change takes (Apia left out a whole one).
    assert shifted(start, length, zone) >= start + absolute + max(days - timedelta(hours=25), timedelta())


@given(INSTANTS, LENGTHS, st.integers(1, 1000), ZONES)
def test_a_longer_wait_is_never_over_earlier(start: datetime, length: Offset, minutes: int, zone: str) -> None:
    longer = length.model_copy(update={"minutes": length.minutes + minutes})
    assert shifted(start, longer, zone) > shifted(start, length, zone)


@given(INSTANTS, st.sets(st.sampled_from(WEEKDAYS), min_size=1), st.times(), ZONES)
def test_a_weekday_delay_ends_on_an_allowed_day_at_or_after_arrival_and_within_ten_days(
    arrival: datetime, weekdays: set[str], at: object, zone: str
) -> None:
    written = f"{at:%H:%M}"
    found = until_weekdays(arrival, sorted(weekdays), written, zone)  # type: ignore[arg-type]
    assert arrival <= found <= arrival + timedelta(days=9)
    shown = found.astimezone(ZoneInfo(zone))
    if f"{shown:%H:%M}" == written:
        assert WEEKDAYS[shown.weekday()] in weekdays


@given(INSTANTS, st.integers(0, 10_000), st.times(), ZONES)
def test_who_arrives_later_never_leaves_a_weekday_delay_earlier(
    arrival: datetime, minutes: int, at: object, zone: str
) -> None:
    written = f"{at:%H:%M}"
    later = until_weekdays(arrival + timedelta(minutes=minutes), None, written, zone)
    assert later >= until_weekdays(arrival, None, written, zone)


@pytest.mark.parametrize(
    ("arrival", "until", "expected"),
    [
        ("2026-07-06T08:00", {"weekdays": ["mon"], "time": "09:00"}, "2026-07-06T09:00"),  # a Monday, before
        ("2026-07-06T09:00", {"weekdays": ["mon"], "time": "09:00"}, "2026-07-06T09:00"),  # at the very instant
        ("2026-07-06T09:01", {"weekdays": ["mon"], "time": "09:00"}, "2026-07-13T09:00"),
        ("2026-07-06T09:01", {"time": "09:00"}, "2026-07-07T09:00"),
        ("2026-03-28T03:00", {"time": "02:30"}, "2026-03-29T03:30"),  # the gap
        ("2026-10-25T01:00", {"time": "02:30"}, "2026-10-25T02:30"),
    ],
)
def test_weekdays_are_counted_from_arrival(arrival: str, until: Json, expected: str) -> None:
    assert planned(step(until=until), arrival).at == local(expected, OSLO)


def test_a_zero_length_day_count_of_weekdays_refuses_an_empty_list() -> None:
    with pytest.raises(ValueError, match="no weekday"):
        until_weekdays(datetime(2026, 1, 1, tzinfo=UTC), [], "09:00", OSLO)


def test_a_date_ahead_is_waited_for_and_one_behind_is_past() -> None:
    made = step(until={"date": "2026-07-10", "time": "09:00"})
    assert planned(made, "2026-07-01T00:00") == Due(at=local("2026-07-10T09:00", OSLO))
    assert planned(made, "2026-07-10T09:01") == Due(at=local("2026-07-10T09:00", OSLO), past=True)


@pytest.mark.parametrize(
    ("value", "until", "expected"),
    [
        ("2026-08-10", {"offset": {"days": -7}, "time": "09:00"}, "2026-08-03T09:00"),
        ("2026-08-10", {"time": "00:00"}, "2026-08-10T00:00"),
        ("2026-08-10", {"offset": {"hours": -1}, "time": "09:00"}, "2026-08-10T08:00"),
        ("2026-08-10T12:00:00.000000Z", {}, "2026-08-10T14:00"),
        ("2026-08-10T12:00:00.000000Z", {"offset": {"days": 1, "minutes": 5}}, "2026-08-11T14:05"),
        ("2026-08-10T23:30:00.000000Z", {"time": "09:00"}, "2026-08-11T09:00"),  # the local day counts
        ("2026-10-26", {"offset": {"days": -1}, "time": "02:30"}, "2026-10-25T02:30"),
    ],
)
def test_a_date_property_is_moved_and_put_at_its_time_of_day(value: str, until: dict[str, Json], expected: str) -> None:
    made = step(until={"property": "renewal", **until})
    assert planned(made, "2026-07-01T00:00", renewal=value) == Due(at=local(expected, OSLO))


@pytest.mark.parametrize("value", [None, "soon", 5, "2026-13-40", "2026-08-10T12:00:00"])
def test_a_property_without_a_usable_value_is_missing(value: Json) -> None:
    made = step(until={"property": "renewal", "time": "09:00"})
    assert planned(made, "2026-07-01T00:00", renewal=value) == Due(missing=True)


def test_the_bound_record_is_read_before_the_latest_associated_one() -> None:
    made = step(until={"property": "close_date", "of": {"object": "opportunity"}, "time": "09:00"})
    now = local("2026-01-01T00:00", OSLO)
    mine = RecordFacts(id="mine", object="opportunity", properties={"close_date": "2026-02-02"})

    def at(bound: RecordFacts | None, delay: DelayStep = made) -> datetime | None:
        return due(delay, Clock(entered_at=now, now=now, zone=OSLO), facts(now, bound=bound)).at

    assert at(mine) == local("2026-02-02T09:00", OSLO)
    assert at(None) == local("2026-05-01T09:00", OSLO)
    labelled = step(until={"property": "close_date", "of": {"object": "opportunity", "label": "main"}, "time": "09:00"})
    assert at(mine, labelled) == local("2026-06-01T09:00", OSLO)
    assert needs_of_until(made.until, None).objects == {"opportunity"}
    assert needs_of_until(step(**{"for": {"days": 1}}).until, None) == NOTHING


def test_an_evening_that_clocks_skip_moves_no_date_to_the_day_after() -> None:
    # In Greenland clocks go from 23:00 to 00:00.
    nuuk = "America/Nuuk"
    now = local("2027-01-01T00:00", nuuk)
    evening = local("2027-03-26T23:30", nuuk)
    made = step(until={"property": "ends", "offset": {"days": 1}, "time": "09:00"})
    found = due(made, Clock(entered_at=now, now=now, zone=nuuk), facts(now, nuuk, ends=utc_text(evening)))
    assert found.at == local("2027-03-27T09:00", nuuk)


def test_the_edges_of_the_calendar_are_its_edges() -> None:
    assert shifted(datetime(2026, 1, 1, tzinfo=UTC), Offset(days=9_999_999), OSLO) == LATEST
    far = step(until={"property": "renewal", "offset": {"days": 9_999_999}, "time": "09:00"})
    assert planned(far, "2026-07-01T00:00", renewal="9000-01-01").at == LATEST
    back = step(until={"property": "renewal", "offset": {"days": -9_999_999}, "time": "09:00"})
    found = planned(back, "2026-07-01T00:00", renewal="2000-01-01")
    assert found.at is not None
    assert found.at.date() == EARLIEST.date()
    assert found.past
