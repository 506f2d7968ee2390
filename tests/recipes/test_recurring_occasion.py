"""Recurring occasion: every year at nine of their own clock, for as long as they want it."""

from __future__ import annotations

from datetime import timedelta

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import (
    about,
    at,
    installed,
    over,
    passes,
    person,
    says,
    sent,
    skip_to,
    sleeps,
    today,
    way,
    with_hours,
)
from tests.runs.test_dated import birthdays

SLUG = "recurring-occasion"
OSLO, TOKYO = "Europe/Oslo", "Asia/Tokyo"
ROUND = [("day", "done", None), ("wishes", "done", None)]
WAITING = ("day", None, None)


async def test_a_leap_day_is_the_28th_in_common_years(ft: Running, skipping_time: SkippingTime) -> None:
    await installed(ft, SLUG)
    if today(skipping_time).month == 2:
        await skipping_time.skip(timedelta(days=40))  # Nobody enters on the birthday itself.
    ana = await person(ft, "Ana", birthday="1996-02-29", timezone=OSLO)
    taken = await about(ft, SLUG, ana)
    days = birthdays(2, 29, today(skipping_time), 5)
    assert {day.day for day in days} == {28, 29}
    for day in days:
        await sleeps(ft, taken, "day", at(day))
        assert await passes(ft, skipping_time, taken, "day") == at(day)
    await sleeps(ft, taken, "day", at(birthdays(2, 29, days[-1] + timedelta(days=1), 1)[0]))
    assert await way(ft, {"id": taken}) == [*ROUND * 5, WAITING]
    found = await sent(ft, ana)
    assert [told for told, _ in found] == ["Happy birthday, Ana!"] * 5
    assert all(when - at(day) < timedelta(minutes=1) for (_, when), day in zip(found, days, strict=True))


async def test_another_date_and_another_home_set_the_clock_anew(ft: Running, skipping_time: SkippingTime) -> None:
    await with_hours(ft)
    await installed(ft, SLUG, time="08:00")
    first, second = (today(skipping_time) + timedelta(days=n) for n in (100, 30))
    ana = await person(ft, "Ana", birthday=first.replace(year=1992).isoformat(), timezone=OSLO)
    taken = await about(ft, SLUG, ana)
    await sleeps(ft, taken, "day", at(first, clock="08:00"))
    await ft.patch("contact", ana, birthday=second.isoformat())
    await sleeps(ft, taken, "day", at(second, clock="08:00"))
    await ft.patch("contact", ana, timezone=TOKYO)
    await sleeps(ft, taken, "day", at(second, "08:00", TOKYO))
    await passes(ft, skipping_time, taken, "day")
    following = birthdays(second.month, second.day, second + timedelta(days=1), 1)[0]
    await sleeps(ft, taken, "day", at(following, "08:00", TOKYO))
    assert len(await sent(ft, ana)) == 1


async def test_who_comes_in_on_the_day_after_nine_is_greeted_next_year(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await installed(ft, SLUG)
    day = today(skipping_time) + timedelta(days=1)
    await skip_to(skipping_time, at(day, clock="10:00"))
    ana = await person(ft, "Ana", birthday=day.replace(year=1992).isoformat(), timezone=OSLO)
    taken = await about(ft, SLUG, ana)
    past = ("skipped", "skipped_past")
    following = birthdays(day.month, day.day, day + timedelta(days=1), 1)[0]
    await sleeps(ft, taken, "day", at(following))
    assert await way(ft, {"id": taken}) == [("day", *past), ("wishes", *past), WAITING]
    assert ft.outbox() == []


async def test_who_unsubscribes_or_has_no_date_any_more_leaves_and_may_come_back(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await installed(ft, SLUG)
    day = today(skipping_time) + timedelta(days=60)
    born = day.replace(year=1992).isoformat()
    ana = await person(ft, "Ana", birthday=born, timezone=OSLO)
    await person(ft, "Bo", birthday=born, subscribed=None)
    first = await about(ft, SLUG, ana)
    await says(ft, ana, "unsubscribed")
    assert (await over(ft, first))["end_reason"] == "no_longer_matches"
    await says(ft, ana, "subscribed")
    await ft.settled()
    second = await about(ft, SLUG, ana)
    await ft.patch("contact", ana, birthday=None)
    assert (await over(ft, second))["end_reason"] == "no_longer_matches"
    await ft.patch("contact", ana, birthday=born)
    await ft.settled()
    third = await about(ft, SLUG, ana)
    assert len({first, second, third}) == 3
    assert await passes(ft, skipping_time, third, "day") == at(day)
    await sleeps(ft, third, "day", at(birthdays(day.month, day.day, day + timedelta(days=1), 1)[0]))
    assert [told for told, _ in await sent(ft, ana)] == ["Happy birthday, Ana!"]
    assert await ft.decisions(SLUG) == ["enrolled"] * 3


async def test_it_may_be_another_day_of_theirs(ft: Running, skipping_time: SkippingTime) -> None:
    await ft.call("POST", "/objects/contact/properties", {"name": "joined_on", "type": "date", "label": "Joined"})
    day = today(skipping_time) + timedelta(days=10)
    await installed(ft, SLUG, property="joined_on", occasion="anniversary")
    ana = await person(ft, "Ana", joined_on=day.isoformat(), timezone=OSLO, first_name=None)
    assert await passes(ft, skipping_time, await about(ft, SLUG, ana), "day") == at(day)
    await sleeps(
        ft, await about(ft, SLUG, ana), "day", at(birthdays(day.month, day.day, day + timedelta(days=1), 1)[0])
    )
    assert [told for told, _ in await sent(ft, ana)] == ["Happy anniversary!"]
