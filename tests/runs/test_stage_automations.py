"""Steps attached to stages: which tickets they run for, and that they are workflows like any other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conversations.desk import ANA, SUPPORT
from tests.fixtures.running import Running
from tests.runs.mailing import take

PATH = "/pipelines/ticket/default/stages/{}/automation"
WAITING = {"id": "gap", "kind": "delay", "for": {"days": 9}}


def mail(slug: str, id: str = "mail") -> dict[str, Any]:
    config = {"email": slug, "transactional": True}
    return {"id": id, "kind": "action", "action": "send_email", "config": config}


def notice(title: str, id: str = "notice") -> dict[str, Any]:
    return {"id": id, "kind": "action", "action": "create_task", "config": {"title": title}}


async def attach(ft: Running, stage: str, *steps: dict[str, Any], **more: Any) -> Any:
    return await ft.call("PUT", PATH.format(stage), {"steps": [*steps], **more})


async def ask(ft: Running, **headers: str) -> Any:
    """A mail that opens a ticket; what came of it."""
    raw = f"From: Ana Berg <{ANA}>\r\nTo: {SUPPORT}\r\nSubject: My order\r\n\r\nWhere is it?"
    return await take(ft, raw.encode())


async def desk(ft: Running) -> None:
    await ft.call("POST", "/channels", {"slug": "support", "kind": "email", "address": SUPPORT})


async def entered(ft: Running, slug: str) -> list[Any]:
    await ft.settled()
    return list((await ft.call("GET", f"/enrollments?workflow={slug}"))["items"])


def subjects(ft: Running) -> list[str]:
    return [each["subject"] for each in ft.outbox("email")]


async def test_rule_5_ticket_received_and_ticket_closed_go_to_the_customer_by_themselves(ft_both: Running) -> None:
    ft = ft_both
    await desk(ft)
    await attach(ft, "New", mail("ticket-received"))
    await attach(ft, "Closed", mail("ticket-closed"))
    edited = {"subject": "Got it: {{ ticket.subject }}"}
    await ft.call("PATCH", "/emails/ticket-received", edited)
    taken = await ask(ft)
    (received,) = await entered(ft, "ticket-default-new")
    assert (await ft.ended(received["id"]))["end_reason"] == "completed"
    thread = await ft.call("GET", f"/threads/{taken['thread_id']}")
    await ft.call("PATCH", f"/records/ticket/{thread['ticket_id']}", {"properties": {"stage": "Closed"}})
    (closed,) = await entered(ft, "ticket-default-closed")
    await ft.ended(closed["id"])
    assert subjects(ft) == ["Got it: My order", "Your request is closed: My order"]


async def test_rule_5_any_steps_run_each_time_a_ticket_reaches_the_stage(ft: Running) -> None:
    made = await attach(ft, "Closed", notice("Look at it"), notice("And again", "second"))
    assert (made["workflow"], made["version"], made["is_on"]) == ("ticket-default-closed", 1, True)
    ticket = await ft.create("ticket", subject="A", stage="New")
    for stage in ("Closed", "New", "Closed"):
        await ft.patch("ticket", ticket, stage=stage)
        for each in await entered(ft, made["workflow"]):
            await ft.ended(each["id"])
    born = await ft.create("ticket", subject="B", stage="Closed")
    assert len(await entered(ft, made["workflow"])) == 3
    await ft.patch("ticket", born, subject="C")
    assert len(await entered(ft, made["workflow"])) == 3


async def test_rule_5_a_stage_of_the_same_name_in_another_pipeline_is_another_stage(ft: Running) -> None:
    stages = [{"value": "New"}, {"value": "Closed"}]
    await ft.call("POST", "/pipelines/ticket", {"value": "b", "stages": stages})
    made = await attach(ft, "Closed", notice("Look"))
    ticket = await ft.create("ticket", subject="A", stage="Closed", pipeline="b")
    assert await entered(ft, made["workflow"]) == []
    await ft.patch("ticket", ticket, pipeline="default")
    assert len(await entered(ft, made["workflow"])) == 1


@pytest.mark.parametrize("source", ["chat", "messenger", "email", None])
@pytest.mark.parametrize("include_chat", [False, True])
async def test_rule_6_tickets_of_chats_are_left_out_unless_asked_for(
    ft: Running, source: str | None, include_chat: bool
) -> None:
    made = await attach(ft, "New", notice("Look"), include_chat=include_chat)
    assert made["include_chat"] is include_chat
    said = {"source": source} if source is not None else {}
    await ft.create("ticket", subject="A", stage="New", **said)
    assert (await attach(ft, "New", notice("Look again")))["include_chat"] is include_chat
    is_in = include_chat or source not in ("chat", "messenger")
    assert len(await entered(ft, made["workflow"])) == int(is_in)


async def test_rule_8_the_same_steps_change_nothing_and_others_are_a_new_version(ft: Running) -> None:
    first = await attach(ft, "New", notice("Look"), WAITING)
    await ft.create("ticket", subject="A", stage="New")
    (inside,) = await entered(ft, first["workflow"])
    await ft.stands_at(inside["id"], "gap")
    assert (await attach(ft, "New", notice("Look"), WAITING))["version"] == 1
    assert (await attach(ft, "New", notice("Look twice")))["version"] == 2
    assert (await ft.call("GET", f"/enrollments/{inside['id']}"))["version"] == 1
    shown = await ft.call("GET", PATH.format("New"))
    assert [each["config"]["title"] for each in shown["steps"]] == ["Look twice"]


async def test_rule_9_it_is_a_workflow_that_can_be_opened_extended_and_detached(ft: Running) -> None:
    slug = (await attach(ft, "New", notice("Look")))["workflow"]
    shown = await ft.call("GET", f"/workflows/{slug}")
    assert (shown["definition"]["managed_by"], shown["folder"]) == ("pipeline", "Pipelines")
    goal = {"id": "g", "name": "Closed", "where": {"property": "stage", "op": "is", "value": "Closed"}}
    extended = {**shown["definition"], "name": "Greeting", "exit": {"goals": [goal]}}
    headers = {"If-Match": "*"}
    saved = await ft.http.put(f"/api/v1/workflows/{slug}", json=extended, headers=headers)
    assert saved.status_code == 200, saved.text
    await attach(ft, "New", notice("Look"), WAITING)
    kept = (await ft.call("GET", f"/workflows/{slug}"))["definition"]
    assert (kept["name"], kept["exit"]["goals"][0]["id"], len(kept["steps"])) == ("Greeting", "g", 2)
    await ft.create("ticket", subject="A", stage="New")
    assert len(await entered(ft, slug)) == 1
    assert (await ft.call("GET", f"/workflows/{slug}/report"))["totals"]["enrolled"] == 1

    detached = await ft.call("POST", PATH.format("New") + "/detach")
    assert detached == {"workflow": slug, "is_on": True}
    await ft.call("GET", PATH.format("New"), expect=404)
    other = await attach(ft, "New", notice("Anew"))
    assert (other["workflow"], other["version"]) == (f"{slug}-2", 1)
    await ft.create("ticket", subject="B", stage="New")
    assert [len(await entered(ft, each)) for each in (slug, other["workflow"])] == [2, 1]


async def test_rule_9_what_is_removed_lets_nobody_in_and_keeps_its_history(ft: Running) -> None:
    slug = (await attach(ft, "New", notice("Look"), WAITING))["workflow"]
    await ft.create("ticket", subject="A", stage="New")
    (inside,) = await entered(ft, slug)
    await ft.call("DELETE", PATH.format("New"))
    await ft.create("ticket", subject="B", stage="New")
    assert len(await entered(ft, slug)) == 1
    assert (await ft.call("GET", f"/enrollments/{inside['id']}"))["status"] == "active"
    assert (await ft.call("GET", PATH.format("New")))["is_on"] is False
    again = await attach(ft, "New", notice("Look"), WAITING)
    assert (again["workflow"], again["version"], again["is_on"]) == (slug, 1, True)


async def test_rule_9_only_the_workflow_of_a_stage_says_that_a_pipeline_manages_it(ft: Running) -> None:
    slug = (await attach(ft, "New", notice("Look")))["workflow"]
    mine = (await ft.call("GET", f"/workflows/{slug}"))["definition"]
    assert (await ft.call("POST", f"/workflows/{slug}/validate"))["problems"] == []
    saved = await ft.call("POST", "/workflows", {**mine, "slug": "another"})
    assert [(each["path"], each["code"]) for each in saved["problems"]] == [("/managed_by", "wrong_value")]
    await ft.call("POST", "/workflows/another/publish", {}, expect=422)


async def test_rule_10_workflows_move_tickets_anywhere(ft: Running) -> None:
    back = {"id": "back", "kind": "action", "action": "set_property", "config": {"property": "stage", "value": "New"}}
    slug = (await attach(ft, "Closed", back))["workflow"]
    ticket = await ft.create("ticket", subject="A", stage="Closed")
    (taken,) = await entered(ft, slug)
    await ft.ended(taken["id"])
    assert (await ft.call("GET", f"/records/ticket/{ticket}"))["properties"]["stage"] == "New"


async def test_rule_11_opportunities_have_automations_too(ft: Running) -> None:
    path = "/pipelines/opportunity/default/stages/Won/automation"
    made = await ft.call("PUT", path, {"steps": [notice("Hand it over")]})
    await ft.create("opportunity", name="Ten desks", stage="Won")
    assert len(await entered(ft, made["workflow"])) == 1
    await ft.call("PUT", path, {"steps": [notice("x")], "include_chat": True}, expect=422)


async def test_a_stage_with_steps_stays_and_two_who_attach_at_once_make_one_workflow(ft_both: Running) -> None:
    ft = ft_both
    await ft.call("POST", "/pipelines/ticket", {"value": "b", "stages": [{"value": "New"}, {"value": "Late"}]})
    path = "/pipelines/ticket/b/stages/Late/automation"
    made = await asyncio.gather(*(ft.call("PUT", path, {"steps": [notice(f"{n}")]}) for n in range(3)))
    assert {each["workflow"] for each in made} == {"ticket-b-late"}
    assert sorted(each["version"] for each in made) == [1, 2, 3]
    refused = await ft.call("PATCH", "/pipelines/ticket/b", {"stages": [{"value": "New"}]}, expect=409)
    assert "Late (workflow ticket-b-late)" in refused["detail"]
    await ft.call("DELETE", "/pipelines/ticket/b", expect=409)
    await ft.call("DELETE", path)
    await ft.call("PATCH", "/pipelines/ticket/b", {"stages": [{"value": "New"}]})
    await ft.call("GET", path, expect=404)


@pytest.mark.parametrize(
    ("stage", "steps", "status", "path"),
    [
        ("Nowhere", [notice("x")], 404, None),
        ("New", [], 422, "/steps"),
        ("New", [{"id": "a", "kind": "action", "action": "no_such", "config": {}}], 422, "/steps/0/action"),
        ("New", ["nonsense"], 422, "/steps/0"),
        ("New", [mail("no-such-email")], 422, "/steps/0/config/email"),
    ],
)
async def test_steps_that_cannot_be_are_refused_with_their_place(
    ft: Running, stage: str, steps: list[Any], status: int, path: str | None
) -> None:
    refused = await ft.call("PUT", PATH.format(stage), {"steps": steps}, expect=status)
    assert path is None or path in [each["path"] for each in refused["errors"]]
    assert (await ft.call("GET", "/workflows"))["items"] == []


async def test_rule_7_who_may_not_publish_workflows_attaches_nothing(ft: Running) -> None:
    made = await ft.call("POST", "/api-keys", {"name": "desk", "scopes": ["workflows:read", "records:write"]})
    headers = {"Authorization": f"Bearer {made['key']}"}
    body = {"steps": [notice("Look")]}
    answer = await ft.http.put(f"/api/v1{PATH.format('New')}", json=body, headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (403, "this key lacks the scope workflows:publish")
