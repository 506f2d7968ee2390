"""Review request: asked once, a week after the purchase, and not while a ticket is open."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import (
    about,
    answers,
    clicks,
    event,
    installed,
    over,
    passes,
    person,
    says,
    sent,
    to_weekday,
    way,
)

SLUG, PAGE = "review-request", "https://example.com/review"
ASKED, REMINDED = "How was it, Ana?", "A sentence about us?"
MONDAY = 0
BEGUN = [("week", "done", None), ("nothing_open", "done", None), ("ask", "done", None)]


async def buys(ft: Running, clock: SkippingTime, *, subscribed: str | None = "newsletter") -> tuple[str, str]:
    """Ana pays an order on a Monday; contact and enrollment."""
    await installed(ft, SLUG, page=PAGE)
    await to_weekday(clock, MONDAY, "12:00")
    ana = await person(ft, "Ana", subscribed=subscribed, timezone="Europe/Oslo")
    await event(ft, ana, "order.paid", amount=100)
    return ana, await about(ft, SLUG, ana)


async def test_who_follows_the_link_is_not_reminded_and_is_asked_once(ft: Running, skipping_time: SkippingTime) -> None:
    ana, taken = await buys(ft, skipping_time)
    bought = skipping_time.now()
    assert timedelta(days=6, hours=23) < await passes(ft, skipping_time, taken, "week") - bought <= timedelta(days=7)
    await ft.sleeps_at(taken, "went")
    await skipping_time.skip(timedelta(minutes=1))
    assert await clicks(ft, ana, ASKED, "Write a review") == PAGE
    done = await over(ft, taken)
    assert (done["end_reason"], await way(ft, done)) == ("completed", [*BEGUN, ("went", "done", None)])
    assert [told for told, _ in await sent(ft, ana)] == [ASKED]
    await event(ft, ana, "order.paid", amount=200)
    await ft.settled()
    assert (await ft.decisions(SLUG))[-1] == "re_entry_off"


async def test_who_does_not_is_reminded_once(ft: Running, skipping_time: SkippingTime) -> None:
    ana, taken = await buys(ft, skipping_time)
    await passes(ft, skipping_time, taken, "week")
    await passes(ft, skipping_time, taken, "went")
    assert await way(ft, await over(ft, taken)) == [*BEGUN, ("went", "done", "timed_out"), ("remind", "done", None)]
    assert [told for told, _ in await sent(ft, ana)] == [ASKED, REMINDED]


@pytest.mark.parametrize("is_solved", [True, False])
async def test_who_has_an_open_ticket_is_asked_when_it_is_closed(
    ft: Running, skipping_time: SkippingTime, is_solved: bool
) -> None:
    ana, taken = await buys(ft, skipping_time)
    ticket = await ft.create("ticket", subject="It flickers", stage="New")
    await ft.associate("ticket", ticket, "contact", ana)
    await passes(ft, skipping_time, taken, "week")
    await ft.sleeps_at(taken, "nothing_open")
    assert ft.outbox() == []
    if is_solved:
        await ft.patch("ticket", ticket, stage="Closed")
        await ft.sleeps_at(taken, "went")
        assert [told for told, _ in await sent(ft, ana)] == [ASKED]
        return
    await passes(ft, skipping_time, taken, "nothing_open")
    done = await over(ft, taken)
    assert (done["end_detail"], await way(ft, done)) == (
        "a ticket of theirs is still open",
        [BEGUN[0], ("nothing_open", "done", "timed_out"), ("not_now", "done", None)],
    )
    assert ft.outbox() == []


async def test_an_opportunity_that_is_won_asks_as_well(ft: Running, skipping_time: SkippingTime) -> None:
    await installed(ft, SLUG, page=PAGE)
    bo = await person(ft, "Bo")
    for product in ("lamps", "desks"):
        deal = await ft.create("opportunity", name=product, stage="Engaging")
        await ft.associate("opportunity", deal, "contact", bo)
        await ft.settled()
        await ft.patch("opportunity", deal, stage="Won")
        await ft.settled()
    assert await ft.decisions(SLUG) == ["enrolled", "already_active"]


async def test_who_answers_or_takes_no_newsletter_is_left_alone(ft: Running, skipping_time: SkippingTime) -> None:
    ana, taken = await buys(ft, skipping_time)
    bo = await person(ft, "Bo")
    await event(ft, bo, "order.paid")
    no_more = await about(ft, SLUG, bo)
    await says(ft, bo, "unsubscribed")
    assert (await over(ft, no_more))["end_reason"] == "exit_condition"
    await passes(ft, skipping_time, taken, "week")
    await ft.sleeps_at(taken, "went")
    await answers(ft, ana, ASKED)
    assert (await over(ft, taken))["end_reason"] == "replied"


async def test_who_never_subscribed_is_not_asked(ft: Running, skipping_time: SkippingTime) -> None:
    _, taken = await buys(ft, skipping_time, subscribed=None)
    await passes(ft, skipping_time, taken, "week")
    await passes(ft, skipping_time, taken, "went")
    assert [each[2] for each in await way(ft, await over(ft, taken)) if each[1] == "skipped"] == ["not_subscribed"] * 2
    assert ft.outbox() == []
