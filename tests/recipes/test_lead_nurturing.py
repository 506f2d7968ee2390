"""Lead nurturing: the sequence and its rhythm follow what somebody opens and clicks; machines count for nothing."""

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
    opens,
    over,
    passes,
    person,
    says,
    sent,
    to_weekday,
)

SLUG = "lead-nurturing"
PAGES = {name: f"https://example.com/{name}" for name in ("guide_1", "guide_2", "guide_3", "meeting")}
FIRST, SECOND, THIRD = "Here is what you asked for", "How to begin", "What it takes, and what it gives"
LINKS = {FIRST: "have a look", SECOND: "how to begin", THIRD: "what it takes, and what it gives"}
LOST_2, LOST_3 = "A way to begin, in case you missed it", "One more thing worth knowing"
TUESDAY = 1


async def asked(ft: Running, clock: SkippingTime, **known: Any) -> tuple[str, str]:
    """Ana, who sent the form on a Tuesday morning, and her enrollment."""
    await installed(ft, SLUG, **PAGES)
    await to_weekday(clock, TUESDAY, "10:00", "UTC")
    ana = await person(ft, "Ana", **known)
    await event(ft, ana, "form.submitted", form="guide")
    return ana, await about(ft, SLUG, ana)


async def arrived(ft: Running, clock: SkippingTime, ana: str, subject: str) -> None:
    """Let time pass, hour by hour, until an email left: hours for messages hold it back."""
    for _ in range(24 * 4):
        await ft.settled()
        if subject in [told for told, _ in await sent(ft, ana)]:
            # Who opens in the second a message leaves is a program.
            await clock.skip(timedelta(minutes=1))
            return
        await clock.skip(timedelta(hours=1))
    raise AssertionError(f"{subject} was not sent")


async def days_between(ft: Running, ana: str) -> list[tuple[str, int]]:
    """What Ana got, each with the days since the one before."""
    found = await sent(ft, ana)
    before = [found[0], *found]
    return [(told, round((at - was) / timedelta(days=1))) for (told, at), (_, was) in zip(found, before, strict=False)]


async def test_who_opens_and_clicks_is_led_quickly_and_invited(ft: Running, skipping_time: SkippingTime) -> None:
    ids = await colleagues(ft, "Ann")
    ana, taken = await asked(ft, skipping_time, owner=ids["Ann"])
    for n, subject in enumerate((FIRST, SECOND, THIRD), 1):
        await arrived(ft, skipping_time, ana, subject)
        await ft.stands_at(taken, f"read_{n}")
        assert await clicks(ft, ana, subject, LINKS[subject]) == PAGES[f"guide_{n}"]
        await passes(ft, skipping_time, taken, f"days_{n}")
    await arrived(ft, skipping_time, ana, "Shall we talk?")
    await over(ft, taken)
    found = await days_between(ft, ana)
    assert [told for told, _ in found] == [FIRST, SECOND, THIRD, "Shall we talk?"]
    # Two days, or what a weekend makes of them.
    assert all(2 <= days <= 4 for _, days in found[1:])
    assert await notices(ft, [ids["Ann"]]) == [["Ana is interested"]]


async def test_who_only_opens_gets_another_angle_and_who_opens_nothing_a_slower_rhythm(
    ft: Running, skipping_time: SkippingTime
) -> None:
    ana, taken = await asked(ft, skipping_time)
    await arrived(ft, skipping_time, ana, FIRST)
    await ft.stands_at(taken, "read_1")
    await opens(ft, ana, FIRST, program=True)
    await opens(ft, ana, FIRST)
    for step in ("days_1", "more_1"):
        await passes(ft, skipping_time, taken, step)
    await arrived(ft, skipping_time, ana, "What others make of it")
    await passes(ft, skipping_time, taken, "rest_1")
    for n, subject, again in (
        (2, SECOND, "A way to begin, in case you missed it"),
        (3, THIRD, "One more thing worth knowing"),
    ):
        await arrived(ft, skipping_time, ana, subject)
        await ft.stands_at(taken, f"read_{n}")
        await opens(ft, ana, subject, program=True)
        for step in (f"read_{n}", f"pause_{n}"):
            await passes(ft, skipping_time, taken, step)
        await arrived(ft, skipping_time, ana, again)
        await passes(ft, skipping_time, taken, f"slow_{n}")
    assert (await over(ft, taken))["end_reason"] == "completed"
    found = await days_between(ft, ana)
    assert [told for told, _ in found] == [
        FIRST, "What others make of it", SECOND, LOST_2, THIRD, LOST_3,
    ]  # fmt: skip
    # Another angle after four days; what was not opened again after five, and the next topic seven days later.
    assert all(low <= days <= low + 3 for (_, days), low in zip(found[1:], (4, 2, 5, 7, 5), strict=True))


@pytest.mark.parametrize("what", ["meeting", "answer", "unsubscribed", "customer", "deal"])
async def test_what_ends_it_ends_it_at_once(ft: Running, skipping_time: SkippingTime, what: str) -> None:
    ana, taken = await asked(ft, skipping_time)
    await arrived(ft, skipping_time, ana, FIRST)
    await ft.stands_at(taken, "read_1")
    match what:
        case "meeting":
            await event(ft, ana, "meeting.booked")
        case "answer":
            await answers(ft, ana, FIRST)
        case "unsubscribed":
            await says(ft, ana, "unsubscribed")
        case "customer":
            await ft.patch("contact", ana, lifecycle_stage="customer")
        case _:
            deal = await ft.create("opportunity", name="Ten desks", stage="Prospecting")
            await ft.associate("contact", ana, "opportunity", deal)
    reasons = {"meeting": "goal", "answer": "replied", "unsubscribed": "exit_condition"}
    assert (await ft.ended(taken))["end_reason"] == reasons.get(what, "suppressed")
    await event(ft, ana, "form.submitted", form="guide")
    await ft.settled()
    assert len(await ft.enrollments(SLUG)) == 1
    assert [told for told, _ in await sent(ft, ana)] == [FIRST]


@pytest.mark.parametrize("known", [{"lifecycle_stage": "customer"}, {"is_competitor": True}])
async def test_customers_and_competitors_are_left_alone(ft: Running, known: dict[str, Any]) -> None:
    await installed(ft, SLUG, **PAGES)
    bo = await person(ft, "Bo", **known)
    await event(ft, bo, "form.submitted", form="guide")
    await ft.settled()
    assert await ft.decisions(SLUG) == ["suppressed"]
