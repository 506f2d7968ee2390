"""Welcome series: who reads is led on, who does not is asked again, and what they click is noted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import (
    about,
    clicks,
    event,
    installed,
    length,
    opens,
    over,
    passes,
    person,
    says,
    sent,
    way,
)

GUIDES, OFFERS = "https://example.com/guides?from=mail&n=1", "https://example.com/offers"
CHOICE, AGAIN = "What would you like to read about?", "Ana, is it this or that?"
HELLO, START, HELP = "Good to have you, Ana", "A good place to begin", "Can we help you with anything, Ana?"
BEGUN = [("hello", "done", None), ("two_days", "done", None), ("choice", "done", None), ("three_days", "done", None)]


async def subscribed(ft: Running, clock: SkippingTime, name: str = "Ana") -> tuple[str, str]:
    """Somebody who got the second email and has three days to read it; contact and enrollment."""
    await installed(ft, "welcome-series", guides=GUIDES, offers=OFFERS)
    contact = await person(ft, name)
    await event(ft, contact, "form.submitted", form="sign-up")
    taken = await about(ft, "welcome-series", contact)
    await passes(ft, clock, taken, "two_days")
    await ft.sleeps_at(taken, "three_days")
    return contact, taken


async def interests(ft: Running, contact: str) -> Any:
    return (await ft.call("GET", f"/records/contact/{contact}"))["properties"].get("interests")


async def test_who_opens_is_led_on_and_what_they_click_is_noted(ft: Running, skipping_time: SkippingTime) -> None:
    ana, taken = await subscribed(ft, skipping_time)
    await opens(ft, ana, CHOICE)
    await passes(ft, skipping_time, taken, "three_days")
    await ft.sleeps_at(taken, "four_days")
    assert await clicks(ft, ana, START, "our guides") == GUIDES
    await passes(ft, skipping_time, taken, "four_days")
    done = await over(ft, taken)
    assert (done["end_reason"], await way(ft, done)) == (
        "completed",
        [
            *BEGUN, ("read", "done", None), ("start", "done", None), ("four_days", "done", None),
            ("likes_guides", "done", None), ("note_guides", "done", None), ("likes_offers", "done", None),
            ("help", "done", None),
        ],
    )  # fmt: skip
    days = {HELLO: 0, CHOICE: 2, START: 5, HELP: 9}
    assert length(await sent(ft, ana)) == [(subject, timedelta(days=n)) for subject, n in days.items()]
    assert await interests(ft, ana) == ["guides"]


async def test_who_does_not_read_is_asked_again_with_another_subject(ft: Running, skipping_time: SkippingTime) -> None:
    ana, taken = await subscribed(ft, skipping_time)
    await passes(ft, skipping_time, taken, "three_days")
    await ft.sleeps_at(taken, "four_days")
    await clicks(ft, ana, AGAIN, "I want to learn how others do it")
    await clicks(ft, ana, AGAIN, "I want to know what you offer")
    await passes(ft, skipping_time, taken, "four_days")
    done = await over(ft, taken)
    assert await way(ft, done) == [
        *BEGUN, ("read", "done", None), ("choice_again", "done", None), ("four_days", "done", None),
        ("likes_guides", "done", None), ("note_guides", "done", None),
        ("likes_offers", "done", None), ("note_offers", "done", None), ("help", "done", None),
    ]  # fmt: skip
    assert [subject for subject, _ in await sent(ft, ana)] == [HELLO, CHOICE, AGAIN, HELP]
    assert await interests(ft, ana) == ["guides", "offers"]


async def test_a_click_without_pictures_has_read_it_and_a_program_has_not(
    ft: Running, skipping_time: SkippingTime
) -> None:
    ana, taken = await subscribed(ft, skipping_time)
    await clicks(ft, ana, CHOICE, "I want to know what you offer")
    bo = await person(ft, "Bo")
    await event(ft, bo, "form.submitted", form="sign-up")
    other = await about(ft, "welcome-series", bo)
    await passes(ft, skipping_time, other, "two_days")
    await ft.sleeps_at(other, "three_days")
    await opens(ft, bo, CHOICE, program=True)
    await passes(ft, skipping_time, taken, "three_days")
    await ft.sleeps_at(taken, "four_days")
    assert [subject for subject, _ in await sent(ft, ana)] == [HELLO, CHOICE, START]
    await passes(ft, skipping_time, other, "three_days")
    await ft.sleeps_at(other, "four_days")
    assert [subject for subject, _ in await sent(ft, bo)][2:] == ["Bo, is it this or that?"]
    await passes(ft, skipping_time, taken, "four_days")
    assert (await way(ft, await over(ft, taken)))[-4:] == [
        ("likes_guides", "done", None), ("likes_offers", "done", None), ("note_offers", "done", None),
        ("help", "done", None),
    ]  # fmt: skip
    assert (await interests(ft, ana), await interests(ft, bo)) == (["offers"], None)


async def test_who_unsubscribes_leaves_and_who_cannot_be_greeted_by_name_is_greeted(
    ft: Running, skipping_time: SkippingTime
) -> None:
    ana, taken = await subscribed(ft, skipping_time)
    await says(ft, ana, "unsubscribed")
    done = await over(ft, taken)
    assert (done["end_reason"], done["step"]) == ("exit_condition", "three_days")
    assert (await way(ft, done))[-1] == ("three_days", "left", "exit_condition")
    await event(ft, ana, "form.submitted", form="sign-up")
    nobody = await person(ft, "Nobody", first_name=None)
    await event(ft, nobody, "form.submitted", form="newsletter")
    await event(ft, nobody, "form.submitted", form="sign-up")
    other = await about(ft, "welcome-series", nobody)
    await passes(ft, skipping_time, other, "two_days")
    await passes(ft, skipping_time, other, "three_days")
    await passes(ft, skipping_time, other, "four_days")
    await over(ft, other)
    told = [
        "Good to have you, and welcome",
        CHOICE,
        "One question, is it this or that?",
        "Can we help you with anything?",
    ]
    assert [subject for subject, _ in await sent(ft, nobody)] == told
    assert len(await sent(ft, ana)) == 2
    assert await interests(ft, nobody) is None


async def test_who_did_not_agree_is_not_written_to_and_may_agree_on_the_way(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await installed(ft, "welcome-series", guides=GUIDES, offers=OFFERS)
    ana = await person(ft, "Ana", subscribed=None)
    await event(ft, ana, "form.submitted", form="sign-up")
    taken = await about(ft, "welcome-series", ana)
    await passes(ft, skipping_time, taken, "two_days")
    await ft.sleeps_at(taken, "three_days")
    assert await way(ft, {"id": taken}) == [
        ("hello", "skipped", "not_subscribed"), ("two_days", "done", None), ("choice", "skipped", "not_subscribed"),
        ("three_days", None, None),
    ]  # fmt: skip
    await says(ft, ana, "subscribed")
    await passes(ft, skipping_time, taken, "three_days")
    await ft.sleeps_at(taken, "four_days")
    assert [subject for subject, _ in await sent(ft, ana)] == [AGAIN]
    bo = await person(ft, "Bo")
    await says(ft, bo, "unsubscribed")
    await event(ft, bo, "form.submitted", form="sign-up")
    await ft.settled()
    assert (await ft.decisions("welcome-series"))[-1] == "exit_already_met"
