"""Where something is used: in drafts, versions, lists, emails, channels; and that it is not taken away from them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.conftest import Caller

MINUTE = {"id": "gap", "kind": "delay", "for": {"minutes": 1}}


def workflow(slug: str, *steps: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"slug": slug, "name": slug.title(), "object": "contact", "steps": [*steps], **parts}


def acting(id: str, action: str, **config: Any) -> dict[str, Any]:
    return {"id": id, "kind": "action", "action": action, "config": config}


async def places(api: Caller, **thing: str) -> list[tuple[str, str, int | None, str]]:
    ((kind, name),) = thing.items()
    found = (await api.ok("GET", f"/usages?{kind}={name}"))["items"]
    return [(each["kind"], each["slug"], each["version"], each["path"]) for each in found]


async def test_a_property_is_found_wherever_it_is_named(api: Caller) -> None:
    await api.ok("POST", "/objects/contact/properties", {"name": "mood", "type": "string"}, status=201)
    where = {"property": "mood", "op": "is", "value": "good"}
    await api.ok("POST", "/emails", {"slug": "hi", "subject": "Hi", "html": "<p>{{ contact.mood }}</p>"}, status=201)
    await api.ok("POST", "/lists", {"slug": "happy", "object": "contact", "where": where}, status=201)
    await api.publish(
        workflow(
            "all",
            acting("write", "set_property", property="mood", value="good"),
            {"id": "ask", "kind": "branch", "branches": [{"id": "b", "where": where, "steps": [
                acting("inner", "create_task", title="{{ contact.mood }}"),
            ]}]},
            acting("mail", "send_email", email="hi", transactional=True),
            acting("copy", "copy_property", source={"property": "mood"}, property="city"),
            entry={"triggers": [{"id": "t1", "on": "changed", "property": "mood"}], "suppress": where},
            exit={"goals": [{"id": "g1", "name": "G", "where": where}], "when": where},
        )
    )  # fmt: skip
    await api.ok("POST", "/workflows", workflow("draft", acting("a", "clear_property", property="mood")), status=201)
    await api.publish(workflow("other", acting("a", "create_task", title="mood is a word")))
    assert await places(api, property="contact.mood") == [
        ("workflow", "all", 1, "/entry/triggers/0/property"),
        ("workflow", "all", 1, "/entry/suppress/property"),
        ("workflow", "all", 1, "/exit/goals/0/where/property"),
        ("workflow", "all", 1, "/exit/when/property"),
        ("workflow", "all", 1, "/steps/0/config/property"),
        ("workflow", "all", 1, "/steps/1/branches/0/where/property"),
        ("workflow", "all", 1, "/steps/1/branches/0/steps/0/config/title"),
        ("workflow", "all", 1, "/steps/2/config/email"),
        ("workflow", "all", 1, "/steps/3/config/source/property"),
        ("workflow", "draft", None, "/steps/0/config/property"),
        ("list", "happy", None, "/where/property"),
        ("email", "hi", None, ""),
    ]
    problem = await api.problem("DELETE", "/objects/contact/properties/mood", status=409)
    assert problem["detail"].startswith("property contact.mood is used by workflow all, list happy, email hi")
    assert await places(api, property="contact.score") == []


async def test_lists_emails_teams_users_and_the_rest_are_found(api: Caller) -> None:
    kim = (await api.ok("POST", "/users", {"name": "Kim", "email": "kim@example.com"}, status=201))["id"]
    await api.ok("POST", "/teams", {"slug": "sales", "members": [{"user": kim}]}, status=201)
    await api.ok("POST", "/lists", {"slug": "vips", "object": "contact"}, status=201)
    await api.ok("POST", "/emails", {"slug": "hi", "subject": "Hi", "html": "<p>Hi</p>"}, status=201)
    await api.ok("POST", "/subscription-types", {"slug": "news"}, status=201)
    await api.ok("PUT", "/secrets/crm", {"value": "abc"})
    await api.ok("POST", "/channels", {"slug": "chat", "kind": "chat", "properties": {"owner": kim}}, status=201)
    await api.publish(workflow("target", MINUTE))
    await api.publish(
        workflow(
            "uses",
            acting("put", "add_to_list", list="vips"),
            acting("mail", "send_email", email="hi", subscription="news"),
            acting("task", "create_task", title="Call", assignee=kim),
            acting("turn", "rotate_owner", team="sales"),
            acting("lead", "enroll_in_workflow", workflow="target"),
            acting(
                "call", "send_webhook", url="https://example.com", headers={"Authorization": {"secret": "crm"}}
            ),
            {"id": "paid", "kind": "wait", "for_event": {"event": "order.paid"}, "timeout": {"days": 1}},
        )
    )  # fmt: skip
    used = ("workflow", "uses", 1)
    assert await places(api, list="vips") == [(*used, "/steps/0/config/list")]
    assert await places(api, email="hi") == [(*used, "/steps/1/config/email")]
    assert await places(api, subscription="news") == [(*used, "/steps/1/config/subscription")]
    assert await places(api, user="kim@example.com") == [
        (*used, "/steps/2/config/assignee"),
        ("channel", "chat", None, "/properties/owner"),
        ("team", "sales", None, "/members/0"),
    ]
    assert await places(api, team="sales") == [(*used, "/steps/3/config/team")]
    assert await places(api, workflow="target") == [(*used, "/steps/4/config/workflow")]
    assert [path.rpartition("/")[0] for _, _, _, path in await places(api, secret="crm")] == [
        "/steps/5/config/headers/Authorization"
    ]  # fmt: skip
    assert await places(api, event="order.paid") == [(*used, "/steps/6/for_event/event")]
    (told,) = (await api.ok("GET", "/usages?list=vips"))["items"]
    assert (told["step"], told["where"], told["counts"]) == ("put", "a step", True)
    for path, body, what in (
        ("/emails/hi", {"archived": True}, "email hi is used by workflow uses: it cannot be archived"),
        (f"/users/{kim}", {"active": False}, f"user {kim} is used by workflow uses: it cannot be deactivated"),
    ):
        assert (await api.problem("PATCH", path, body, status=409))["detail"].startswith(what)
        await api.ok("PATCH", f"{path}?even_if_used=true", body)
    assert (await api.problem("DELETE", "/lists/vips", status=409))["type"].endswith("list_in_use")


async def test_a_version_with_somebody_inside_counts_and_one_that_is_off_does_not(api: Caller) -> None:
    await api.ok("POST", "/emails", {"slug": "hi", "subject": "Hi", "html": "<p>Hi</p>"}, status=201)
    await api.publish(workflow("a", MINUTE, acting("mail", "send_email", email="hi", transactional=True)))
    contact = await api.create("contact", email="ana@example.com")
    body = {"record": {"object": "contact", "id": contact["id"]}}
    await api.ok("POST", "/workflows/a/enrollments", body, status=202)
    await api.ok("PUT", "/workflows/a", workflow("a", MINUTE), If_Match="*")
    await api.ok("POST", "/workflows/a/publish", {})
    (inside,) = (await api.ok("GET", "/usages?email=hi"))["items"]
    assert (inside["version"], inside["counts"]) == (1, True)
    await api.ok("POST", "/workflows/a/unenroll", {"ids": [contact["id"]]}, status=202)
    await api.publish(workflow("off", acting("mail", "send_email", email="hi", transactional=True)))
    await api.ok("POST", "/workflows/off/turn-off")
    shown = {each["slug"]: each["counts"] for each in (await api.ok("GET", "/usages?email=hi"))["items"]}
    assert shown["off"] is False


async def test_a_property_of_your_own_that_nothing_uses_is_removed_and_what_it_holds_is_not_lost(api: Caller) -> None:
    await api.ok("POST", "/objects/contact/properties", {"name": "mood", "type": "string"}, status=201)
    contact = await api.create("contact", email="ana@example.com", mood="good")
    problem = await api.problem("DELETE", "/objects/contact/properties/mood", status=409)
    assert problem["detail"].startswith("1 contact records have a value of mood")
    await api.ok("PATCH", f"/records/contact/{contact['id']}", {"properties": {"mood": None}})
    await api.ok("DELETE", "/objects/contact/properties/mood", status=204)
    await api.problem("PATCH", f"/records/contact/{contact['id']}", {"properties": {"mood": "x"}}, status=422)
    assert "built in" in (await api.problem("DELETE", "/objects/contact/properties/city", status=409))["detail"]
    await api.problem("DELETE", "/objects/contact/properties/mood", status=404)


async def test_of_a_removal_and_a_publication_at_once_one_wins(api: Caller) -> None:
    for n in range(3):
        name = f"mood_{n}"
        await api.ok("POST", "/objects/contact/properties", {"name": name, "type": "string"}, status=201)
        slug = f"w{n}"
        await api.ok("POST", "/workflows", workflow(slug, acting("a", "clear_property", property=name)), status=201)
        removed, published = await asyncio.gather(
            api.call("DELETE", f"/objects/contact/properties/{name}"),
            api.call("POST", f"/workflows/{slug}/publish", {}),
        )
        assert (removed.status_code, published.status_code) in ((204, 422), (409, 200))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("?list=a&email=b", 422),
        ("?property=score", 422),
        ("?property=contact.nothing", 404),
        ("?list=nothing", 404),
        ("?email=nothing", 404),
        ("?user=nobody", 404),
        ("?user=nobody@example.com", 404),
        ("?team=nothing", 404),
        ("?subscription=nothing", 404),
        ("?workflow=nothing", 404),
        ("?secret=nothing", 404),
        ("?event=no event", 422),
    ],
)
async def test_what_is_not_there_is_told(lite: Caller, query: str, status: int) -> None:
    await lite.problem("GET", f"/usages{query}", status=status)


async def test_a_property_that_a_channel_fills_in_or_an_email_reads_is_not_removed(api: Caller) -> None:
    for object in ("ticket", "contact"):
        await api.ok("POST", f"/objects/{object}/properties", {"name": "mood", "type": "string"}, status=201)
    await api.ok("POST", "/channels", {"slug": "chat", "kind": "chat", "properties": {"mood": "calm"}}, status=201)
    await api.ok("POST", "/emails", {"slug": "hi", "subject": "Hi {{ contact.mood }}", "html": "<p>Hi</p>"}, status=201)
    for object, by in (("ticket", "channel chat"), ("contact", "email hi")):
        problem = await api.problem("DELETE", f"/objects/{object}/properties/mood", status=409)
        assert problem["detail"].startswith(f"property {object}.mood is used by {by}: it cannot be removed")
    await api.ok("PATCH", "/channels/chat", {"properties": {}})
    await api.ok("PATCH", "/emails/hi", {"archived": True})
    for object in ("ticket", "contact"):
        await api.ok("DELETE", f"/objects/{object}/properties/mood", status=204)


async def test_a_workflow_that_another_one_enrolls_into_is_not_deleted_by_accident(api: Caller) -> None:
    been = {"workflow": "target", "status": "completed"}
    await api.publish(workflow("target", MINUTE, entry={"suppress": been}))
    await api.publish(workflow("uses", acting("lead", "enroll_in_workflow", workflow="target")))
    problem = await api.problem("DELETE", "/workflows/target", status=409, If_Match="*")
    assert problem["detail"].startswith("workflow target is used by workflow uses: it cannot be deleted")
    await api.ok("POST", "/workflows/uses/turn-off")
    await api.ok("DELETE", "/workflows/target", status=204, If_Match="*")


async def test_a_workflow_that_another_one_enrolls_into_is_deleted_when_somebody_says_so(api: Caller) -> None:
    await api.publish(workflow("target", MINUTE))
    await api.publish(workflow("uses", acting("lead", "enroll_in_workflow", workflow="target")))
    await api.ok("DELETE", "/workflows/target?even_if_used=true", status=204, If_Match="*")
