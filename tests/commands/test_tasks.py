"""Tasks and inboxes from the command line."""

from __future__ import annotations

from typing import Any

from store.notifications import insert_notifications
from store.people import User, insert_user
from store.tasks import insert_task
from tests.test_cli import Line, contact, line

__all__ = ["line"]


async def user(line: Line, name: str) -> User:
    async with line.inst.db.transaction() as tx:
        now = line.inst.clock.now()
        made = await insert_user(tx, name=name, email=f"{name.lower()}@example.com", manager_id=None, now=now)
    assert made is not None
    return made


async def test_a_task_is_found_given_completed_and_opened_again(line: Line) -> None:
    reference, kim = await contact(line), await user(line, "Kim")
    record = (await line.run("record", "get", reference, "--json")).json["id"]
    values: dict[str, Any] = {
        "type": "call", "title": "Call Ana", "body": "", "priority": "high", "due_at": None, "assignee": None,
        "record_id": record, "enrollment_id": None, "workflow_id": None, "step": None,
    }  # fmt: skip
    async with line.inst.db.transaction() as tx:
        task = await insert_task(tx, values, [record], now=line.inst.clock.now())

    assert "given to Kim" in (await line.run("task", "give", task, "kim@example.com")).out
    listed = (await line.run("task", "list", "--assignee", "Kim@example.com", "--record", reference)).out
    assert all(word in listed for word in (task, "call", "high", "Kim", "Call Ana"))
    assert "Call Ana: done" in (await line.run("task", "done", task)).out
    assert (await line.run("task", "list", "--json")).json == []
    assert [one["id"] for one in (await line.run("task", "list", "--status", "done", "--json")).json] == [task]
    assert "Call Ana: open" in (await line.run("task", "reopen", task)).out
    assert "Call Ana: cancelled" in (await line.run("task", "cancel", task)).out
    assert (await line.run("task", "list", "--assignee", kim.id, "--json")).json == []
    await line.run("task", "done", "nothing", code=3)
    await line.run("task", "give", task, "nobody@example.com", code=3)


async def test_an_inbox_is_shown_and_read(line: Line) -> None:
    kim = await user(line, "Kim")
    values: dict[str, Any] = {
        "title": "Look at Ana", "body": "", "record_id": "r", "enrollment_id": None, "workflow_id": None, "step": None,
    }  # fmt: skip
    async with line.inst.db.transaction() as tx:
        await insert_notifications(tx, [kim.id], values, now=line.inst.clock.now())

    shown = (await line.run("inbox", "kim@example.com")).out
    assert "Look at Ana" in shown
    assert "1 unread, 0 open tasks, 0 overdue" in shown
    assert (await line.run("inbox", kim.id, "--read", "--json")).json["unread"] == 0
    assert "Look at Ana" not in (await line.run("inbox", kim.id)).out
