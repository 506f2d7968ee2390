"""Steps of a dated workflow that are come to late: whatever came due since the entry is done all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.anchors import anniversary
from tests.fixtures.running import Running, running
from tests.fixtures.temporal import SkippingTime
from tests.runs.definitions import anchored, email, task
from tests.runs.test_dated import at, dated, sleeps, tasks, today
from tests.runs.test_time import skip_to
from tests.runs.walking import way

ALL_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@pytest.fixture
async def later(skipping_time: SkippingTime, app_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation whose time the test lets pass."""
    async with running(skipping_time.env, app_url, tmp_path, clock=skipping_time) as found:
        yield found


def in_hours(*days: str, **more: Any) -> dict[str, Any]:
    return {"timezone": "Europe/Oslo", "window": {"days": list(days), "from": "09:00", "to": "17:00"}, **more}


async def foreseen(ft: Running, slug: str, contact: str) -> list[tuple[str, str, str | None]]:
    told = await ft.call("POST", f"/workflows/{slug}/preview", {"record": {"object": "contact", "id": contact}})
    return [(each["step"], each["outcome"], each["reason"]) for each in told["steps"]]


async def test_a_message_held_over_the_weekend_leaves_sundays_task_to_be_done_late(
    later: Running, skipping_time: SkippingTime
) -> None:
    day = today(skipping_time) + timedelta(days=7)
    while day.weekday() != 6:
        day += timedelta(days=1)
    steps = [
        anchored("sat", "10:00", days=-1), email("mail", "Tomorrow"),
        anchored("sun", "10:00"), task("onsite", "Open the doors"),
        anchored("tue", "10:00", days=2), task("thanks", "Thanks"),
    ]  # fmt: skip
    settings = in_hours("mon", "tue", "wed", "thu", "fri")
    await later.publish(dated("fair", {"date": day.isoformat()}, *steps, settings=settings))
    contact = await later.create("contact", email="ana@example.com")
    told = await later.call("POST", "/workflows/fair/preview", {"record": {"object": "contact", "id": contact}})
    assert [each["outcome"] for each in told["steps"]] == ["done"] * 6
    held, late = told["steps"][1]["words"], told["steps"][2]["words"]
    assert held.endswith("held back by its hours, and what follows with it")
    assert late.startswith("goes on at once, late: its time came before the step above was done")
    taken = (await later.enroll("fair", "contact", contact))["enrollment_id"]
    await sleeps(later, taken, "sat", at(day - timedelta(days=1), "10:00"))
    await skip_to(skipping_time, at(day, "10:05"))
    await skip_to(skipping_time, at(day + timedelta(days=1), "09:30"))
    await sleeps(later, taken, "tue", at(day + timedelta(days=2), "10:00"))
    assert await tasks(later, "fair") == ["Open the doors"]


async def test_the_spread_of_a_held_message_loses_nobody_the_step_behind_it(
    later: Running, skipping_time: SkippingTime
) -> None:
    day = today(skipping_time) + timedelta(days=3)
    steps = [
        anchored("early", "08:30"), email("mail", "Today"),
        anchored("again", "08:30"), task("note", "Note"),
        anchored("nine", "09:01"), task("call", "Call"),
        anchored("later", "12:00"), task("thanks", "Thanks"),
    ]  # fmt: skip
    settings = in_hours(*ALL_DAYS, spread_minutes=30)
    await later.publish(dated("spread", {"date": day.isoformat()}, *steps, settings=settings))
    contacts = [await later.create("contact", email=f"ana{n}@example.com") for n in range(6)]
    ids = [(await later.enroll("spread", "contact", each))["enrollment_id"] for each in contacts]
    told = await foreseen(later, "spread", contacts[0])
    for each in ids:
        await sleeps(later, each, "early", at(day, "08:30"))
    await skip_to(skipping_time, at(day, "08:31"))
    await skip_to(skipping_time, at(day, "09:31"))
    for each in ids:
        await sleeps(later, each, "later", at(day, "12:00"))
        did = [(step, outcome) for step, outcome, _ in await way(later, {"id": each})]
        assert did[:6] == [(step, outcome) for step, outcome, _ in told[:6]]
    assert sorted(await tasks(later, "spread")) == ["Call"] * 6 + ["Note"] * 6


async def test_a_wait_that_takes_longer_delays_the_next_step_and_does_not_lose_it(
    later: Running, skipping_time: SkippingTime
) -> None:
    day = today(skipping_time) + timedelta(days=6)
    where = {"property": "city", "op": "is", "value": "Oslo"}
    steps = [
        anchored("a", "09:00", days=-4), task("ask", "Ask"),
        {"id": "w", "kind": "wait", "until_true": where, "timeout": {"days": 3}},
        anchored("b", "09:00", days=-2), task("remind", "Remind"),
        anchored("c", "09:00", days=1), task("thanks", "Thanks"),
    ]  # fmt: skip
    await later.publish(dated("asks", {"date": day.isoformat()}, *steps))
    contact = await later.create("contact", external_id="a")
    taken = (await later.enroll("asks", "contact", contact))["enrollment_id"]
    await sleeps(later, taken, "a", at(day - timedelta(days=4), "09:00"))
    await skip_to(skipping_time, at(day - timedelta(days=4), "09:00"))
    await later.stands_at(taken, "w")
    await skip_to(skipping_time, at(day - timedelta(days=1), "09:05"))
    await sleeps(later, taken, "c", at(day + timedelta(days=1), "09:00"))
    assert await tasks(later, "asks") == ["Ask", "Remind"]


async def test_a_birthday_that_came_during_a_pause_is_not_made_up_for(
    later: Running, skipping_time: SkippingTime
) -> None:
    day = today(skipping_time) + timedelta(days=3)
    steps = [anchored("t0", "09:00"), email("happy", "Happy birthday")]
    await later.publish(dated("birthday", {"property": "birthday", "yearly": True}, *steps))
    born = day.replace(year=day.year - 30, day=min(day.day, 28))
    day = anniversary(born, day.year)
    contact = await later.create("contact", email="ana@example.com", birthday=born.isoformat())
    taken = (await later.enroll("birthday", "contact", contact))["enrollment_id"]
    if at(day, "09:00") <= skipping_time.now():
        day = anniversary(born, day.year + 1)
    await sleeps(later, taken, "t0", at(day, "09:00"))
    await later.call("POST", f"/enrollments/{taken}/pause", {})
    await skip_to(skipping_time, at(day + timedelta(days=60), "12:00"))
    await later.call("POST", f"/enrollments/{taken}/resume", {})
    await sleeps(later, taken, "t0", at(anniversary(born, day.year + 1), "09:00"))
    assert later.outbox() == []
    assert (await way(later, {"id": taken}))[:2] == [(step, "skipped", "skipped_past") for step in ("t0", "happy")]


async def test_all_that_came_due_while_the_workers_were_down_is_done_late(ft: Running) -> None:
    steps = [
        anchored("t_4", seconds=-4), task("four", "In four seconds"),
        anchored("t_2", seconds=-2), task("two", "In two seconds"),
        anchored("t1", days=1), task("thanks", "Thanks"),
    ]  # fmt: skip
    await ft.publish(dated("outage", {"property": "last_touched_at"}, *steps))
    ends = datetime.now(UTC) + timedelta(seconds=9)
    contact = await ft.create("contact", external_id="a", last_touched_at=ends.isoformat())
    taken = (await ft.enroll("outage", "contact", contact))["enrollment_id"]
    await ft.stands_at(taken, "t_4")
    await ft.settled()

    async def both_are_due() -> bool:
        return datetime.now(UTC) > ends - timedelta(seconds=1)

    async with ft.standstill():
        await ft.until(both_are_due, "time passes")
    await ft.stands_at(taken, "t1")
    assert await tasks(ft, "outage") == ["In four seconds", "In two seconds"]
