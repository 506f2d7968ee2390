"""Sales follow-up: an offer in working hours, then a call, until somebody buys, answers or wants no more."""

from __future__ import annotations

from datetime import datetime, timedelta

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
    message,
    notices,
    opens,
    over,
    passes,
    person,
    says,
    sent,
    skip_to,
    tasks,
    to_weekday,
    way,
)
from tests.runs.definitions import by_hand

SLUG = "sales-follow-up"
PAGE = "https://example.com/lamp"
NEWS, OFFER = "News in spring", "May we make you an offer for the desk lamp?"
CHICAGO = "America/Chicago"
FRIDAY = 4
CALLED = ("owner", "call", "told")


async def ready(ft: Running, clock: SkippingTime) -> tuple[dict[str, str], datetime]:
    """The recipe, a newsletter with links, a team, and Friday afternoon in Chicago; the colleagues and the instant."""
    ids = await colleagues(ft, "Ann", "Bea")
    await installed(ft, SLUG, product="the desk lamp", page=PAGE, team="team")
    html = f'<p><a href="{PAGE}?from=news">The lamp</a> <a href="https://example.com/chair">The chair</a></p>'
    news = {"subject": NEWS, "html": html, "transactional": True}
    await ft.publish(by_hand("news", [{"id": "n", "kind": "action", "action": "send_email", "config": news}]))
    return ids, await to_weekday(clock, FRIDAY, "15:00", CHICAGO)


async def reader(ft: Running, clock: SkippingTime, name: str, *, subscribed: str | None = "newsletter") -> str:
    """Somebody who got the newsletter."""
    contact = await person(ft, name, subscribed=subscribed, timezone=CHICAGO)
    await over(ft, (await ft.enroll("news", "contact", contact))["enrollment_id"])
    await clock.skip(timedelta(minutes=1))  # Who follows a link at once is a program.
    return contact


async def interested(
    ft: Running, clock: SkippingTime, name: str, *, subscribed: str | None = "newsletter"
) -> tuple[str, str]:
    """Somebody who followed the link to the product; contact and enrollment."""
    contact = await reader(ft, clock, name, subscribed=subscribed)
    await clicks(ft, contact, NEWS, "The lamp")
    return contact, await about(ft, SLUG, contact)


async def test_the_offer_comes_in_working_hours_and_the_call_three_working_days_later(
    ft: Running, skipping_time: SkippingTime
) -> None:
    ids, friday = await ready(ft, skipping_time)
    ana, taken = await interested(ft, skipping_time, "Ana")
    assert await passes(ft, skipping_time, taken, "day") - friday < timedelta(days=1, minutes=5)
    monday = at((friday + timedelta(days=3)).date(), "09:00", CHICAGO)
    assert timedelta() <= await passes(ft, skipping_time, taken, "offer") - monday < timedelta(minutes=15)
    thursday = await passes(ft, skipping_time, taken, "three_days")
    assert timedelta(days=3) <= thursday - monday < timedelta(days=3, minutes=50)
    done = await over(ft, taken)
    steps = ("day", "offer", "three_days", *CALLED)
    assert (done["end_reason"], await way(ft, done)) == ("completed", [(step, "done", None) for step in steps])
    ((_, _), (told, when)) = await sent(ft, ana)
    assert (told, timedelta() <= when - monday < timedelta(minutes=16)) == (OFFER, True)
    assert ">the desk lamp</a>. If you wonder" in (await message(ft, ana, OFFER))["html"]
    (task,) = await tasks(ft, SLUG)
    assert (task["title"], task["type"], task["assignee"]) == ("Call Ana about the desk lamp", "call", ids["Ann"])
    due = datetime.fromisoformat(task["due_at"])
    assert timedelta(days=1) <= due - thursday < timedelta(days=1, minutes=5)
    assert await notices(ft, [ids["Ann"], ids["Bea"]]) == [["Ana is interested in the desk lamp"], []]

    await clicks(ft, ana, OFFER, "the desk lamp")
    await ft.settled()
    assert (await ft.decisions(SLUG))[-1] == "re_entry_off"


async def test_only_people_who_look_at_the_product_and_did_not_just_buy_enter(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await ready(ft, skipping_time)
    ana, bo = await reader(ft, skipping_time, "Ana"), await reader(ft, skipping_time, "Bo")
    await clicks(ft, ana, NEWS, "The chair")
    await opens(ft, ana, NEWS)
    news = (await message(ft, ana, NEWS))["id"]
    await event(ft, ana, "email.clicked", message=news, url=PAGE, machine=True)
    await event(ft, bo, "order.paid", amount=100)
    await clicks(ft, bo, NEWS, "The lamp")
    await ft.settled()
    assert await ft.decisions(SLUG) == ["suppressed"]
    await skipping_time.skip(timedelta(days=31))
    await clicks(ft, bo, NEWS, "The lamp")
    await ft.sleeps_at(await about(ft, SLUG, bo), "day")


async def test_who_buys_reaches_the_goal_before_the_offer_and_after_it(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await ready(ft, skipping_time)
    ana, before = await interested(ft, skipping_time, "Ana")
    bo, after = await interested(ft, skipping_time, "Bo")
    await event(ft, ana, "order.paid", amount=100)
    bought = await over(ft, before)
    await passes(ft, skipping_time, after, "day")
    await passes(ft, skipping_time, after, "offer")
    await ft.sleeps_at(after, "three_days")
    await event(ft, bo, "order.paid", amount=100)
    for enrollment, steps in ((bought, ["day"]), (await over(ft, after), ["day", "offer", "three_days"])):
        assert (enrollment["end_reason"], enrollment["end_detail"]) == ("goal", "bought")
        ways = [*((step, "done", None) for step in steps[:-1]), (steps[-1], "left", "goal")]
        assert await way(ft, enrollment) == ways
    assert [[told for told, _ in await sent(ft, each)] for each in (ana, bo)] == [[NEWS], [NEWS, OFFER]]
    report = await ft.call("GET", f"/workflows/{SLUG}/report")
    assert (report["totals"]["enrolled"], report["goals"][0]["reached"]) == (2, 2)
    assert await tasks(ft, SLUG) == []


async def test_who_answers_or_unsubscribes_is_left_alone_and_an_absence_note_is_no_answer(
    ft: Running, skipping_time: SkippingTime
) -> None:
    _, friday = await ready(ft, skipping_time)
    ana, answered = await interested(ft, skipping_time, "Ana")
    bo, no_more = await interested(ft, skipping_time, "Bo")
    # Each comes at a minute of its own, so time passes for both at once.
    await skipping_time.skip(timedelta(days=1, minutes=5))
    for enrollment_id in (answered, no_more):
        await ft.sleeps_at(enrollment_id, "offer")
    await skip_to(skipping_time, at((friday + timedelta(days=3)).date(), "09:16", CHICAGO))
    for enrollment_id in (answered, no_more):
        await ft.sleeps_at(enrollment_id, "three_days")
    await answers(ft, ana, OFFER, ("Auto-Submitted", "auto-replied"))
    await ft.settled()
    await ft.sleeps_at(answered, "three_days")
    await answers(ft, ana, OFFER)
    await says(ft, bo, "unsubscribed")
    for enrollment_id, reason in ((answered, "replied"), (no_more, "exit_condition")):
        done = await over(ft, enrollment_id)
        assert (done["end_reason"], (await way(ft, done))[-1]) == (reason, ("three_days", "left", reason))
    assert await tasks(ft, SLUG) == []


async def test_who_never_agreed_gets_no_offer_but_a_call(ft: Running, skipping_time: SkippingTime) -> None:
    _, friday = await ready(ft, skipping_time)
    ana, taken = await interested(ft, skipping_time, "Ana", subscribed=None)
    await passes(ft, skipping_time, taken, "day")
    wednesday = at((friday + timedelta(days=5)).date(), "15:00", CHICAGO)
    await ft.sleeps_at(taken, "three_days")
    assert await passes(ft, skipping_time, taken, "three_days") - wednesday < timedelta(days=1)
    assert await way(ft, await over(ft, taken)) == [
        ("day", "done", None), ("offer", "skipped", "not_subscribed"), ("three_days", "done", None),
        *((step, "done", None) for step in CALLED),
    ]  # fmt: skip
    assert [told for told, _ in await sent(ft, ana)] == [NEWS]
