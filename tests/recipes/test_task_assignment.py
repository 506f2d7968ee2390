"""Task assignment: a task for each start, and who has to know is told when it is left undone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import about, colleagues, installed, notices, over, passes, tasks, to_weekday, way

MONDAY = 0


async def open_for_tasks(ft: Running) -> dict[str, str]:
    ids = await colleagues(ft, "Ann")
    dan = await ft.call("POST", "/users", {"name": "Dan", "email": "dan@house.example.com", "manager_id": ids["Mo"]})
    await ft.call("POST", "/teams", {"slug": "delivery", "members": [{"user": dan["id"]}]})
    await installed(ft, "task-assignment", team="team", delivery_team="delivery")
    return {**ids, "Dan": dan["id"]}


async def begun(ft: Running, how: str, ids: dict[str, str]) -> tuple[str, str]:
    """Somebody, or a deal, for whom a task is made; workflow and enrollment."""
    if how == "task-new-contact":
        record = await ft.create("contact", email="ana@example.com", first_name="Ana")
    elif how == "task-qualified":
        record = await ft.create("contact", email="ana@example.com", first_name="Ana", owner=ids["Ann"])
        await ft.patch("contact", record, lifecycle_stage="sql")
    else:
        record = await ft.create("opportunity", name="Ten desks", owner=ids["Ann"], stage="Prospecting")
        await ft.patch("opportunity", record, stage="Engaging" if how == "task-offer" else "Won")
    return how, await about(ft, how, record)


STARTS = {
    "task-new-contact": ("Get in touch with Ana", "Ann", timedelta(days=1), "Nobody got in touch with Ana"),
    "task-qualified": ("Discovery call with Ana", "Ann", timedelta(days=2), "No discovery call with Ana yet"),
    "task-offer": ("Prepare the offer for Ten desks", "Ann", timedelta(days=3), "No offer for Ten desks yet"),
    "task-won": ("Hand over and invoice Ten desks", "Dan", timedelta(days=1), "Ten desks is not handed over yet"),
}


@pytest.mark.parametrize("how", STARTS)
@pytest.mark.parametrize("is_done", [True, False], ids=["done", "left undone"])
async def test_a_task_is_made_and_who_has_to_know_is_told_when_it_is_left_undone(
    ft: Running, skipping_time: SkippingTime, how: str, is_done: bool
) -> None:
    ids = await open_for_tasks(ft)
    monday = await to_weekday(skipping_time, MONDAY, "09:00", "UTC")
    title, assignee, due, late = STARTS[how]
    slug, taken = await begun(ft, how, ids)
    await ft.sleeps_at(taken, "done")
    (task,) = await tasks(ft, slug)
    assert (task["title"], task["assignee"]) == (title, ids[assignee])
    assert timedelta() <= datetime.fromisoformat(task["due_at"]) - monday - due < timedelta(minutes=5)
    if is_done:
        await ft.call("PATCH", f"/tasks/{task['id']}", {"status": "done"})
    else:
        await passes(ft, skipping_time, taken, "done")
    ended = await over(ft, taken)
    steps = [step for step, _, _ in await way(ft, ended)]
    assert ("late" in steps) is not is_done
    inboxes = await notices(ft, [ids[assignee], ids["Mo"]])
    assert [inbox.count(late) for inbox in inboxes] == [0 if is_done else 1] * 2


@pytest.mark.parametrize(
    ("how", "object", "lost"),
    [
        ("task-new-contact", "contact", {"lead_status": "unqualified"}),
        ("task-qualified", "contact", {"lead_status": "unqualified"}),
        ("task-offer", "opportunity", {"stage": "Lost"}),
        ("task-won", "opportunity", {"stage": "Lost"}),
    ],
)
async def test_what_is_lost_needs_no_reminder(ft: Running, how: str, object: str, lost: dict[str, Any]) -> None:
    ids = await open_for_tasks(ft)
    _, taken = await begun(ft, how, ids)
    await ft.sleeps_at(taken, "done")
    record = (await ft.call("GET", f"/enrollments/{taken}"))["record"]["id"]
    await ft.patch(object, record, **lost)
    assert (await ft.ended(taken))["end_reason"] == "exit_condition"
    assert await notices(ft, [ids["Mo"]]) == [[]]


async def test_a_contact_who_has_an_owner_keeps_it_and_a_stage_reached_again_is_a_task_again(ft: Running) -> None:
    ids = await open_for_tasks(ft)
    ana = await ft.create("contact", email="ana@example.com", first_name="Ana", owner=ids["Mo"])
    await ft.sleeps_at(await about(ft, "task-new-contact", ana), "done")
    (task,) = await tasks(ft, "task-new-contact")
    assert task["assignee"] == ids["Mo"]
    deal = await ft.create("opportunity", name="Ten desks", owner=ids["Ann"], stage="Won")
    for stage in ("Engaging", "Won"):
        (done,) = [each for each in await tasks(ft, "task-won") if each["status"] == "open"] or [None]
        if done is not None:
            await ft.call("PATCH", f"/tasks/{done['id']}", {"status": "done"})
            await ft.ended(await about(ft, "task-won", deal))
        await ft.patch("opportunity", deal, stage=stage)
        await ft.settled()
    assert len(await ft.enrollments("task-won")) == 2


async def test_a_deal_without_an_owner_gets_one_before_the_task(ft: Running) -> None:
    ids = await open_for_tasks(ft)
    deal = await ft.create("opportunity", name="Ten desks", stage="Engaging")
    await ft.sleeps_at(await about(ft, "task-offer", deal), "done")
    (task,) = await tasks(ft, "task-offer")
    assert (task["title"], task["assignee"]) == ("Prepare the offer for Ten desks", ids["Ann"])


async def test_nobody_gets_in_touch_with_a_competitor(ft: Running) -> None:
    await open_for_tasks(ft)
    eve = await ft.create("contact", email="eve@example.com", is_competitor=True)
    await ft.patch("contact", eve, lifecycle_stage="sql")
    await ft.settled()
    assert [await ft.decisions(slug) for slug in ("task-new-contact", "task-qualified")] == [["suppressed"]] * 2
    assert await tasks(ft, "task-new-contact") == []
