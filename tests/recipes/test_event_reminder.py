"""Event reminder: a week, a day and an hour before, even if it moves; who is late gets what is still to come."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import (
    about,
    at,
    event,
    installed,
    over,
    passes,
    person,
    sent,
    skip_to,
    sleeps,
    today,
    way,
    with_hours,
)

SLUG = "event-reminder"
WEEK, TOMORROW = "In a week: our open house", "Tomorrow: our open house"
HOUR = "our open house begins in an hour: https://example.com/house"
ANSWERS = {"event": "our open house", "page": "https://example.com/house"}
PAST, DONE = ("skipped", "skipped_past"), ("done", None)
PHONE = "+12025550143"


async def planned(ft: Running, clock: SkippingTime, days: int) -> date:
    """The recipe for an event in so many days, in Oslo; the day."""
    await with_hours(ft)
    day = today(clock) + timedelta(days=days)
    await installed(ft, SLUG, date=day.isoformat(), **ANSWERS)
    return day


async def registered(ft: Running, name: str, **properties: Any) -> tuple[str, str]:
    """Somebody who lives elsewhere and registers; contact and enrollment."""
    contact = await person(ft, name, subscribed=None, timezone="America/Chicago", **properties)
    await event(ft, contact, "form.submitted", form="event-registration")
    return contact, await about(ft, SLUG, contact)


def due(day: date) -> dict[str, datetime]:
    """When each delay is over."""
    return {
        "week_before": at(day - timedelta(days=7), "09:00"),
        "day_before": at(day - timedelta(days=1), "09:00"),
        "hour_before": at(day, "17:00"),
    }


async def on_time(ft: Running, contact: str, day: date, **told: str) -> None:
    """That a contact got just this, each within a minute after its delay was over."""
    found = await sent(ft, contact)
    assert [text for text, _ in found] == [*told.values()]
    late = [when - due(day)[step] for (_, when), step in zip(found, told, strict=True)]
    assert all(timedelta() <= each < timedelta(minutes=1) for each in late), late


async def test_who_registers_early_is_reminded_three_times_by_the_clock_of_the_event(
    ft: Running, skipping_time: SkippingTime
) -> None:
    day = await planned(ft, skipping_time, 30)
    ana, taken = await registered(ft, "Ana", phone=PHONE)
    await event(ft, ana, "form.submitted", form="event-registration")
    await ft.call("PUT", f"/records/contact/{ana}/subscriptions", {"unsubscribed_from_all": True})
    for step, instant in due(day).items():
        assert await passes(ft, skipping_time, taken, step) == instant
    done = await over(ft, taken)
    steps = ("week_before", "in_a_week", "day_before", "tomorrow", "hour_before", "in_an_hour")
    assert (done["end_reason"], await way(ft, done)) == ("completed", [(step, *DONE) for step in steps])
    await on_time(ft, ana, day, week_before=WEEK, day_before=TOMORROW, hour_before=HOUR)
    assert await ft.decisions(SLUG) == ["enrolled", "absorbed_update"]


async def test_who_is_late_gets_what_is_still_to_come(ft: Running, skipping_time: SkippingTime) -> None:
    day = await planned(ft, skipping_time, 4)
    ana, early = await registered(ft, "Ana")
    assert await passes(ft, skipping_time, early, "day_before") == due(day)["day_before"]
    await sleeps(ft, early, "hour_before", due(day)["hour_before"])
    bo, soon = await registered(ft, "Bo", phone=PHONE)
    await passes(ft, skipping_time, soon, "hour_before")
    _, at_the_door = await registered(ft, "Cy", phone="+12025550144")
    none, one, two = [
        [("week_before", *PAST), ("in_a_week", *PAST), ("day_before", *day_before), ("tomorrow", *day_before),
         ("hour_before", *hour_before)]
        for day_before, hour_before in ((PAST, PAST), (PAST, DONE), (DONE, DONE))
    ]  # fmt: skip
    assert await way(ft, await over(ft, early)) == [*two, ("in_an_hour", "skipped", "no_address")]
    assert await way(ft, await over(ft, soon)) == [*one, ("in_an_hour", *DONE)]
    assert await way(ft, await over(ft, at_the_door)) == [*none, ("in_an_hour", *PAST)]
    await on_time(ft, ana, day, day_before=TOMORROW)
    await on_time(ft, bo, day, hour_before=HOUR)
    assert len(ft.outbox()) == len(ft.outbox("sms")) == 1


async def test_an_event_that_moves_takes_the_reminders_along(ft: Running, skipping_time: SkippingTime) -> None:
    first = await planned(ft, skipping_time, 20)
    ana, taken = await registered(ft, "Ana", phone=PHONE)
    await passes(ft, skipping_time, taken, "week_before")
    await sleeps(ft, taken, "day_before", due(first)["day_before"])
    later = first + timedelta(days=14)
    await ft.call("PATCH", f"/workflows/{SLUG}/settings", {"anchor": {"date": later.isoformat(), "time": "18:00"}})
    await sleeps(ft, taken, "day_before", due(later)["day_before"])
    await passes(ft, skipping_time, taken, "day_before")
    await ft.call("PATCH", f"/workflows/{SLUG}/settings", {"anchor": {"date": later.isoformat(), "time": "19:30"}})
    await sleeps(ft, taken, "hour_before", at(later, "18:30"))
    await skip_to(skipping_time, at(later, "18:30"))
    await over(ft, taken)
    assert [told for told, _ in await sent(ft, ana)] == [WEEK, TOMORROW, HOUR]


async def test_who_cancels_hears_no_more_of_it_and_may_register_again(ft: Running, skipping_time: SkippingTime) -> None:
    day = await planned(ft, skipping_time, 20)
    ana, first = await registered(ft, "Ana")
    await event(ft, ana, "form.submitted", form="event-cancellation")
    done = await over(ft, first)
    assert (done["end_reason"], await way(ft, done)) == (
        "exit_condition", [("week_before", "left", "exit_condition")],
    )  # fmt: skip
    await event(ft, ana, "form.submitted", form="event-registration")
    await ft.settled()
    second = await about(ft, SLUG, ana)
    assert second != first
    await passes(ft, skipping_time, second, "week_before")
    await sleeps(ft, second, "day_before", due(day)["day_before"])
    await on_time(ft, ana, day, week_before=WEEK)
