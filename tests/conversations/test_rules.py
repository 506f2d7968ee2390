"""HubSpot's rules of ticket pipelines, each by its number in the list that docs/tickets.md gives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conversations.desk import ANA, Desk

TO_US = {"on": True, "stage": "Waiting on us"}


async def test_rule_1_a_channel_opens_a_ticket_for_each_new_message(desk: Desk) -> None:
    first, second = await desk.mail(subject="My order"), await desk.mail(subject="My bill")
    assert (first["kind"], second["kind"]) == ("opened", "opened")
    assert [each["properties"]["subject"] for each in await desk.tickets()] == ["My order", "My bill"]
    made = await desk.ticket(first)
    assert (made["source"], made["pipeline"], made["stage"], made["is_closed"]) == ("email", "default", "New", False)
    thread = await desk.thread(first)
    contact = await desk.api.ok("GET", f"/records/contact/{thread['contact_id']}")
    assert {name: contact["properties"][name] for name in ("email", "first_name", "last_name")} == {
        "email": ANA,
        "first_name": "Ana",
        "last_name": "Berg",
    }
    near = await desk.api.ok("GET", f"/records/ticket/{made['id']}/associations")
    assert [each["id"] for each in near["items"]] == [contact["id"]]


async def test_rule_1_a_channel_that_is_switched_off_opens_none(desk: Desk) -> None:
    await desk.api.ok("PATCH", "/channels/support", {"opens_tickets": False})
    taken = await desk.mail()
    assert (taken["kind"], await desk.tickets()) == ("opened", [])
    assert (await desk.thread(taken))["ticket_id"] is None
    assert await desk.said(taken) == [("contact", None)]
    await desk.api.ok("PATCH", "/channels/support", {"active": False})
    assert (await desk.mail())["thread_id"] is None


async def test_rule_2_closing_sets_the_close_date_and_reopening_clears_it(desk: Desk) -> None:
    taken = await desk.mail()
    await desk.move(taken, "Closed")
    assert (await desk.ticket(taken))["closed_at"] is not None
    await desk.mail(answers=taken["message_id"])
    assert "closed_at" not in await desk.ticket(taken)


async def test_rule_2_with_its_switch_off_closing_leaves_the_close_date_alone(desk: Desk) -> None:
    await desk.api.ok("PATCH", "/pipelines/ticket/default", {"sets_close_date": False})
    taken = await desk.mail()
    await desk.move(taken, "Closed")
    assert "closed_at" not in await desk.ticket(taken)


async def test_rule_3_the_answer_of_a_customer_moves_the_ticket_where_the_pipeline_says(desk: Desk) -> None:
    taken = await desk.mail()
    await desk.move(taken, "Waiting on contact")
    assert (await desk.mail(answers=taken["message_id"]))["kind"] == "reply"
    assert await desk.stage(taken) == "Waiting on contact"
    await desk.rules(replied=TO_US)
    await desk.mail(answers=taken["message_id"])
    assert await desk.stage(taken) == "Waiting on us"
    assert await desk.said(taken) == [
        ("contact", "opened a ticket"), ("contact", None), ("contact", "Waiting on contact → Waiting on us"),
    ]  # fmt: skip


async def test_rule_3_an_answer_in_another_thread_counts_once_the_ticket_was_reopened(desk: Desk) -> None:
    await desk.rules(replied=TO_US)
    first = await desk.mail()
    await desk.api.ok("PATCH", "/channels/support", {"opens_tickets": False})
    newer = await desk.mail(subject="By the way")
    ticket = (await desk.thread(first))["ticket_id"]
    await desk.api.ok("PATCH", f"/threads/{newer['thread_id']}", {"ticket": ticket})
    await desk.mail(answers=newer["message_id"])
    assert await desk.stage(first) == "New"
    await desk.move(first, "Closed")
    await desk.move(first, "Waiting on contact")
    await desk.mail(answers=newer["message_id"])
    assert await desk.stage(first) == "Waiting on us"


FORWARD = "---------- Forwarded message ---------\nFrom: Bo <bo@x.example>\nDate: today\n\nLook at this"


@pytest.mark.parametrize(
    ("how", "author"),
    [
        ({"subject": "Fwd: My order", "text": FORWARD}, "forwarded"),
        ({"subject": "Re: Fwd: My order"}, "reply_to_forwarded"),
        ({"headers": "X-Forwarded-Message-Id: <a@x>\r\n"}, "forwarded"),
        ({"sender": "Kim <kim@example.com>"}, "personal_mailbox"),
        ({"sender": "Eve <eve@elsewhere.example>"}, "other"),
        ({"headers": "Auto-Submitted: auto-replied\r\n"}, "automatic"),
    ],
    ids=["forwarded", "reply to forwarded", "by its header", "personal mailbox", "somebody else", "automatic"],
)
@pytest.mark.parametrize("stage", ["Waiting on contact", "Closed"])
async def test_rule_4_what_is_no_answer_of_the_customer_moves_no_ticket(
    desk: Desk, how: dict[str, Any], author: str, stage: str
) -> None:
    await desk.rules(replied=TO_US)
    await desk.user()
    taken = await desk.mail()
    await desk.move(taken, stage)
    again = await desk.mail(answers=taken["message_id"], **how)
    assert again["thread_id"] == taken["thread_id"]
    assert await desk.stage(taken) == stage
    assert (await desk.said(taken))[1:] == [(author, None)]
    assert len(await desk.tickets()) == 1


async def test_rule_4_who_answers_a_forwarded_mail_moves_no_ticket(desk: Desk) -> None:
    await desk.rules(replied=TO_US)
    taken = await desk.mail()
    forwarded = await desk.mail(answers=taken["message_id"], subject="Fwd: My order", text=FORWARD)
    await desk.mail(answers=forwarded["message_id"], subject="Re: My order")
    assert (await desk.stage(taken), (await desk.said(taken))[-1]) == ("New", ("reply_to_forwarded", None))


async def test_rule_4_other_mail_of_the_customer_opens_its_own_ticket(desk: Desk) -> None:
    await desk.rules(replied=TO_US)
    taken = await desk.mail()
    await desk.move(taken, "Waiting on contact")
    other = await desk.mail(subject="Re: My order")
    assert (await desk.stage(taken), await desk.stage(other)) == ("Waiting on contact", "New")


@pytest.mark.parametrize("rules", [{}, {"replied": TO_US}], ids=["switch off", "switch on"])
async def test_rules_4_and_12_an_answer_on_a_closed_ticket_opens_it_in_its_first_open_stage(
    desk: Desk, rules: dict[str, Any]
) -> None:
    await desk.rules(**rules)
    taken = await desk.mail()
    await desk.move(taken, "Closed")
    await desk.mail(answers=taken["message_id"])
    assert (await desk.said(taken))[-1] == ("contact", "Closed → New")
    assert "closed_at" not in await desk.ticket(taken)
    await desk.mail(answers=taken["message_id"])
    assert await desk.stage(taken) == ("Waiting on us" if rules else "New")
