"""Real lengths of time, on a server that skips them: days of waiting, live updates in between, summer time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.fixtures.running import Running, running
from tests.fixtures.temporal import SkippingTime
from tests.runs.definitions import by_hand, follow_up, gap, task
from tests.runs.walking import entered, signals, way

OSLO = ZoneInfo("Europe/Oslo")
A_MOMENT = timedelta(minutes=1)


@pytest.fixture
async def ft(skipping_time: SkippingTime, app_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation whose time the test lets pass."""
    async with running(skipping_time.env, app_url, tmp_path, clock=skipping_time) as found:
        yield found


async def shown(ft: Running, enrollment_id: str) -> Any:
    return await ft.call("GET", f"/enrollments/{enrollment_id}")


async def over(ft: Running, enrollment_id: str) -> Any:
    """Wait for the end without asking Temporal for the result, which would let its clock run on."""

    async def is_over() -> bool:
        return bool((await shown(ft, enrollment_id))["status"] == "ended")

    await ft.until(is_over, f"enrollment {enrollment_id} ends")
    return await shown(ft, enrollment_id)


async def wakes_at(ft: Running, enrollment_id: str) -> datetime:
    """Until when the run sleeps."""
    await ft.stands_at(enrollment_id, "gap")
    return datetime.fromisoformat((await shown(ft, enrollment_id))["wakes_at"])


async def skip_to(clock: SkippingTime, instant: datetime) -> None:
    await clock.skip(instant - clock.now() + A_MOMENT)


async def test_a_change_in_the_middle_of_two_days_keeps_the_run_and_shows_in_the_next_email(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await ft.publish(follow_up("follow-up", wait={"days": 2}))
    contact = await ft.create("contact", email="ana@example.com", first_name="Ana")
    deal = await ft.create("opportunity", name="Deal", stage="Prospecting", product="GTX Pro", close_value=1000)
    await ft.associate("contact", contact, "opportunity", deal)
    await ft.settled()
    await ft.patch("opportunity", deal, stage="Engaging")
    (taken,) = await entered(ft, "follow-up")
    due = await wakes_at(ft, taken["id"])
    began = datetime.fromisoformat(taken["started_at"])
    assert timedelta(days=2) <= due - began < timedelta(days=2, hours=1, minutes=5)

    await skipping_time.skip(timedelta(days=1))
    await ft.patch("opportunity", deal, product="MG Special")
    await ft.settled()
    middle = await shown(ft, taken["id"])
    assert (middle["step"], middle["status"], await wakes_at(ft, taken["id"])) == ("gap", "active", due)
    assert len(ft.outbox()) == 1

    await skip_to(skipping_time, due)
    done = await over(ft, taken["id"])
    assert (done["end_reason"], done["temporal"]) == ("completed", taken["temporal"])
    assert [step for step, _, _ in await way(ft, done)] == ["hello", "gap", "big", "again", "mark"]
    assert [mail["subject"] for mail in ft.outbox()] == ["About GTX Pro", "Any questions about MG Special?"]
    events = await ft.events(done)
    assert (events.count("WORKFLOW_EXECUTION_STARTED"), events.count("TIMER_STARTED")) == (1, 1)
    assert await signals(ft, done) == 1
    assert len(await ft.enrollments("follow-up")) == 1


async def test_a_goal_reached_in_the_middle_of_two_days_ends_the_run_without_waiting(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await ft.publish(follow_up("follow-up", wait={"days": 2}))
    contact = await ft.create("contact", email="ana@example.com")
    deal = await ft.create("opportunity", name="Deal", stage="Engaging", product="GTX Pro")
    await ft.associate("contact", contact, "opportunity", deal)
    (taken,) = await entered(ft, "follow-up")
    due = await wakes_at(ft, taken["id"])
    await skipping_time.skip(timedelta(days=1))
    await ft.patch("opportunity", deal, stage="Won")
    done = await over(ft, taken["id"])
    assert (done["end_reason"], done["end_detail"]) == ("goal", "won")
    assert datetime.fromisoformat(done["ended_at"]) < due


def next_change_of_clocks(after: datetime) -> date:
    """The first local day of other length than 24 hours."""
    day = after.astimezone(OSLO).date() + timedelta(days=1)
    while midnight(day + timedelta(days=1)) - midnight(day) == timedelta(days=1):
        day += timedelta(days=1)
    return day


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), OSLO).astimezone(UTC)


async def test_a_day_that_is_longer_or_shorter_keeps_the_clock_time_of_the_workflows_zone(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await ft.publish(by_hand("daily", [gap(days=1), task("call", "Call")], settings={"timezone": "Europe/Oslo"}))
    contact = await ft.create("contact", external_id="a")
    day = next_change_of_clocks(skipping_time.now())
    await skip_to(skipping_time, datetime.combine(day - timedelta(days=1), time(12), OSLO).astimezone(UTC))
    taken = (await ft.enroll("daily", "contact", contact))["enrollment_id"]
    due = await wakes_at(ft, taken)
    (visit,) = (await ft.timeline(taken))["visits"]
    arrived = datetime.fromisoformat(visit["entered_at"])
    assert abs(due - arrived - timedelta(days=1)) == timedelta(hours=1)
    assert due.astimezone(OSLO).time() == arrived.astimezone(OSLO).time()
    assert due.astimezone(OSLO).date() == day
    await skip_to(skipping_time, due)
    done = await over(ft, taken)
    left = datetime.fromisoformat((await ft.timeline(taken))["visits"][0]["left_at"])
    assert (done["end_reason"], left >= due) == ("completed", True)


async def test_until_a_weekday_and_time_is_the_next_such_instant_in_the_workflows_zone(
    ft: Running, skipping_time: SkippingTime
) -> None:
    until = {"id": "gap", "kind": "delay", "until": {"weekdays": ["mon", "thu"], "time": "09:00"}}
    again = {"id": "again", "kind": "goto", "to": "gap", "max_visits": 1}
    await ft.publish(by_hand("days", [until, task("call", "Call"), again], settings={"timezone": "Europe/Oslo"}))
    contact = await ft.create("contact", external_id="a")
    taken = (await ft.enroll("days", "contact", contact))["enrollment_id"]
    first = await wakes_at(ft, taken)
    await skip_to(skipping_time, first)

    async def is_called() -> bool:
        return len((await ft.call("GET", "/tasks?workflow=days"))["items"]) == 1

    await ft.until(is_called, "the first call")
    second = await wakes_at(ft, taken)
    await skip_to(skipping_time, second)
    await over(ft, taken)
    local = [instant.astimezone(OSLO) for instant in (first, second)]
    assert [(each.hour, each.minute) for each in local] == [(9, 0)] * 2
    assert {each.weekday() for each in local} == {0, 3}
    assert second.date() - first.date() in (timedelta(days=3), timedelta(days=4))
