"""Tasks through the API: found, changed, completed; and the event that a completion is."""

from __future__ import annotations

import asyncio
from typing import Any

from domain.base import Json
from store.tasks import insert_task
from tests.api.conftest import Caller
from tests.fixtures.clock import START


async def made(api: Caller, *about: str, **values: Any) -> str:
    """A task about a new contact, or about these records."""
    record_id = about[0] if about else (await api.create("contact", first_name="Ana"))["id"]
    plain: dict[str, Any] = {
        "type": "to_do", "title": "Call", "body": "", "priority": None, "due_at": None, "assignee": None,
        "record_id": record_id, "enrollment_id": None, "workflow_id": None, "step": None,
    }  # fmt: skip
    async with api.inst.db.transaction() as tx:
        return await insert_task(tx, {**plain, **values}, about or [record_id], now=START)


async def completions(api: Caller) -> list[Json]:
    return [event["properties"] for event in (await api.ok("GET", "/events?event=task.completed"))["items"]]


async def test_tasks_are_completed_and_opened_again_and_each_completion_is_an_event(api: Caller) -> None:
    task = await made(api, type="call")
    path = f"/tasks/{task}"

    done = await api.ok("PATCH", path, {"status": "done"})

    assert done["completed_at"] is not None
    assert (await api.ok("GET", "/tasks?status=done"))["items"] == [done]
    said = {"task": task, "type": "call", "title": "Call", "assignee": None}
    assert await completions(api) == [said]
    await api.ok("PATCH", path, {"status": "done"})
    assert await completions(api) == [said]
    assert (await api.ok("PATCH", path, {"status": "open"}))["completed_at"] is None
    assert await completions(api) == [said]
    await api.ok("PATCH", path, {"status": "done"})
    assert await completions(api) == [said, said]
    await api.problem("PATCH", path, {"status": "lost"}, status=422)


async def test_who_completes_a_task_at_the_same_moment_makes_one_event(api: Caller) -> None:
    task = await made(api)
    await asyncio.gather(*(api.ok("PATCH", f"/tasks/{task}", {"status": "done"}) for _ in range(5)))
    assert len(await completions(api)) == 1


async def test_the_task_of_a_record_that_is_gone_is_completed_without_an_event(api: Caller) -> None:
    contact = await api.create("contact", first_name="Ana")
    task = await made(api, contact["id"])
    await api.ok("DELETE", f"/records/contact/{contact['id']}", status=204)
    assert (await api.ok("PATCH", f"/tasks/{task}", {"status": "done"}))["status"] == "done"
    assert await completions(api) == []


async def test_everything_about_a_task_can_be_changed_and_what_may_be_empty_taken_away(api: Caller) -> None:
    kim = await api.ok("POST", "/users", {"name": "Kim", "email": "kim@example.com"}, status=201)
    task = await made(api)
    wanted = {
        "type": "meeting", "title": "Meet", "body": "Soon", "priority": "high", "due_at": "2027-03-05T16:00:00Z",
        "assignee": kim["id"],
    }  # fmt: skip
    changed = await api.ok("PATCH", f"/tasks/{task}", wanted)
    assert {name: changed[name] for name in wanted} == wanted
    assert (await api.ok("GET", f"/tasks?assignee={kim['id']}&due_before=2027-03-06T00:00:00Z"))["items"] == [changed]
    nothing = {"priority": None, "due_at": None, "assignee": None, "title": None}
    cleared = await api.ok("PATCH", f"/tasks/{task}", nothing)
    assert cleared == {**changed, **{name: None for name in nothing if name != "title"}}
    assert await completions(api) == []


async def test_nobody_who_left_gets_a_task_and_who_has_one_keeps_it(api: Caller) -> None:
    kim = await api.ok("POST", "/users", {"name": "Kim", "email": "kim@example.com"}, status=201)
    task = await made(api, assignee=kim["id"])
    await api.ok("PATCH", f"/users/{kim['id']}", {"active": False})
    await api.ok("PATCH", f"/tasks/{task}", {"assignee": kim["id"], "title": "Still"})
    other = await made(api)
    for whom in (kim["id"], "nobody"):
        found = await api.problem("PATCH", f"/tasks/{other}", {"assignee": whom}, status=422)
        assert [(error["path"], error["code"]) for error in found["errors"]] == [("/assignee", "unknown_user")]


async def test_a_task_stands_in_the_timeline_of_every_record_it_is_about(api: Caller) -> None:
    contact, deal = await api.create("contact", first_name="Ana"), await api.create("opportunity", name="Deal")
    await made(api, contact["id"], deal["id"], type="call", title="Call Ana")
    for object, record in (("contact", contact), ("opportunity", deal)):
        items = (await api.ok("GET", f"/records/{object}/{record['id']}/timeline"))["items"]
        told = [(item["words"], item["detail"]["type"]) for item in items if item["kind"] == "task"]
        assert told == [("task open: Call Ana", "call")]
        assert len((await api.ok("GET", f"/tasks?record={record['id']}"))["items"]) == 1
