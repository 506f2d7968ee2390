"""Messages to people outside wait for their hours; everything else goes on. On a server that skips time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.fixtures.running import Running, running
from tests.fixtures.temporal import SkippingTime
from tests.runs.definitions import by_hand, email, task
from tests.runs.walking import visit, way

OSLO = ZoneInfo("Europe/Oslo")
OFFICE = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}
A_MOMENT = timedelta(seconds=30)


@pytest.fixture
async def ft(skipping_time: SkippingTime, app_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation whose time the test lets pass."""
    async with running(skipping_time.env, app_url, tmp_path, clock=skipping_time) as found:
        yield found


async def shown(ft: Running, enrollment_id: str) -> Any:
    return await ft.call("GET", f"/enrollments/{enrollment_id}")


async def held_until(ft: Running, enrollment_id: str, step: str) -> datetime:
    """Until when the message of a step is held back, in Oslo."""

    async def is_held() -> bool:
        visits = (await ft.timeline(enrollment_id))["visits"]
        return any(v["step"] == step and v["held_until"] is not None and v["outcome"] is None for v in visits)

    await ft.until(is_held, f"the message of {step} is held back")
    found = await visit(ft, {"id": enrollment_id}, step)
    return datetime.fromisoformat(found["held_until"]).astimezone(OSLO)


async def over(ft: Running, enrollment_id: str) -> Any:
    async def is_over() -> bool:
        return bool((await shown(ft, enrollment_id))["status"] == "ended")

    await ft.until(is_over, f"enrollment {enrollment_id} ends")
    return await shown(ft, enrollment_id)


def until_saturday(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": "sat", "kind": "delay", "until": {"weekdays": ["sat"], "time": "10:00"}}, *steps]


async def on_saturday(ft: Running, clock: SkippingTime, slug: str, **properties: Any) -> str:
    """Somebody enrolled who has just come through the delay until Saturday 10:00."""
    contact = await ft.create("contact", email=f"{slug}@example.com", first_name="Ana", **properties)
    taken = (await ft.enroll(slug, "contact", contact))["enrollment_id"]
    await ft.sleeps_at(taken, "sat")
    wakes = datetime.fromisoformat((await shown(ft, taken))["wakes_at"])
    await clock.skip(wakes - clock.now() + A_MOMENT)
    return str(taken)


async def test_a_message_due_on_saturday_leaves_on_monday(ft: Running, skipping_time: SkippingTime) -> None:
    settings = {"timezone": "Europe/Oslo", "window": OFFICE, "spread_minutes": 10}
    await ft.publish(by_hand("mail", until_saturday(email("hello", "Hi"), task("call", "Call")), settings=settings))
    mailed = await on_saturday(ft, skipping_time, "mail")
    monday = await held_until(ft, mailed, "hello")
    assert (monday.weekday(), monday.hour, monday.minute < 10) == (0, 9, True)
    held = await visit(ft, {"id": mailed}, "hello")
    assert held["zone"] == "Europe/Oslo"
    shown = f"Mon {monday.day} {monday:%b %Y %H:%M} (Europe/Oslo)"
    assert held["words"] == f"waiting: its message is held back until {shown}"
    assert ft.outbox() == []
    await skipping_time.skip(monday - skipping_time.now() + A_MOMENT)
    done = await over(ft, mailed)
    assert [step for step, _, _ in await way(ft, done)] == ["sat", "hello", "call"]
    (sent,) = ft.outbox()
    assert sent["subject"] == "Hi"
    settled = await visit(ft, done, "hello")
    assert settled["held_until"] == held["held_until"], "what held it back stays in the story"


async def test_a_task_comes_on_saturday(ft: Running, skipping_time: SkippingTime) -> None:
    settings = {"timezone": "Europe/Oslo", "window": OFFICE}
    await ft.publish(by_hand("task", until_saturday(task("call", "Call")), settings=settings))
    done = await over(ft, await on_saturday(ft, skipping_time, "task"))
    assert datetime.fromisoformat(done["ended_at"]).astimezone(OSLO).weekday() == 5


async def test_a_changed_window_asks_again(ft: Running, skipping_time: SkippingTime) -> None:
    settings = {"timezone": "Europe/Oslo", "window": OFFICE, "spread_minutes": 0}
    await ft.publish(by_hand("moved", until_saturday(email("hello", "Hi")), settings=settings))
    taken = await on_saturday(ft, skipping_time, "moved")
    await held_until(ft, taken, "hello")
    await ft.call("PATCH", "/workflows/moved/settings", {"window": {**OFFICE, "days": ["tue"]}})

    async def is_tuesday() -> bool:
        return (await held_until(ft, taken, "hello")).weekday() == 1

    await ft.until(is_tuesday, "the message is held until Tuesday")
    await ft.call("PATCH", "/workflows/moved/settings", {"window": None})
    await over(ft, taken)
    assert len(ft.outbox()) == 1


async def test_the_default_of_the_account_holds_where_a_workflow_says_nothing(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await ft.call("PATCH", "/account", {"timezone": "Europe/Oslo", "window": OFFICE})
    await ft.publish(by_hand("default", until_saturday(email("hello", "Hi")), settings={"spread_minutes": 0}))
    taken = await on_saturday(ft, skipping_time, "default")
    monday = await held_until(ft, taken, "hello")
    assert (monday.weekday(), monday.hour, monday.minute) == (0, 9, 0)
    pause = {"month": monday.month, "day": monday.day}
    await ft.call("PATCH", "/account", {"pause_dates": [pause]})

    async def is_tuesday() -> bool:
        return (await held_until(ft, taken, "hello")).weekday() == 1

    await ft.until(is_tuesday, "the message is held until Tuesday")


async def test_somebody_who_leaves_while_held_back_gets_nothing(ft: Running, skipping_time: SkippingTime) -> None:
    settings = {"timezone": "Europe/Oslo", "window": OFFICE}
    await ft.publish(by_hand("gone", until_saturday(email("hello", "Hi")), settings=settings))
    taken = await on_saturday(ft, skipping_time, "gone")
    await held_until(ft, taken, "hello")
    await ft.call("POST", f"/enrollments/{taken}/unenroll")
    done = await over(ft, taken)
    assert done["end_reason"] == "unenrolled"
    assert ft.outbox() == []


async def test_who_is_paused_while_held_back_is_held_for_both(ft: Running, skipping_time: SkippingTime) -> None:
    settings = {"timezone": "Europe/Oslo", "window": OFFICE, "spread_minutes": 0}
    await ft.publish(by_hand("both", until_saturday(email("hello", "Hi")), settings=settings))
    taken = await on_saturday(ft, skipping_time, "both")
    monday = await held_until(ft, taken, "hello")
    await ft.call("POST", f"/enrollments/{taken}/pause")
    await skipping_time.skip(monday - skipping_time.now() + timedelta(hours=1))

    async def is_held() -> bool:
        return (await shown(ft, taken))["held_at"] is not None

    await ft.until(is_held, "the gate holds it")
    assert ft.outbox() == []
    await ft.call("POST", f"/enrollments/{taken}/resume")
    await over(ft, taken)
    assert len(ft.outbox()) == 1
