"""No-show recovery: another time offered three times, then a call, until a meeting is booked or an answer comes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import (
    about,
    answers,
    at,
    clicks,
    colleagues,
    event,
    installed,
    over,
    passes,
    person,
    sent,
    tasks,
    to_weekday,
    way,
)

SLUG, PAGE = "no-show-recovery", "https://example.com/book"
MISSED, TEXT, LAST = "We missed you", f"Shall we find another time for our meeting? {PAGE}", "Shall we still talk?"
STEPS = ("ten_minutes", "missed", "a_day", "text", "three_days", "last", "two_days", "call")
MONDAY, FRIDAY, OSLO = 0, 4, "Europe/Oslo"


async def missed(ft: Running, clock: SkippingTime, weekday: int = MONDAY, hour: str = "11:00") -> tuple[str, str]:
    """Ana misses a meeting in Oslo; contact and enrollment."""
    ids = await colleagues(ft, "Ann")
    await installed(ft, SLUG, page=PAGE)
    await to_weekday(clock, weekday, hour)
    ana = await person(ft, "Ana", subscribed=None, phone="+4722123456", timezone=OSLO, owner=ids["Ann"])
    await event(ft, ana, "meeting.no_show")
    return ana, await about(ft, SLUG, ana)


async def test_who_books_nothing_is_written_to_three_times_and_called(ft: Running, skipping_time: SkippingTime) -> None:
    ana, taken = await missed(ft, skipping_time)
    for step in ("ten_minutes", "a_day", "three_days", "two_days"):
        await passes(ft, skipping_time, taken, step)
    done = await over(ft, taken)
    assert (done["end_reason"], await way(ft, done)) == ("completed", [(step, "done", None) for step in STEPS])
    assert [told for told, _ in await sent(ft, ana)] == [MISSED, TEXT, LAST]
    assert await clicks(ft, ana, MISSED, "Choose another time") == PAGE
    (task,) = await tasks(ft, SLUG)
    assert (task["title"], task["type"]) == ("Call Ana, who missed a meeting", "call")


@pytest.mark.parametrize("step", ["ten_minutes", "a_day", "three_days", "two_days"])
async def test_who_books_again_hears_no_more_of_it(ft: Running, skipping_time: SkippingTime, step: str) -> None:
    ana, taken = await missed(ft, skipping_time)
    for passed in STEPS[: STEPS.index(step)]:
        if passed in ("ten_minutes", "a_day", "three_days"):
            await passes(ft, skipping_time, taken, passed)
    await ft.sleeps_at(taken, step)
    await event(ft, ana, "meeting.booked")
    done = await over(ft, taken)
    assert (done["end_reason"], done["end_detail"]) == ("goal", "booked")
    assert (await way(ft, done))[-1] == (step, "left", "goal")
    assert len(await sent(ft, ana)) == STEPS.index(step) // 2
    assert await tasks(ft, SLUG) == []
    await event(ft, ana, "meeting.no_show")
    await ft.settled()
    assert await about(ft, SLUG, ana) != taken


async def test_who_answers_is_in_good_hands(ft: Running, skipping_time: SkippingTime) -> None:
    ana, taken = await missed(ft, skipping_time)
    await passes(ft, skipping_time, taken, "ten_minutes")
    await ft.sleeps_at(taken, "a_day")
    await answers(ft, ana, MISSED)
    assert (await over(ft, taken))["end_reason"] == "replied"


async def test_a_meeting_missed_in_the_evening_is_written_about_in_working_hours(
    ft: Running, skipping_time: SkippingTime
) -> None:
    ana, taken = await missed(ft, skipping_time, FRIDAY, "19:00")
    friday = skipping_time.now().date()
    await passes(ft, skipping_time, taken, "ten_minutes")
    await passes(ft, skipping_time, taken, "missed")
    await ft.sleeps_at(taken, "a_day")
    ((told, when),) = await sent(ft, ana)
    monday = at(friday + timedelta(days=3), "09:00")
    assert (told, timedelta() <= when - monday < timedelta(minutes=16)) == (MISSED, True)
