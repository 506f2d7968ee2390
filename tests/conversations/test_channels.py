"""Channels: connecting, changing, switching off; what cannot be is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.conversations.desk import Desk


async def test_a_channel_is_connected_changed_and_removed(lite: Caller) -> None:
    made = await lite.ok("POST", "/channels", {"slug": "chat", "kind": "chat"}, status=201)
    assert (made["pipeline"], made["stage"], made["opens_tickets"], made["active"]) == ("default", None, True, True)
    changed = await lite.ok("PATCH", "/channels/chat", {"stage": "Waiting on us", "name": "Web chat"})
    assert (changed["stage"], changed["name"]) == ("Waiting on us", "Web chat")
    assert (await lite.ok("PATCH", "/channels/chat", {"stage": None}))["stage"] is None
    assert [each["slug"] for each in (await lite.ok("GET", "/channels"))["items"]] == ["chat"]
    await lite.ok("DELETE", "/channels/chat", status=204)
    assert (await lite.problem("GET", "/channels/chat", status=404))["type"].endswith("unknown_channel")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"slug": "No", "kind": "chat"}, "/slug"),
        ({"slug": "a", "kind": "email"}, "/address"),
        ({"slug": "a", "kind": "email", "address": "nobody"}, "/address"),
        ({"slug": "a", "kind": "chat", "address": "a@example.com"}, "/address"),
        ({"slug": "a", "kind": "chat", "pipeline": "none"}, "/pipeline"),
        ({"slug": "a", "kind": "chat", "stage": "Nowhere"}, "/stage"),
        ({"slug": "a", "kind": "chat", "properties": {"priority": "extreme"}}, "/properties/priority"),
        ({"slug": "a", "kind": "chat", "properties": {"stage": "New"}}, "/properties/stage"),
        ({"slug": "a", "kind": "chat", "properties": {"external_id": "1"}}, "/properties/external_id"),
        ({"slug": "a", "kind": "chat", "properties": {"owner": "nobody"}}, "/properties/owner"),
    ],
)
async def test_a_channel_that_cannot_be_is_refused(lite: Caller, body: dict[str, Any], path: str) -> None:
    problem = await lite.problem("POST", "/channels", body, status=422)
    assert [each["path"] for each in problem["errors"]] == [path]


async def test_an_address_belongs_to_one_channel(desk: Desk) -> None:
    twice = {"slug": "other", "kind": "email", "address": "SUPPORT@example.com"}
    assert (await desk.api.problem("POST", "/channels", twice, status=409))["type"].endswith("already_exists")


async def test_a_channel_with_conversations_is_switched_off_not_removed(desk: Desk) -> None:
    await desk.mail()
    problem = await desk.api.problem("DELETE", "/channels/support", status=409)
    assert "active: false" in problem["detail"]


async def test_a_channel_that_is_switched_off_takes_in_no_answers_either(desk: Desk) -> None:
    taken = await desk.mail()
    await desk.move(taken, "Closed")
    sales = {"slug": "sales", "kind": "email", "address": "sales@example.com"}
    await desk.api.ok("POST", "/channels", sales, status=201)
    await desk.api.ok("PATCH", "/channels/support", {"active": False})
    again = await desk.mail(answers=taken["message_id"])
    assert (again["kind"], again["thread_id"], await desk.stage(taken)) == ("unmatched", None, "Closed")
    also_to_sales = await desk.mail(answers=taken["message_id"], to="support@example.com, sales@example.com")
    assert (await desk.thread(also_to_sales))["channel"] == "sales"
    assert len(await desk.said(taken)) == 1


async def test_stages_that_mail_and_channels_need_stay(lite: Caller) -> None:
    stages = [{"value": each} for each in ("New", "Waiting on us", "Closed")]
    await lite.ok("POST", "/pipelines/ticket", {"value": "b", "stages": stages}, status=201)
    rules = {"replied": {"on": True, "stage": "Waiting on us"}}
    shown = await lite.ok("PATCH", "/pipelines/ticket/b", {"status_from_email": rules})
    assert shown["status_from_email"] == {"sent": {"on": False, "stage": None}, **rules}
    less = {"stages": [{"value": "New"}, {"value": "Closed"}]}
    problem = await lite.problem("PATCH", "/pipelines/ticket/b", less, status=422)
    assert [each["path"] for each in problem["errors"]] == ["/status_from_email/replied/stage"]
    off = {"replied": {"on": False}}
    await lite.ok("POST", "/channels", {"slug": "c", "kind": "chat", "pipeline": "b", "stage": "Waiting on us"}, 201)
    problem = await lite.problem("PATCH", "/pipelines/ticket/b", {**less, "status_from_email": off}, status=409)
    assert "by the channels c" in problem["detail"]
    assert (await lite.problem("DELETE", "/pipelines/ticket/b", status=409))["type"].endswith("in_use")
    await lite.ok("PATCH", "/channels/c", {"stage": None})
    assert len((await lite.ok("PATCH", "/pipelines/ticket/b", {**less, "status_from_email": off}))["stages"]) == 2


@pytest.mark.parametrize(
    ("object", "rule", "path"),
    [
        ("ticket", {"on": True}, "/status_from_email/sent/stage"),
        ("ticket", {"on": True, "stage": "Nowhere"}, "/status_from_email/sent/stage"),
        ("opportunity", {"on": True, "stage": "Won"}, "/status_from_email/sent"),
    ],
)
async def test_rules_that_lead_nowhere_are_refused(lite: Caller, object: str, rule: dict[str, Any], path: str) -> None:
    body = {"status_from_email": {"sent": rule}}
    problem = await lite.problem("PATCH", f"/pipelines/{object}/default", body, status=422)
    assert [each["path"] for each in problem["errors"]] == [path]
