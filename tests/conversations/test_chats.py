"""Conversations of chats, messengers, forms and other programs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.conversations.desk import ANA, Desk

CHAT = {"slug": "chat", "kind": "chat"}


async def say(api: Caller, text: str, *, status: int = 202, **more: Any) -> Any:
    body = {"conversation": "c-1", "text": text, **more}
    return await api.ok("POST", "/channels/chat/messages", body, status)


@pytest.mark.parametrize("kind", ["chat", "messenger", "api"])
async def test_a_conversation_opens_one_ticket_and_goes_on_in_its_thread(desk: Desk, kind: str) -> None:
    await desk.api.ok("POST", "/channels", {"slug": "chat", "kind": kind}, status=201)
    ana = {"by": {"email": ANA}}
    first = await say(desk.api, "Where is my order?", id="m-1", contact=ana)
    again = await say(desk.api, "Where is my order?", id="m-1", contact=ana)
    more = await say(desk.api, "It is the red one", id="m-2", contact=ana)
    assert (again["duplicate"], again["id"], more["thread_id"]) == (True, first["id"], first["thread_id"])
    (ticket,) = await desk.tickets()
    assert (ticket["properties"]["source"], ticket["properties"]["subject"]) == (kind, "Where is my order?")
    assert await desk.said(first) == [("contact", "opened a ticket"), ("contact", None)]


async def test_what_is_said_in_a_chat_of_a_closed_ticket_opens_it_and_no_rule_of_mail_counts(desk: Desk) -> None:
    await desk.api.ok("POST", "/channels", CHAT, status=201)
    await desk.rules(replied={"on": True, "stage": "Waiting on us"})
    first = await say(desk.api, "Hello")
    await say(desk.api, "Anybody?")
    assert await desk.stage(first) == "New"
    await desk.move(first, "Closed")
    user = await desk.user()
    await say(desk.api, "We are here", user=user)
    assert await desk.stage(first) == "Closed"
    await say(desk.api, "At last")
    assert await desk.stage(first) == "New"
    found = (await desk.api.ok("GET", f"/threads/{first['thread_id']}/messages"))["items"]
    assert [(each["author"], each["direction"]) for each in found] == [
        ("contact", "in"), ("contact", "in"), ("user", "out"), ("contact", "in"),
    ]  # fmt: skip


async def test_a_visitor_who_says_who_it_is_becomes_the_contact_of_thread_and_ticket(desk: Desk) -> None:
    await desk.api.ok("POST", "/channels", CHAT, status=201)
    first = await say(desk.api, "Hello")
    assert (await desk.thread(first))["contact_id"] is None
    await say(desk.api, "It is me", contact={"by": {"email": ANA}})
    contact = (await desk.thread(first))["contact_id"]
    near = await desk.api.ok("GET", f"/records/ticket/{first['ticket_id']}/associations")
    assert [each["id"] for each in near["items"]] == [contact]


async def test_a_visitor_s_ticket_is_of_the_company_as_well_once_it_is_known_who_it_is(desk: Desk) -> None:
    await desk.api.ok("POST", "/channels", CHAT, status=201)
    company = await desk.api.create("company", name="Berg & Co")
    contact = await desk.api.create("contact", email=ANA)
    path = f"/records/contact/{contact['id']}/associations/company/{company['id']}"
    await desk.api.ok("PUT", path, {"label": "primary"}, status=204)
    first = await say(desk.api, "Hello")
    await say(desk.api, "It is me", contact={"by": {"email": ANA}})
    near = await desk.api.ok("GET", f"/records/ticket/{first['ticket_id']}/associations")
    assert {each["id"] for each in near["items"]} == {contact["id"], company["id"]}


async def test_a_form_opens_a_ticket_of_whoever_filled_it_in_once(desk: Desk) -> None:
    await desk.api.ok("POST", "/channels", {"slug": "form", "kind": "form", "address": "contact-us"}, status=201)
    event = {
        "event": "form.submitted",
        "record": {"object": "contact", "by": {"email": ANA}, "create": True},
        "properties": {"form": "contact-us", "subject": "Delivery", "message": "Where is it?"},
        "event_id": "f-1",
    }
    for _ in range(2):
        await desk.api.ok("POST", "/events", event, status=202)
    await desk.api.ok("POST", "/events", {**event, "properties": {"form": "other"}, "event_id": "f-2"}, status=202)
    (ticket,) = await desk.tickets()
    assert (ticket["properties"]["source"], ticket["properties"]["subject"]) == ("form", "Delivery")
    (thread,) = (await desk.api.ok("GET", f"/threads?ticket={ticket['id']}"))["items"]
    (said,) = (await desk.api.ok("GET", f"/threads/{thread['id']}/messages"))["items"]
    assert (said["text"], said["contact_id"]) == ("Where is it?", thread["contact_id"])


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"user": "nobody"}, 404, "there is no user"),
        ({"contact": {"id": "nobody"}}, 404, "there is no contact"),
        ({"contact": {"by": {"email": "no address"}}}, 422, "address"),
        ({"contact": {"by": {"city": "Oslo"}}}, 422, "unique"),
    ],
)
async def test_who_wrote_has_to_be_somebody(lite: Caller, body: dict[str, Any], status: int, words: str) -> None:
    await lite.ok("POST", "/channels", CHAT, status=201)
    refused = await lite.problem(
        "POST", "/channels/chat/messages", {"conversation": "c", "text": "x", **body}, status=status
    )
    assert words in str(refused)
    assert (await lite.ok("GET", "/threads"))["items"] == []


async def test_mail_and_switched_off_channels_take_nothing_this_way(desk: Desk) -> None:
    body, path = {"conversation": "c", "text": "x"}, "/channels/chat/messages"
    no_mail = await desk.api.problem("POST", "/channels/support/messages", body, status=422)
    assert "POST /inbound/email" in no_mail["detail"]
    await desk.api.ok("POST", "/channels", CHAT, status=201)
    await desk.api.ok("PATCH", "/channels/chat", {"active": False})
    assert (await desk.api.problem("POST", path, body, status=409))["type"].endswith("switched_off")
