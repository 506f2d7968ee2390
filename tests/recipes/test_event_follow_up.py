"""Event follow-up: on the day after, thanks to those who came and the recording for those who did not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import (
    about,
    at,
    clicks,
    event,
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
)

SLUG = "event-follow-up"
THANKS, MISSED = "Thank you for being at the spring webinar", "We missed you at the spring webinar"
SURVEY, RECORDING = "https://example.com/survey", "https://example.com/recording"
PAST = ("skipped", "skipped_past")


async def planned(ft: Running, clock: SkippingTime, days: int = 10) -> date:
    """The recipe for an event in so many days, in Oslo; the day."""
    await ft.call("PATCH", "/account", {"timezone": "Europe/Oslo"})
    day = today(clock) + timedelta(days=days)
    await installed(ft, SLUG, event="the spring webinar", date=day.isoformat(), survey=SURVEY, recording=RECORDING)
    return day


async def registered(ft: Running, name: str, *, subscribed: str | None = "events", **more: Any) -> tuple[str, str]:
    """Somebody who registers; contact and enrollment."""
    contact = await person(ft, name, subscribed=subscribed, **more)
    await event(ft, contact, "form.submitted", form="event-registration")
    return contact, await about(ft, SLUG, contact)


async def test_who_came_is_thanked_and_who_did_not_gets_the_recording(ft: Running, skipping_time: SkippingTime) -> None:
    day = await planned(ft, skipping_time)
    ana, came = await registered(ft, "Ana")
    bo, missed = await registered(ft, "Bo", last_event_attended="the autumn webinar")
    await sleeps(ft, came, "day_after", at(day + timedelta(days=1), "10:00"))
    await skip_to(skipping_time, at(day, "20:00"))
    await ft.patch("contact", ana, last_event_attended="the spring webinar")
    await ft.settled()
    assert ft.outbox() == []
    await passes(ft, skipping_time, came, "day_after")
    for contact, enrollment_id, step, subject in ((ana, came, "thanks", THANKS), (bo, missed, "missed", MISSED)):
        done = await over(ft, enrollment_id)
        assert (done["end_reason"], await way(ft, done)) == (
            "completed", [(each, "done", None) for each in ("day_after", "came", step)],
        )  # fmt: skip
        ((told, when),) = await sent(ft, contact)
        assert told == subject
        assert timedelta() <= when - at(day + timedelta(days=1), "10:00") < timedelta(minutes=1)
    assert await clicks(ft, ana, THANKS, "A few questions") == SURVEY
    assert await clicks(ft, bo, MISSED, "here is the recording") == RECORDING


async def test_an_event_that_moves_takes_everybody_along(ft: Running, skipping_time: SkippingTime) -> None:
    day = await planned(ft, skipping_time)
    ana, taken = await registered(ft, "Ana")
    later = day + timedelta(days=7)
    await sleeps(ft, taken, "day_after", at(day + timedelta(days=1), "10:00"))
    await ft.call("PATCH", f"/workflows/{SLUG}/settings", {"anchor": {"date": later.isoformat(), "time": "10:00"}})
    await sleeps(ft, taken, "day_after", at(later + timedelta(days=1), "10:00"))
    await passes(ft, skipping_time, taken, "day_after")
    await over(ft, taken)
    assert [told for told, _ in await sent(ft, ana)] == [MISSED]


async def test_who_registers_when_all_is_over_gets_nothing(ft: Running, skipping_time: SkippingTime) -> None:
    day = await planned(ft, skipping_time)
    await skip_to(skipping_time, at(day + timedelta(days=1), "10:00"))
    _, taken = await registered(ft, "Ana", last_event_attended="the spring webinar")
    done = await over(ft, taken)
    assert (done["end_reason"], await way(ft, done)) == ("completed", [("day_after", *PAST), ("came", *PAST)])
    assert ft.outbox() == []


async def test_who_cancelled_or_does_not_want_it_gets_nothing(ft: Running, skipping_time: SkippingTime) -> None:
    await planned(ft, skipping_time)
    ana, cancelled = await registered(ft, "Ana")
    bo, no_more = await registered(ft, "Bo")
    _, never = await registered(ft, "Cy", subscribed=None, last_event_attended="the spring webinar")
    await event(ft, ana, "form.submitted", form="event-cancellation")
    assert (await over(ft, cancelled))["end_reason"] == "exit_condition"
    await says(ft, bo, "unsubscribed", "events")
    await passes(ft, skipping_time, no_more, "day_after")
    assert (await way(ft, await over(ft, no_more)))[-1] == ("missed", "skipped", "unsubscribed")
    assert (await way(ft, await over(ft, never)))[-1] == ("thanks", "skipped", "not_subscribed")
    assert ft.outbox() == []
    await event(ft, ana, "form.submitted", form="event-registration")
    await ft.settled()
    again = await about(ft, SLUG, ana)
    assert again != cancelled
    assert (await over(ft, again))["end_reason"] == "completed"
