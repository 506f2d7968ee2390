"""Webinar: confirmed, reminded by its own date, and followed up by who came, who did not, and who nobody knows of."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import (
    about,
    at,
    clicks,
    event,
    installed,
    message,
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

SLUG, AFTER, NAME = "webinar", "webinar-follow-up", "Selling by phone"
CONFIRMED, WEEK, DAY = f"You are registered: {NAME}", f"In a week: {NAME}", f"Tomorrow: {NAME}"
HOUR, THANKS, MISSED = f"In an hour: {NAME}", f"Thank you for taking part in {NAME}", f"Sorry we missed you at {NAME}"
PAGES = {name: f"https://example.com/{name}" for name in ("page", "recording", "meeting")}
PAST, DONE = ("skipped", "skipped_past"), ("done", None)
STEPS = (
    "confirmed", "week_before", "in_a_week", "day_before", "tomorrow", "hour_before", "in_an_hour", "over", "follow_up",
)  # fmt: skip


def due(day: date) -> dict[str, datetime]:
    """When each delay is over for a webinar of an hour and a half that begins at six in the evening."""
    return {
        "week_before": at(day - timedelta(days=7), "18:00"),
        "day_before": at(day - timedelta(days=1), "18:00"),
        "hour_before": at(day, "17:00"),
        "over": at(day, "19:30"),
    }


async def planned(ft: Running, clock: SkippingTime, days: int = 10) -> date:
    """The recipe for a webinar in so many days, in an account that writes in an hour of Monday night only; the day."""
    await with_hours(ft)
    day = today(clock) + timedelta(days=days)
    await installed(ft, SLUG, webinar=NAME, date=day.isoformat(), minutes=90, **PAGES)
    return day


async def registers(ft: Running, contact: str, *, form: bool = True, webinar: str = NAME) -> None:
    """A contact registers by the form, or on a platform that tells an event."""
    if form:
        await event(ft, contact, "form.submitted", form="webinar-registration", webinar=webinar)
    else:
        await event(ft, contact, "custom.webinar_registered", webinar=webinar)


async def registered(
    ft: Running, name: str, *, form: bool = True, subscribed: str | None = "events"
) -> tuple[str, str]:
    """Somebody who lives elsewhere and registers; contact and enrollment."""
    contact = await person(ft, name, subscribed=subscribed, timezone="America/Chicago")
    await registers(ft, contact, form=form)
    return contact, await about(ft, SLUG, contact)


async def to_the_end(ft: Running, clock: SkippingTime, contact: str, taken: str, day: date) -> str:
    """Let time pass until the webinar is over; the enrollment that follows it up, which sleeps for an hour."""
    await skip_to(clock, due(day)["over"])
    assert (await over(ft, taken))["end_reason"] == "completed"
    after = await about(ft, AFTER, contact)
    await ft.sleeps_at(after, "hour")
    return after


async def on_time(ft: Running, contact: str, day: date, **told: str) -> None:
    """That a contact got the confirmation and then just this, each within a minute after its delay was over."""
    (first, _), *found = await sent(ft, contact)
    assert [first, *(text for text, _ in found)] == [CONFIRMED, *told.values()]
    late = [when - due(day)[step] for (_, when), step in zip(found, told, strict=True)]
    assert all(timedelta() <= each < timedelta(minutes=1) for each in late), late


async def after(ft: Running, contact: str, day: date) -> list[tuple[str, timedelta]]:
    """What a contact got after the webinar, with the hours since it was over."""
    found = [(told, when - due(day)["over"]) for told, when in await sent(ft, contact)]
    return [(told, timedelta(hours=round(late / timedelta(hours=1)))) for told, late in found if late > timedelta()]


async def test_who_registers_is_confirmed_reminded_and_who_came_is_invited(
    ft: Running, skipping_time: SkippingTime
) -> None:
    day = await planned(ft, skipping_time)
    begun = skipping_time.now()
    ana, taken = await registered(ft, "Ana", form=False)
    await registers(ft, ana)
    for step, instant in due(day).items():
        assert await passes(ft, skipping_time, taken, step) == instant
        if step == "hour_before":
            await ft.stands_at(taken, "over")
            await event(ft, ana, "custom.webinar_attended", webinar=NAME)
            await event(ft, ana, "custom.webinar_missed", webinar="Another one")
    done = await over(ft, taken)
    assert (done["end_reason"], await way(ft, done)) == ("completed", [(step, *DONE) for step in STEPS])
    await on_time(ft, ana, day, week_before=WEEK, day_before=DAY, hour_before=HOUR)
    ((_, at_once), *_) = await sent(ft, ana)
    assert at_once - begun < timedelta(minutes=1)
    html = (await message(ft, ana, CONFIRMED))["html"]
    assert f"on {day:%d %B %Y} and begins at 18:00, our time." in html.replace("\n", " ")

    follow_up = await about(ft, AFTER, ana)
    assert await passes(ft, skipping_time, follow_up, "hour") - due(day)["over"] < timedelta(hours=1, minutes=1)
    ended = await over(ft, follow_up)
    assert (ended["end_reason"], await way(ft, ended)) == (
        "completed", [("hour", *DONE), ("known", *DONE), ("came", *DONE), ("thanks", *DONE)],
    )  # fmt: skip
    assert await after(ft, ana, day) == [(THANKS, timedelta(hours=1))]
    assert await clicks(ft, ana, THANKS, "Choose half an hour") == PAGES["meeting"]
    assert await ft.decisions(SLUG) == ["enrolled", "absorbed_update"]


@pytest.mark.parametrize("is_told", [True, False], ids=["told at once", "never told"])
async def test_who_did_not_come_gets_the_recording_and_so_does_of_whom_nobody_knows(
    ft: Running, skipping_time: SkippingTime, is_told: bool
) -> None:
    day = await planned(ft, skipping_time)
    ana, taken = await registered(ft, "Ana")
    follow_up = await to_the_end(ft, skipping_time, ana, taken, day)
    await passes(ft, skipping_time, follow_up, "hour")
    await ft.sleeps_at(follow_up, "known")
    await event(ft, ana, "custom.webinar_attended", webinar="Another one")
    if is_told:
        await event(ft, ana, "custom.webinar_missed", webinar=NAME)
    else:
        await passes(ft, skipping_time, follow_up, "known")
    ended = await over(ft, follow_up)
    known = None if is_told else "timed_out"
    assert (ended["end_reason"], await way(ft, ended)) == (
        "completed", [("hour", *DONE), ("known", "done", known), ("came", *DONE), ("missed", *DONE)],
    )  # fmt: skip
    assert await after(ft, ana, day) == [(MISSED, timedelta(hours=1 if is_told else 49))]
    assert await clicks(ft, ana, MISSED, "here is the recording") == PAGES["recording"]


async def test_who_is_told_of_late_is_still_thanked(ft: Running, skipping_time: SkippingTime) -> None:
    day = await planned(ft, skipping_time)
    ana, taken = await registered(ft, "Ana")
    follow_up = await to_the_end(ft, skipping_time, ana, taken, day)
    await passes(ft, skipping_time, follow_up, "hour")
    await ft.sleeps_at(follow_up, "known")
    await skipping_time.skip(timedelta(days=1))
    await event(ft, ana, "custom.webinar_attended", webinar=NAME)
    await over(ft, follow_up)
    assert await after(ft, ana, day) == [(THANKS, timedelta(hours=25))]


async def test_who_is_late_is_confirmed_and_gets_only_what_is_still_to_come(
    ft: Running, skipping_time: SkippingTime
) -> None:
    day = await planned(ft, skipping_time, 4)
    ana, early = await registered(ft, "Ana")
    await sleeps(ft, early, "day_before", due(day)["day_before"])
    await skip_to(skipping_time, due(day)["day_before"])
    await sleeps(ft, early, "hour_before", due(day)["hour_before"])
    bo, soon = await registered(ft, "Bo")
    await sleeps(ft, soon, "hour_before", due(day)["hour_before"])
    await skip_to(skipping_time, due(day)["hour_before"])
    await sleeps(ft, soon, "over", due(day)["over"])
    cy, at_the_door = await registered(ft, "Cy")
    await sleeps(ft, at_the_door, "over", due(day)["over"])
    await skip_to(skipping_time, due(day)["over"])
    for skipped, (contact, taken) in zip((1, 2, 3), ((ana, early), (bo, soon), (cy, at_the_door)), strict=True):
        past = {*STEPS[1 : 1 + 2 * skipped]}
        assert await way(ft, await over(ft, taken)) == [(step, *(PAST if step in past else DONE)) for step in STEPS]
        assert len([each for each in await ft.enrollments(AFTER) if each["record"]["id"] == contact]) == 1
    await on_time(ft, ana, day, day_before=DAY, hour_before=HOUR)
    await on_time(ft, bo, day, hour_before=HOUR)
    await on_time(ft, cy, day)
    await skipping_time.skip(timedelta(minutes=5))
    _, too_late = await registered(ft, "Di")
    assert (await way(ft, await over(ft, too_late)))[-2:] == [("over", *PAST), ("follow_up", *PAST)]


async def test_a_webinar_that_moves_takes_reminders_and_follow_up_along(
    ft: Running, skipping_time: SkippingTime
) -> None:
    first = await planned(ft, skipping_time)
    ana, taken = await registered(ft, "Ana")
    await passes(ft, skipping_time, taken, "week_before")
    await sleeps(ft, taken, "day_before", due(first)["day_before"])
    later = first + timedelta(days=7)
    await ft.call("PATCH", f"/workflows/{SLUG}/settings", {"anchor": {"date": later.isoformat(), "time": "18:00"}})
    await sleeps(ft, taken, "day_before", due(later)["day_before"])
    for step in ("day_before", "hour_before"):
        await passes(ft, skipping_time, taken, step)
    await sleeps(ft, taken, "over", due(later)["over"])
    follow_up = await to_the_end(ft, skipping_time, ana, taken, later)
    assert [told for told, _ in await sent(ft, ana)] == [CONFIRMED, WEEK, DAY, HOUR]
    await passes(ft, skipping_time, follow_up, "hour")
    await ft.sleeps_at(follow_up, "known")


@pytest.mark.parametrize("form", [True, False], ids=["by the form", "on the platform"])
async def test_who_cancels_hears_no_more_of_it_and_may_register_again(
    ft: Running, skipping_time: SkippingTime, form: bool
) -> None:
    day = await planned(ft, skipping_time)
    ana, first = await registered(ft, "Ana")
    await ft.sleeps_at(first, "week_before")
    told: tuple[str, dict[str, Any]] = ("custom.webinar_cancelled", {})
    if form:
        told = ("form.submitted", {"form": "webinar-cancellation"})
    await event(ft, ana, told[0], webinar="Another one", **told[1])
    await ft.settled()
    await ft.sleeps_at(first, "week_before")
    await event(ft, ana, told[0], webinar=NAME, **told[1])
    done = await over(ft, first)
    assert (done["end_reason"], await way(ft, done)) == (
        "exit_condition", [("confirmed", *DONE), ("week_before", "left", "exit_condition")],
    )  # fmt: skip
    await registers(ft, ana)
    await ft.settled()
    second = await about(ft, SLUG, ana)
    assert second != first
    await ft.sleeps_at(second, "week_before")
    follow_up = await to_the_end(ft, skipping_time, ana, second, day)
    await event(ft, ana, told[0], webinar=NAME, **told[1])
    assert (await over(ft, follow_up))["end_reason"] == "exit_condition"
    assert await after(ft, ana, day) == []


async def test_a_meeting_counts_when_it_is_booked_after_the_webinar(ft: Running, skipping_time: SkippingTime) -> None:
    day = await planned(ft, skipping_time)
    ana, taken = await registered(ft, "Ana")
    await ft.sleeps_at(taken, "week_before")
    await event(ft, ana, "meeting.booked")
    follow_up = await to_the_end(ft, skipping_time, ana, taken, day)
    await passes(ft, skipping_time, follow_up, "hour")
    await ft.sleeps_at(follow_up, "known")
    await event(ft, ana, "meeting.booked")
    ended = await over(ft, follow_up)
    assert (ended["end_reason"], await way(ft, ended)) == ("goal", [("hour", *DONE), ("known", "left", "goal")])
    assert await after(ft, ana, day) == []


async def test_once_per_webinar_and_nobody_for_another_one(ft: Running, skipping_time: SkippingTime) -> None:
    day = await planned(ft, skipping_time)
    ana, taken = await registered(ft, "Ana")
    bo = await person(ft, "Bo", subscribed="events")
    for form in (True, False):
        await registers(ft, bo, form=form, webinar="Another one")
    await event(ft, bo, "form.submitted", form="guide", webinar=NAME)
    await ft.sleeps_at(taken, "week_before")
    await to_the_end(ft, skipping_time, ana, taken, day)
    await registers(ft, ana)
    await ft.settled()
    assert await ft.decisions(SLUG) == ["enrolled", "suppressed"]
    assert await sent(ft, bo) == []


@pytest.mark.parametrize(
    ("subscribed", "told", "last"),
    [
        ("events", "attended", ("thanks", "skipped", "unsubscribed")),
        (None, "missed", ("missed", "skipped", "not_subscribed")),
    ],
)
async def test_what_was_asked_for_comes_to_everybody_and_the_rest_to_who_agreed(
    ft: Running, skipping_time: SkippingTime, subscribed: str | None, told: str, last: tuple[str, str, str]
) -> None:
    day = await planned(ft, skipping_time)
    ana, taken = await registered(ft, "Ana", subscribed=subscribed)
    if subscribed is not None:
        await says(ft, ana, "unsubscribed", subscribed)
    for step in due(day):
        await passes(ft, skipping_time, taken, step)
    await over(ft, taken)
    await event(ft, ana, f"custom.webinar_{told}", webinar=NAME)
    follow_up = await about(ft, AFTER, ana)
    await passes(ft, skipping_time, follow_up, "hour")
    assert (await way(ft, await over(ft, follow_up)))[-1] == last
    await on_time(ft, ana, day, week_before=WEEK, day_before=DAY, hour_before=HOUR)
