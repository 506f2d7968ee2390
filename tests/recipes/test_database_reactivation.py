"""Database reactivation: two emails to who is silent; a call for who shows up, no more marketing for who does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import (
    about,
    answers,
    clicks,
    colleagues,
    event,
    installed,
    notices,
    over,
    passes,
    person,
    says,
    sent,
    tasks,
    to_weekday,
    way,
)

SLUG, PAGE = "database-reactivation", "https://example.com/new"
NEWS, LAST = "It has been a while, Ana", "Shall we stay in touch?"
TUESDAY = 1
CALLED = [("owner", "done", None), ("call", "done", None), ("told", "done", None)]


async def ready(ft: Running) -> dict[str, str]:
    ids = await colleagues(ft, "Ann", "Bea")
    await installed(ft, SLUG, page=PAGE, team="team", days=60)
    return ids


async def silent(ft: Running, clock: SkippingTime, **more: Any) -> str:
    """Ana, whom nobody hears of for sixty days, and who was just written to on a Tuesday; the contact."""
    ana = await person(ft, "Ana", timezone="Europe/Oslo", **more)
    await clock.skip(timedelta(days=55))
    await to_weekday(clock, TUESDAY, "10:00")
    await clock.skip(timedelta(days=7))
    await ft.sleeps_at(await about(ft, SLUG, ana), "week")
    return ana


async def marketing(ft: Running, contact: str) -> Any:
    return (await ft.call("GET", f"/records/contact/{contact}"))["properties"]["marketing_status"]


async def test_who_stays_silent_gets_two_emails_and_no_more_marketing(ft: Running, skipping_time: SkippingTime) -> None:
    await ready(ft)
    ana = await silent(ft, skipping_time)
    taken = await about(ft, SLUG, ana)
    await passes(ft, skipping_time, taken, "week")
    await passes(ft, skipping_time, taken, "two_weeks")
    done = await over(ft, taken)
    steps = ("news", "week", "last", "two_weeks", "rest", "silent")
    assert (done["end_reason"], done["end_detail"]) == ("completed", "not heard of")
    assert [step for step, _, _ in await way(ft, done)] == [*steps]
    assert [told for told, _ in await sent(ft, ana)] == [NEWS, LAST]
    assert await marketing(ft, ana) == "non_marketing"
    assert await tasks(ft, SLUG) == []


@pytest.mark.parametrize("sign", ["click", "answer", "form.submitted", "order.paid"])
@pytest.mark.parametrize("step", ["week", "two_weeks"])
async def test_who_shows_up_is_called(ft: Running, skipping_time: SkippingTime, step: str, sign: str) -> None:
    ids = await ready(ft)
    ana = await silent(ft, skipping_time)
    taken = await about(ft, SLUG, ana)
    if step == "two_weeks":
        await passes(ft, skipping_time, taken, "week")
        await ft.sleeps_at(taken, "two_weeks")
    subject = NEWS if step == "week" else LAST
    await skipping_time.skip(timedelta(minutes=1))
    if sign == "click":
        await clicks(ft, ana, subject, "Here is what is new" if step == "week" else "have a look here")
    elif sign == "answer":
        await answers(ft, ana, subject, ("Auto-Submitted", "auto-replied"))
        await ft.settled()
        await ft.sleeps_at(taken, step)
        await answers(ft, ana, subject)
    else:
        await event(ft, ana, sign)
    done = await over(ft, taken)
    assert (done["end_reason"], (await way(ft, done))[-3:]) == ("completed", CALLED)
    (task,) = await tasks(ft, SLUG)
    assert (task["title"], task["assignee"]) == ("Call Ana, who is back", ids["Ann"])
    assert await notices(ft, [ids["Ann"], ids["Bea"]]) == [["Ana is back"], []]
    assert await marketing(ft, ana) == "marketing"


async def test_only_who_is_silent_is_written_to(ft: Running, skipping_time: SkippingTime) -> None:
    await ready(ft)
    bought, gone = await person(ft, "Bo"), await person(ft, "Cy")
    other = await person(ft, "Di", marketing_status="non_marketing")
    never = await person(ft, "Eve", subscribed=None)
    await skipping_time.skip(timedelta(days=40))
    await event(ft, bought, "order.paid")
    await says(ft, gone, "unsubscribed")
    await silent(ft, skipping_time)
    found = {each["record"]["id"] for each in await ft.enrollments(SLUG)}
    assert found.isdisjoint({gone, other, never})


async def test_who_has_an_open_opportunity_is_not_silent(ft: Running, skipping_time: SkippingTime) -> None:
    await ready(ft)
    bo = await person(ft, "Bo")
    deal = await ft.create("opportunity", name="Lamps", stage="Engaging")
    await ft.associate("opportunity", deal, "contact", bo)
    ana = await silent(ft, skipping_time)
    taken = await about(ft, SLUG, ana)

    async def is_decided() -> bool:
        return sorted(await ft.decisions(SLUG)) == ["enrolled", "suppressed"]

    await ft.until(is_decided, "one is let in, the other not")
    other = await ft.create("opportunity", name="Desks", stage="Engaging")
    await ft.associate("opportunity", other, "contact", ana)
    assert (await over(ft, taken))["end_reason"] == "suppressed"


async def test_who_unsubscribes_is_let_go(ft: Running, skipping_time: SkippingTime) -> None:
    await ready(ft)
    ana = await silent(ft, skipping_time)
    await says(ft, ana, "unsubscribed")
    assert (await over(ft, await about(ft, SLUG, ana)))["end_reason"] == "exit_condition"
