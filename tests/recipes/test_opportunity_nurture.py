"""Opportunity nurture: each opportunity of a contact by itself, for as long as it stands in its stage."""

from __future__ import annotations

import pytest

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import (
    about,
    answers,
    clicks,
    colleagues,
    installed,
    notices,
    over,
    passes,
    person,
    sent,
    tasks,
    to_weekday,
    way,
)

SLUG, PAGE = "opportunity-nurture", "https://example.com/stories"
MONDAY = 0


async def ready(ft: Running, clock: SkippingTime) -> tuple[str, dict[str, str]]:
    """The recipe, Ana with an owner, on a Monday; the contact and the colleagues."""
    ids = await colleagues(ft, "Ann")
    await installed(ft, SLUG, page=PAGE)
    await to_weekday(clock, MONDAY, "11:00")
    return await person(ft, "Ana", timezone="Europe/Oslo", owner=ids["Ann"]), ids


async def deal(ft: Running, contact: str, product: str) -> tuple[str, str]:
    """An opportunity of somebody that becomes Engaging; it and its enrollment."""
    made = await ft.create("opportunity", name=product, product=product, stage="Prospecting")
    await ft.associate("opportunity", made, "contact", contact)
    await ft.patch("opportunity", made, stage="Engaging")

    async def its_own() -> list[str]:
        return [each["id"] for each in await ft.enrollments(SLUG) if (each["bound"] or {}).get("id") == made]

    async def is_there() -> bool:
        return bool(await its_own())

    await ft.until(is_there, f"{product} is nurtured")
    return made, (await its_own())[0]


async def test_interest_is_a_call_and_each_opportunity_runs_by_itself(ft: Running, skipping_time: SkippingTime) -> None:
    ana, ids = await ready(ft, skipping_time)
    _, lamps = await deal(ft, ana, "lamps")
    _, desks = await deal(ft, ana, "desks")
    assert lamps != desks
    await passes(ft, skipping_time, desks, "three_days")
    for enrollment_id in (lamps, desks):
        await ft.sleeps_at(enrollment_id, "interested")
    assert {told for told, _ in await sent(ft, ana)} == {"How others use lamps", "How others use desks"}
    assert await clicks(ft, ana, "How others use lamps", "here are stories") == PAGE
    await ft.sleeps_at(lamps, "week")
    (task,) = await tasks(ft, SLUG)
    assert (task["title"], task["assignee"]) == ("Call Ana about lamps", ids["Ann"])
    await passes(ft, skipping_time, desks, "interested")
    await ft.sleeps_at(desks, "week")
    assert "Which questions about desks are left?" in [told for told, _ in await sent(ft, ana)]
    await passes(ft, skipping_time, lamps, "week")
    await passes(ft, skipping_time, desks, "week")
    for enrollment_id, middle in ((lamps, "call"), (desks, "questions")):
        done = await over(ft, enrollment_id)
        waited = None if middle == "call" else "timed_out"
        assert (done["end_reason"], await way(ft, done)) == ("completed", [
            ("three_days", "done", None), ("stories", "done", None), ("interested", "done", waited),
            (middle, "done", None), ("week", "done", None), ("look", "done", None),
        ])  # fmt: skip
    assert await notices(ft, [ids["Ann"]]) == [["lamps for Ana has not moved", "desks for Ana has not moved"]]


@pytest.mark.parametrize(("stage", "reason"), [("Won", "goal"), ("Lost", "exit_condition"), (None, "exit_condition")])
async def test_an_opportunity_that_moves_on_is_left_alone_and_its_sister_goes_on(
    ft: Running, skipping_time: SkippingTime, stage: str | None, reason: str
) -> None:
    ana, _ = await ready(ft, skipping_time)
    lamp, lamps = await deal(ft, ana, "lamps")
    _, desks = await deal(ft, ana, "desks")
    await ft.patch("opportunity", lamp, stage=stage)
    done = await over(ft, lamps)
    assert (done["end_reason"], (await way(ft, done))[-1]) == (reason, ("three_days", "left", reason))
    await passes(ft, skipping_time, desks, "three_days")
    await ft.sleeps_at(desks, "interested")
    assert [told for told, _ in await sent(ft, ana)] == ["How others use desks"]


async def test_who_answers_about_one_is_asked_no_more_about_it(ft: Running, skipping_time: SkippingTime) -> None:
    ana, _ = await ready(ft, skipping_time)
    _, lamps = await deal(ft, ana, "lamps")
    await passes(ft, skipping_time, lamps, "three_days")
    await ft.sleeps_at(lamps, "interested")
    await answers(ft, ana, "How others use lamps")
    assert (await over(ft, lamps))["end_reason"] == "replied"


async def test_only_who_subscribed_is_written_to(ft: Running, skipping_time: SkippingTime) -> None:
    await ready(ft, skipping_time)
    bo = await person(ft, "Bo", subscribed=None, timezone="Europe/Oslo")
    _, lamps = await deal(ft, bo, "lamps")
    assert lamps == await about(ft, SLUG, bo)
    for step in ("three_days", "interested", "week"):
        await passes(ft, skipping_time, lamps, step)
    assert [each for each in await way(ft, await over(ft, lamps)) if each[1] == "skipped"] == [
        ("stories", "skipped", "not_subscribed"), ("questions", "skipped", "not_subscribed"),
        ("look", "skipped", "no_owner"),
    ]  # fmt: skip
    assert ft.outbox() == []
