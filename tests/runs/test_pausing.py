"""Pause and resume: every gate holds, clocks run on but lead nowhere, reasons to leave still act (rule L5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from domain.splitting import spread
from store.tables import deliveries
from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.walking import steps

GOAL = {"id": "booked", "name": "Booked", "where": {"property": "city", "op": "is", "value": "Oslo"}}


async def inside(ft: Running, slug: str, definition_steps: list[dict[str, Any]], **parts: Any) -> tuple[str, str]:
    """Somebody who stands at the first step: contact and enrollment."""
    await ft.publish(by_hand(slug, definition_steps, **parts))
    contact = await ft.create("contact", email=f"{slug}@example.com")
    taken = await ft.enroll(slug, "contact", contact)
    await ft.stands_at(taken["enrollment_id"], definition_steps[0]["id"])
    return contact, taken["enrollment_id"]


async def held(ft: Running, enrollment_id: str) -> Any:
    """Wait until its run was turned away by the gate; the enrollment."""

    async def is_held() -> bool:
        return (await ft.call("GET", f"/enrollments/{enrollment_id}"))["held_at"] is not None

    await ft.until(is_held, f"enrollment {enrollment_id} is held")
    return await ft.call("GET", f"/enrollments/{enrollment_id}")


async def test_a_clock_that_ran_out_leads_nowhere_until_somebody_resumes(ft_both: Running) -> None:
    ft = ft_both
    async with ft.standstill():
        _, enrollment_id = await inside(ft, "one", [gap(seconds=1), email("hello", "Hello"), task("call", "Call")])
        await ft.call("POST", f"/enrollments/{enrollment_id}/pause")
    found = await held(ft, enrollment_id)
    assert (found["status"], found["step"]) == ("paused", "gap")
    assert ft.outbox() == []
    await ft.until(lambda: shows(ft, found, "Held"), "Temporal UI shows that it is held")
    again = await ft.call("POST", f"/enrollments/{enrollment_id}/pause")
    assert again["status"] == "paused"
    await ft.call("POST", f"/enrollments/{enrollment_id}/resume")
    found = await ft.ended(enrollment_id)
    assert found["end_reason"] == "completed"
    assert await steps(ft, found) == ["gap", "hello", "call"]
    assert len(ft.outbox()) == 1


async def shows(ft: Running, enrollment: Any, words: str) -> bool:
    """Whether Temporal UI shows these words."""
    return words in await ft.details(enrollment)


async def test_a_sleeping_run_shows_that_it_is_paused(ft: Running) -> None:
    _, enrollment_id = await inside(ft, "shown", [gap(days=2)])
    found = await ft.call("POST", f"/enrollments/{enrollment_id}/pause")
    await ft.until(lambda: shows(ft, found, "Held"), "Temporal UI shows that it is paused")
    await ft.call("POST", f"/enrollments/{enrollment_id}/resume")

    async def is_gone() -> bool:
        return not await shows(ft, found, "Held")

    await ft.until(is_gone, "Temporal UI shows that it goes on")


async def test_a_goal_ends_who_is_held(ft: Running) -> None:
    async with ft.standstill():
        contact, enrollment_id = await inside(
            ft, "goal", [gap(seconds=1), email("hello", "Hi")], exit={"goals": [GOAL]}
        )
        await ft.call("POST", f"/enrollments/{enrollment_id}/pause")
    await held(ft, enrollment_id)
    await ft.patch("contact", contact, city="Oslo")
    found = await ft.ended(enrollment_id)
    assert found["end_reason"] == "goal"
    assert ft.outbox() == []
    refused = await ft.call("POST", f"/enrollments/{enrollment_id}/resume", expect=409)
    assert refused["type"].endswith("ended")


async def test_who_is_paused_is_moved_and_stays_held(ft: Running) -> None:
    _, enrollment_id = await inside(ft, "both", [gap(days=2), task("call", "Call"), task("last", "Last")])
    await ft.call("POST", f"/enrollments/{enrollment_id}/pause")
    await ft.call("POST", f"/enrollments/{enrollment_id}/move-to", {"step": "last"})
    found = await held(ft, enrollment_id)
    assert (found["status"], found["step"]) == ("paused", "last")
    await ft.call("POST", f"/enrollments/{enrollment_id}/resume")
    assert await steps(ft, await ft.ended(enrollment_id)) == ["gap", "last"]


async def test_a_paused_workflow_holds_everybody_and_lets_nobody_in(ft_both: Running) -> None:
    ft = ft_both
    settings = {"spread_minutes": 0}
    async with ft.standstill():
        _, enrollment_id = await inside(ft, "all", [gap(seconds=1), task("call", "Call")], settings=settings)
        contact = await ft.create("contact", email="alone@example.com")
        alone = (await ft.enroll("all", "contact", contact))["enrollment_id"]
        shown = await ft.call("POST", "/workflows/all/pause")
        assert shown["is_paused"]
        await ft.call("POST", f"/enrollments/{alone}/pause")
    found = await held(ft, enrollment_id)
    assert found["status"] == "active"
    await held(ft, alone)
    refused = await ft.enroll("all", "contact", await ft.create("contact", email="late@example.com"))
    assert refused["decision"] == "workflow_paused"
    await ft.call("POST", "/workflows/all/resume")
    assert (await ft.ended(enrollment_id))["end_reason"] == "completed"
    # Who was paused alone is resumed alone.
    assert (await ft.call("GET", f"/enrollments/{alone}"))["status"] == "paused"
    await ft.call("POST", f"/enrollments/{alone}/resume")
    assert (await ft.ended(alone))["end_reason"] == "completed"


async def test_who_is_resumed_alone_is_held_by_a_paused_workflow(ft: Running) -> None:
    async with ft.standstill():
        _, enrollment_id = await inside(ft, "still", [gap(seconds=1), task("call", "Call")])
        await ft.call("POST", f"/enrollments/{enrollment_id}/pause")
    await held(ft, enrollment_id)
    await ft.call("POST", "/workflows/still/pause")
    await ft.call("POST", f"/enrollments/{enrollment_id}/resume")
    assert (await held(ft, enrollment_id))["status"] == "active"


async def test_resuming_wakes_only_who_was_held_each_at_its_own_moment(ft: Running) -> None:
    norwegian = {"property": "country", "op": "is", "value": "NO"}
    which = {
        "id": "which",
        "kind": "branch",
        "branches": [{"id": "no", "where": norwegian, "steps": [gap("long", days=1)]}],
    }
    definition_steps = [which, gap(seconds=1), task("call", "Call")]
    await ft.publish(by_hand("spread", definition_steps, settings={"spread_minutes": 60}))
    asleep = await ft.enroll("spread", "contact", await ft.create("contact", email="asleep@example.com", country="NO"))
    await ft.stands_at(asleep["enrollment_id"], "long")
    ids = []
    async with ft.standstill():
        for n in range(3):
            taken = await ft.enroll("spread", "contact", await ft.create("contact", email=f"spread{n}@example.com"))
            ids.append(taken["enrollment_id"])
        await ft.call("POST", "/workflows/spread/pause")
    for enrollment_id in ids:
        await held(ft, enrollment_id)
    assert (await ft.timeline(ids[0]))["held"].startswith("held since ")
    before = ft.inst.clock.now()
    await ft.call("POST", "/workflows/spread/resume")
    async with ft.inst.db.read() as read:
        rows = await read.all(select(deliveries.c.enrollment_id, deliveries.c.due_at))
    due = {row["enrollment_id"]: row["due_at"] - before for row in rows}
    assert set(due) == set(ids)
    for enrollment_id in ids:
        assert timedelta() <= due[enrollment_id] - spread(enrollment_id, 60) < timedelta(seconds=5)
        assert (await ft.timeline(enrollment_id))["held"].startswith("goes on ")
    assert (await ft.timeline(asleep["enrollment_id"]))["held"] is None
    # A reason to leave does not queue up behind the wait.
    await ft.call("POST", f"/enrollments/{ids[0]}/unenroll")
    assert (await ft.ended(ids[0]))["end_reason"] == "unenrolled"
