"""Waits of years, hundreds of daily steps and loops over ten years: a run lives through them and does not grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import workflows.conversation
from tests.fixtures.running import Running, running
from tests.fixtures.temporal import SkippingTime
from tests.runs.definitions import by_hand, gap, task
from tests.runs.test_continue_as_new import continued
from tests.runs.walking import steps

EVENTS_A_ROUND = 30
"""More than one round of a loop ever adds to a history."""


@pytest.fixture
async def ft(skipping_time: SkippingTime, app_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation whose time the test lets pass."""
    async with running(skipping_time.env, app_url, tmp_path, clock=skipping_time) as found:
        yield found


async def passed(ft: Running, clock: SkippingTime, slug: str, step: timedelta) -> Any:
    """Enroll somebody and let time pass until the run is over; the enrollment."""
    taken = (await ft.enroll(slug, "contact", await ft.create("contact", external_id="a")))["enrollment_id"]
    began = clock.now()
    while (over := await ft.call("GET", f"/enrollments/{taken}"))["status"] != "ended":
        assert clock.now() - began < timedelta(days=365 * 13), over
        await clock.skip(step)
    return over


@pytest.fixture
def short_histories(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """After how many events a run goes on in a new history."""
    events = int(getattr(request, "param", 100))
    monkeypatch.setattr(workflows.conversation, "ROLL_AT_EVENTS", events)
    return events


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("count", "short_histories"), [(40, 100), pytest.param(400, 1000, marks=pytest.mark.long)],
    indirect=["short_histories"],
)  # fmt: skip
async def test_daily_steps_over_many_days_all_come_and_no_history_grows_without_end(
    ft: Running, skipping_time: SkippingTime, count: int, short_histories: int
) -> None:
    daily = [gap(f"day_{n}", days=1) for n in range(count)]
    await ft.publish(by_hand("daily", [*daily, task("call", "Call")]))
    over = await passed(ft, skipping_time, "daily", timedelta(days=1, minutes=1))
    assert await steps(ft, over) == [*(f"day_{n}" for n in range(count)), "call"]
    lasted = datetime.fromisoformat(over["ended_at"]) - datetime.fromisoformat(over["started_at"])
    assert timedelta(days=count) <= lasted
    assert await continued(ft, over)
    assert len(await ft.events(over)) <= short_histories + EVENTS_A_ROUND


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("rounds", "short_histories"), [(12, 60), pytest.param(120, 300, marks=pytest.mark.long)],
    indirect=["short_histories"],
)  # fmt: skip
async def test_a_loop_of_a_month_turns_for_years_and_keeps_its_count(
    ft: Running, skipping_time: SkippingTime, rounds: int, short_histories: int
) -> None:
    again = {"id": "again", "kind": "goto", "to": "month", "max_visits": rounds - 1}
    await ft.publish(by_hand("loop", [gap("month", days=30), task("call", "Call"), again]))
    over = await passed(ft, skipping_time, "loop", timedelta(days=30, minutes=1))
    assert Counter(await steps(ft, over)) == {"month": rounds, "call": rounds, "again": rounds}
    assert await continued(ft, over)
    assert len(await ft.events(over)) <= short_histories + EVENTS_A_ROUND


NINE_YEARS = timedelta(days=9 * 365)
"""The time-skipping server, unlike a real one, ends every run after 3,650 days: a wait may not reach to them."""


async def test_a_delay_of_nine_years_is_over_after_nine_years(ft: Running, skipping_time: SkippingTime) -> None:
    await ft.publish(by_hand("years", [gap("years", days=NINE_YEARS.days), task("call", "Call")]))
    over = await passed(ft, skipping_time, "years", NINE_YEARS / 2 + timedelta(minutes=1))
    lasted = datetime.fromisoformat(over["ended_at"]) - datetime.fromisoformat(over["started_at"])
    assert lasted > NINE_YEARS - timedelta(days=1)
    assert await steps(ft, over) == ["years", "call"]
