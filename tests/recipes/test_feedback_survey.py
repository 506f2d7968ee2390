"""Feedback survey: a day after a ticket was closed, once in 30 days, and what follows from the answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import about, colleagues, event, installed, notices, outbox, over, passes, tasks, way

SLUG = "feedback-survey"
ASKED, THANKS = "How did we do? My order", "Thank you for your feedback"


async def closed(ft: Running, contact: str, ids: dict[str, str]) -> tuple[str, str]:
    """A ticket of a contact that was just closed, and its enrollment."""
    ticket = await ft.create("ticket", subject="My order", stage="New", owner=ids["Ann"])
    await ft.call("PUT", f"/records/ticket/{ticket}/associations/contact/{contact}", {})
    await ft.patch("ticket", ticket, stage="Closed")
    return ticket, await about(ft, SLUG, ticket)


async def opened(ft: Running) -> tuple[dict[str, str], str]:
    ids = await colleagues(ft, "Ann")
    await installed(ft, SLUG, survey="https://example.com/survey", review="https://example.com/review")
    return ids, await ft.create("contact", email="ana@example.com", first_name="Ana")


@pytest.mark.parametrize(
    ("score", "mails", "told", "called"),
    [(0, [ASKED], 1, 1), (6, [ASKED], 1, 1), (7, [ASKED], 0, 0), (8, [ASKED], 0, 0), (9, [ASKED, THANKS], 0, 0)],
)
async def test_what_follows_from_the_score(
    ft: Running, skipping_time: SkippingTime, score: int, mails: list[str], told: int, called: int
) -> None:
    ids, ana = await opened(ft)
    _, taken = await closed(ft, ana, ids)
    await passes(ft, skipping_time, taken, "day_after")
    await ft.sleeps_at(taken, "answer")
    assert outbox(ft) == [ASKED]
    await event(ft, ana, "survey.submitted", form="other", score=0)
    await event(ft, ana, "survey.submitted", form="ticket-feedback", score=score)
    await over(ft, taken)
    assert outbox(ft) == mails
    assert [len(each) for each in await notices(ft, [ids["Ann"], ids["Mo"]])] == [told, told]
    made: list[Any] = await tasks(ft, SLUG)
    assert [(each["title"], each["assignee"]) for each in made] == [("Call back: My order", ids["Ann"])] * called


async def test_who_does_not_answer_is_left_alone(ft: Running, skipping_time: SkippingTime) -> None:
    ids, ana = await opened(ft)
    _, taken = await closed(ft, ana, ids)
    await passes(ft, skipping_time, taken, "day_after")
    asked_at = skipping_time.now()
    assert await passes(ft, skipping_time, taken, "answer") - asked_at > timedelta(days=6, hours=23)
    await over(ft, taken)
    assert outbox(ft) == [ASKED]


async def test_a_ticket_that_is_open_again_is_not_asked_about_until_it_is_closed_again(
    ft: Running, skipping_time: SkippingTime
) -> None:
    ids, ana = await opened(ft)
    ticket, taken = await closed(ft, ana, ids)
    await ft.sleeps_at(taken, "day_after")
    await skipping_time.skip(timedelta(hours=20))
    await ft.patch("ticket", ticket, stage="New")
    done = await over(ft, taken)
    assert (done["end_reason"], [step for step, _, _ in await way(ft, done)]) == (
        "completed",
        ["day_after", "reopened"],
    )
    await ft.patch("ticket", ticket, stage="Closed")
    await ft.settled()
    closed_at = skipping_time.now()
    again = await about(ft, SLUG, ticket)
    assert again != taken
    assert await passes(ft, skipping_time, again, "day_after") - closed_at > timedelta(hours=23, minutes=59)
    await ft.sleeps_at(again, "answer")
    assert outbox(ft) == [ASKED]


async def test_nobody_is_asked_twice_within_thirty_days(ft: Running, skipping_time: SkippingTime) -> None:
    ids, ana = await opened(ft)
    _, first = await closed(ft, ana, ids)
    await passes(ft, skipping_time, first, "day_after")
    await ft.sleeps_at(first, "answer")
    await event(ft, ana, "survey.submitted", form="ticket-feedback", score=8)
    await over(ft, first)
    _, second = await closed(ft, ana, ids)
    await passes(ft, skipping_time, second, "day_after")
    await over(ft, second)
    assert outbox(ft) == [ASKED]
    await skipping_time.skip(timedelta(days=30))
    _, third = await closed(ft, ana, ids)
    await passes(ft, skipping_time, third, "day_after")
    await ft.sleeps_at(third, "answer")
    assert outbox(ft) == [ASKED, ASKED]
