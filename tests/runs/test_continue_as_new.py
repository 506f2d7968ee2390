"""A run whose history grows long goes on in a new one, and neither forgets anything nor overhears a message."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import tests.fixtures.running
import workflows.conversation
from tests.fixtures.running import Running, running
from tests.fixtures.temporal import SkippingTime
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.walking import steps, walked

ROUNDS = 150


async def continued(ft: Running, enrollment: Any) -> bool:
    """Whether the newest history of a run goes on from an earlier one."""
    history = await ft.run(enrollment).fetch_history()
    return bool(history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id)


@pytest.fixture
def short_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that go on in a new history after a few steps instead of hundreds."""
    monkeypatch.setattr(workflows.conversation, "ROLL_AT_EVENTS", 30)


@pytest.mark.usefixtures("short_histories")
async def test_a_loop_that_goes_over_to_new_histories_keeps_its_counts_and_completes(ft: Running) -> None:
    again = {"id": "again", "kind": "goto", "to": "hello", "max_visits": 11}
    await ft.publish(by_hand("loop", [email("hello", "Hello"), task("call", "Call"), again]))
    over = await walked(ft, "loop", "contact", await ft.create("contact", email="ana@example.com"))
    assert (over["end_reason"], await steps(ft, over)) == ("completed", ["hello", "call", "again"] * 12)
    assert len(ft.outbox()) == len((await ft.call("GET", "/tasks?workflow=loop"))["items"]) == 12
    assert await continued(ft, over)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_loop_of_three_thousand_steps_keeps_its_counts_and_completes(
    ft: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tests.fixtures.running, "PATIENCE_S", 300.0)
    arms: list[dict[str, Any]] = [{"id": name, "name": name, "weight": 1, "steps": []} for name in ("a", "b")]
    ways: list[dict[str, Any]] = [{"id": f"b{n}", "kind": "split", "arms": arms} for n in range(20)]
    again = {"id": "again", "kind": "goto", "to": "b0", "max_visits": ROUNDS - 1}
    await ft.publish(by_hand("loop", [*ways, again]))
    over = await walked(ft, "loop", "contact", await ft.create("contact", external_id="a"))
    assert over["end_reason"] == "completed"
    assert set(Counter(await steps(ft, over)).values()) == {ROUNDS}
    assert await continued(ft, over)


CUSTOMER = [
    {"id": "rich", "name": "Rich", "where": {"property": "score", "op": "gte", "value": 1000}},
]


async def flooded(ft: Running) -> tuple[str, Any]:
    """A sleeping run that is told again and again of changes its goal reads."""
    await ft.publish(by_hand("patient", [gap(days=9)], exit={"goals": CUSTOMER}))
    contact = await ft.create("contact", external_id="a")
    taken = await ft.enroll("patient", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "gap")
    for score in range(24):
        await ft.patch("contact", contact, score=score)
        await ft.settled()
    return contact, taken


@pytest.mark.usefixtures("short_histories")
async def test_a_goal_reached_while_a_run_goes_over_to_a_new_history_ends_it(ft: Running) -> None:
    contact, taken = await flooded(ft)
    for score in range(100, 112):
        await ft.patch("contact", contact, score=score)
    await ft.patch("contact", contact, score=1000)
    over = await ft.ended(taken["enrollment_id"])
    assert (over["end_reason"], over["end_detail"]) == ("goal", "rich")
    assert await ft.run(over).result() == "goal"
    assert await continued(ft, over)


@pytest.mark.usefixtures("short_histories")
async def test_a_sleep_that_goes_over_to_a_new_history_ends_when_it_was_due(
    skipping_time: SkippingTime, app_url: str, tmp_path: Path
) -> None:
    async with running(skipping_time.env, app_url, tmp_path, clock=skipping_time) as ft:
        _, taken = await flooded(ft)
        enrollment = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
        due = datetime.fromisoformat(enrollment["wakes_at"])
        assert await continued(ft, enrollment)
        await skipping_time.skip(due - skipping_time.now() - timedelta(minutes=1))
        assert (await ft.call("GET", f"/enrollments/{enrollment['id']}"))["status"] == "active"
        await skipping_time.skip(timedelta(minutes=2))

        async def is_over() -> bool:
            return bool((await ft.call("GET", f"/enrollments/{enrollment['id']}"))["status"] == "ended")

        await ft.until(is_over, "the sleep ends")
        (gap_,) = (await ft.timeline(enrollment["id"]))["visits"]
        assert (gap_["outcome"], gap_["n"]) == ("done", 1)
        assert due <= datetime.fromisoformat(gap_["left_at"]) < due + timedelta(minutes=2)


@pytest.mark.usefixtures("short_histories")
async def test_the_last_of_many_new_dates_is_obeyed_however_many_histories_it_takes(ft: Running) -> None:
    until = {"property": "birthday", "time": "09:00"}
    await ft.publish(by_hand("until", [{"id": "day", "kind": "delay", "until": until}]))
    contact = await ft.create("contact", external_id="a", birthday="2098-01-01")
    taken = await ft.enroll("until", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "day")
    for year in range(2060, 2085):
        await ft.patch("contact", contact, birthday=f"{year}-01-01")
        await ft.settled()

    async def waits_for_the_last() -> bool:
        found = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
        return bool(found["wakes_at"].startswith("2084-01-01"))

    await ft.until(waits_for_the_last, "the run plans for the last date it was told")
    assert await continued(ft, taken)
