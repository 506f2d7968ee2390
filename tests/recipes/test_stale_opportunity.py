"""Stale opportunity: who stands still is told of, once for each stage it stands still in."""

from __future__ import annotations

from datetime import timedelta

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import about, colleagues, installed, notices, over, passes, tasks, way

SLUG = "stale-opportunity"
STALE, STILL = "Ten desks stands still for 14 days", "Ten desks still stands still"
BEGUN = [("look", "done", None), ("told", "done", None)]


async def deal(ft: Running, name: str, stage: str, owner: str | None) -> str:
    return await ft.create("opportunity", name=name, stage=stage, owner=owner)


async def test_what_stands_still_is_told_and_told_again_to_the_manager(
    ft: Running, skipping_time: SkippingTime
) -> None:
    ids = await colleagues(ft, "Ann")
    await installed(ft, SLUG)
    desks = await deal(ft, "Ten desks", "Engaging", ids["Ann"])
    lamps = await deal(ft, "Lamps", "Prospecting", ids["Ann"])
    await deal(ft, "Chairs", "Won", ids["Ann"])
    await skipping_time.skip(timedelta(days=13))
    await ft.patch("opportunity", lamps, stage="Engaging")
    await ft.settled()
    assert await ft.enrollments(SLUG) == []
    await skipping_time.skip(timedelta(days=1, minutes=5))
    taken = await about(ft, SLUG, desks)
    await ft.sleeps_at(taken, "moved")
    (task,) = await tasks(ft, SLUG)
    assert (task["title"], task["body"], task["assignee"]) == (
        "Ten desks stands still", "In the stage Engaging for 14 days. Move it on, or close it.", ids["Ann"],
    )  # fmt: skip
    assert await notices(ft, [ids["Ann"], ids["Mo"]]) == [[STALE], []]
    await passes(ft, skipping_time, taken, "moved")
    done = await over(ft, taken)
    assert (done["end_reason"], await way(ft, done)) == (
        "completed", [*BEGUN, ("moved", "done", "timed_out"), ("manager", "done", None)],
    )  # fmt: skip
    assert [found[:2] for found in await notices(ft, [ids["Mo"]])] == [[STILL]]
    assert len(await ft.enrollments(SLUG)) == 1


async def test_what_moves_is_let_go_and_told_of_again_where_it_stands_next(
    ft: Running, skipping_time: SkippingTime
) -> None:
    ids = await colleagues(ft, "Ann")
    await installed(ft, SLUG)
    desks = await deal(ft, "Ten desks", "Prospecting", ids["Ann"])
    await skipping_time.skip(timedelta(days=14, minutes=5))
    first = await about(ft, SLUG, desks)
    await ft.sleeps_at(first, "moved")
    await ft.patch("opportunity", desks, name="Ten desks", product="desks")
    await ft.settled()
    await ft.sleeps_at(first, "moved")
    await ft.patch("opportunity", desks, stage="Engaging")
    done = await over(ft, first)
    assert (done["end_reason"], await way(ft, done)) == ("completed", [*BEGUN, ("moved", "done", None)])
    await skipping_time.skip(timedelta(days=14, minutes=5))

    async def is_told_again() -> bool:
        return len(await ft.enrollments(SLUG)) == 2

    await ft.until(is_told_again, "it is told of again")
    await ft.sleeps_at(await about(ft, SLUG, desks), "moved")
    assert await notices(ft, [ids["Ann"], ids["Mo"]]) == [[STALE, STALE], []]


async def test_what_is_closed_is_let_go(ft: Running, skipping_time: SkippingTime) -> None:
    await installed(ft, SLUG)
    desks = await deal(ft, "Ten desks", "Engaging", None)
    await skipping_time.skip(timedelta(days=14, minutes=5))
    taken = await about(ft, SLUG, desks)
    await ft.sleeps_at(taken, "moved")
    await ft.patch("opportunity", desks, stage="Lost")
    done = await over(ft, taken)
    assert (done["end_reason"], await way(ft, done)) == (
        "exit_condition", [BEGUN[0], ("told", "skipped", "no_owner"), ("moved", "left", "exit_condition")],
    )  # fmt: skip
