"""The inboxes of users through the API: what is unread, one read, all read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from store.notifications import insert_notifications
from tests.api.conftest import Caller
from tests.fixtures.clock import START


async def told(api: Caller, *users: str, minutes: int = 0) -> list[str]:
    values: dict[str, Any] = {
        "title": "Look", "body": "", "record_id": "r", "enrollment_id": None, "workflow_id": None, "step": None,
    }  # fmt: skip
    async with api.inst.db.transaction() as tx:
        return [*await insert_notifications(tx, users, values, now=START + timedelta(minutes=minutes))]


async def user(api: Caller, name: str) -> str:
    made = await api.ok("POST", "/users", {"name": name, "email": f"{name.lower()}@example.com"}, status=201)
    return str(made["id"])


async def test_notifications_are_listed_by_user_and_read_one_by_one(api: Caller) -> None:
    kim, bo = await user(api, "Kim"), await user(api, "Bo")
    one, _ = await told(api, kim, bo)
    (two,) = await told(api, kim, minutes=1)
    found = (await api.ok("GET", f"/notifications?user={kim}"))["items"]
    assert [(item["id"], item["read_at"]) for item in found] == [(two, None), (one, None)]

    read = await api.ok("PATCH", f"/notifications/{one}", {"read": True})

    assert read["read_at"] is not None
    assert await api.ok("GET", f"/notifications/{one}") == read
    assert [item["id"] for item in (await api.ok("GET", f"/notifications?user={kim}&unread=true"))["items"]] == [two]
    assert (await api.ok("GET", f"/notifications?user={kim}&unread=false"))["items"] == [read]
    assert (await api.ok("GET", f"/users/{kim}/inbox"))["unread"] == 1
    assert (await api.ok("PATCH", f"/notifications/{one}", {"read": False}))["read_at"] is None
    await api.problem("PATCH", "/notifications/nothing", {"read": True}, status=404)


async def test_all_are_read_at_once_but_not_what_came_since_they_were_shown(api: Caller) -> None:
    kim, bo = await user(api, "Kim"), await user(api, "Bo")
    shown = [(await told(api, kim, bo, minutes=n))[0] for n in range(2)]
    (late,) = await told(api, kim, minutes=2)

    left = await api.ok("POST", f"/users/{kim}/inbox/read", {"up_to": shown[1]})

    assert left == {"unread": 1, "open_tasks": 0, "overdue_tasks": 0}
    assert [item["id"] for item in (await api.ok("GET", f"/notifications?user={kim}&unread=true"))["items"]] == [late]
    assert (await api.ok("POST", f"/users/{kim}/inbox/read"))["unread"] == 0
    assert (await api.ok("GET", f"/users/{bo}/inbox"))["unread"] == 2
    await api.problem("POST", "/users/nobody/inbox/read", status=404)
