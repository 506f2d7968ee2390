"""Mail at a desk, and whatever is wrong with it: it is kept, in the conversation it belongs to, and does no harm."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.conftest import Caller
from tests.conversations.desk import ANA, SUPPORT, Desk


async def test_the_same_mail_twice_opens_one_ticket_also_at_once(desk: Desk) -> None:
    raw = f"From: {ANA}\r\nTo: {SUPPORT}\r\nSubject: Hello\r\nMessage-ID: <1@x>\r\n\r\nAnybody?".encode()
    answers = await asyncio.gather(*(desk.deliver(raw) for _ in range(4)))
    assert sorted(each["status"] for each in answers) == ["accepted", "duplicate", "duplicate", "duplicate"]
    assert len(await desk.tickets()) == 1
    found = await desk.api.ok("GET", "/threads?channel=support")
    assert len(found["items"]) == 1


async def test_two_mails_of_somebody_new_at_once_are_of_one_contact(desk: Desk) -> None:
    taken = await asyncio.gather(desk.mail(subject="One"), desk.mail(subject="Two"))
    people = {(await desk.thread(each))["contact_id"] for each in taken}
    assert len(people) == 1
    assert len(await desk.tickets()) == 2


@pytest.mark.parametrize("text", ["", "Gr\xfc\xdfe"], ids=["empty", "latin"])
async def test_a_mail_that_says_little_opens_a_ticket_all_the_same(desk: Desk, text: str) -> None:
    raw = f"From: {ANA}\r\nTo: {SUPPORT}\r\nContent-Type: text/plain; charset=no-such\r\n\r\n".encode()
    taken = await desk.deliver(raw + text.encode("latin-1"))
    assert (await desk.ticket(taken))["subject"] == (text or "(no subject)")


async def test_a_mail_without_a_sender_opens_a_ticket_of_nobody(desk: Desk) -> None:
    taken = await desk.deliver(f"From: nobody <\r\nTo: {SUPPORT}\r\nSubject: Help\r\n\r\nPlease".encode())
    assert (taken["kind"], (await desk.thread(taken))["contact_id"]) == ("opened", None)
    assert (await desk.ticket(taken))["subject"] == "Help"


async def test_a_mail_from_an_address_beyond_all_measure_is_kept(desk: Desk) -> None:
    taken = await desk.mail(sender=f"<{'a' * 400}@customer.example>")
    assert (await desk.ticket(taken))["subject"] == "My order"
    (said,) = (await desk.api.ok("GET", f"/threads/{taken['thread_id']}/messages"))["items"]
    assert said["address"] == "a" * 320


async def test_a_forged_address_for_answers_begins_nothing(desk: Desk) -> None:
    taken = await desk.mail(to=f"reply+{'a' * 20}@mail.example.com")
    assert (taken["kind"], taken["thread_id"], await desk.tickets()) == ("unmatched", None, [])


async def test_absence_notes_lists_and_our_own_mail_open_no_ticket(desk: Desk) -> None:
    automatic = await desk.mail(headers="Auto-Submitted: auto-replied\r\n")
    mailing = await desk.mail(headers="Precedence: bulk\r\n")
    own = await desk.mail(sender=SUPPORT)
    former = {"slug": "former", "kind": "email", "address": "former@example.com"}
    await desk.api.ok("POST", "/channels", former, status=201)
    await desk.api.ok("PATCH", "/channels/former", {"active": False})
    of_old = await desk.mail(sender="former@example.com")
    assert [each["thread_id"] for each in (automatic, mailing, own, of_old)] == [None, None, None, None]
    assert (automatic["kind"], own["kind"], await desk.tickets()) == ("automatic", "unmatched", [])


async def test_two_programs_that_answer_each_other_open_no_tickets_for_ever(desk: Desk) -> None:
    taken = [await desk.mail(subject=f"Thank you for your mail {n}") for n in range(12)]
    assert len(await desk.tickets()) == 10
    assert [each["kind"] for each in taken[9:]] == ["opened", "automatic", "automatic"]
    assert {each["thread_id"] for each in taken[9:]} == {taken[9]["thread_id"]}
    assert await desk.said(taken[9]) == [("contact", "opened a ticket"), ("automatic", None), ("automatic", None)]
    assert (await desk.mail(sender="bo@customer.example"))["kind"] == "opened"


@pytest.mark.parametrize("sender", ["Kim <kim@example.com>", "nobody@@nowhere"], ids=["colleague", "no address"])
async def test_a_program_that_is_no_contact_opens_no_tickets_for_ever_either(desk: Desk, sender: str) -> None:
    await desk.user()
    await desk.mail(sender="Bo <bo@@nowhere>")
    taken = [await desk.mail(sender=sender, subject=f"Away {n}") for n in range(12)]
    assert [each["kind"] for each in taken[8:]] == ["opened", "opened", "automatic", "automatic"]
    assert {each["thread_id"] for each in taken[9:]} == {taken[9]["thread_id"]}


async def test_a_colleague_who_writes_to_the_desk_is_no_contact(desk: Desk) -> None:
    user = await desk.user()
    taken = await desk.mail(sender="Kim <kim@example.com>")
    assert (await desk.thread(taken))["contact_id"] is None
    (said,) = (await desk.api.ok("GET", f"/threads/{taken['thread_id']}/messages"))["items"]
    assert (said["author"], said["user_id"], said["effect"]) == ("personal_mailbox", user, "opened a ticket")


async def test_a_colleague_of_the_customer_whose_ticket_it_is_too_may_answer(desk: Desk) -> None:
    taken = await desk.mail()
    await desk.move(taken, "Closed")
    bo = await desk.api.create("contact", email="bo@customer.example")
    await desk.mail(answers=taken["message_id"], sender="bo@customer.example")
    assert await desk.stage(taken) == "Closed"
    ticket = (await desk.thread(taken))["ticket_id"]
    await desk.api.ok("PUT", f"/records/ticket/{ticket}/associations/contact/{bo['id']}", {}, status=204)
    await desk.mail(answers=taken["message_id"], sender="bo@customer.example")
    assert await desk.stage(taken) == "New"


async def test_a_mail_to_two_channels_is_of_the_one_named_first(desk: Desk) -> None:
    sales = {"slug": "sales", "kind": "email", "address": "Sales@Example.com"}
    await desk.api.ok("POST", "/channels", sales, status=201)
    taken = await desk.mail(to=f"sales@example.com, {SUPPORT}")
    assert (await desk.thread(taken))["channel"] == "sales"
    assert len(await desk.tickets()) == 1


async def test_who_answers_about_a_deleted_ticket_gets_a_new_one(desk: Desk) -> None:
    taken = await desk.mail()
    first = (await desk.thread(taken))["ticket_id"]
    await desk.api.ok("DELETE", f"/records/ticket/{first}", status=204)
    again = await desk.mail(answers=taken["message_id"])
    assert again["thread_id"] == taken["thread_id"]
    assert (await desk.said(taken))[-1] == ("contact", "its ticket was deleted; opened a ticket")
    assert (await desk.thread(taken))["ticket_id"] != first


async def test_each_ticket_gets_what_its_channel_fills_in(desk: Desk) -> None:
    await desk.api.ok("PATCH", "/channels/support", {"properties": {"priority": "high"}, "stage": "Waiting on us"})
    made = await desk.ticket(await desk.mail())
    assert (made["priority"], made["stage"]) == ("high", "Waiting on us")


async def test_the_ticket_of_a_contact_is_its_company_s_as_well(desk: Desk) -> None:
    company = await desk.api.create("company", name="Berg & Co")
    contact = await desk.api.create("contact", email=ANA)
    path = f"/records/contact/{contact['id']}/associations/company/{company['id']}"
    await desk.api.ok("PUT", path, {"label": "primary"}, status=204)
    ticket = (await desk.ticket(await desk.mail()))["id"]
    near = await desk.api.ok("GET", f"/records/ticket/{ticket}/associations")
    assert {each["id"] for each in near["items"]} == {contact["id"], company["id"]}


async def test_a_merged_contact_takes_its_conversations_along(desk: Desk) -> None:
    taken = await desk.mail()
    await desk.move(taken, "Closed")
    whose = (await desk.thread(taken))["contact_id"]
    into = await desk.api.create("contact", email="ana@new.example")
    await desk.api.ok("POST", f"/records/contact/{whose}/merge", {"into": into["id"]})
    assert (await desk.thread(taken))["contact_id"] == into["id"]
    await desk.mail(answers=taken["message_id"], sender="ana@new.example")
    assert await desk.stage(taken) == "New"


@pytest.mark.parametrize("how", ["merged", "address changed"])
async def test_a_contact_who_has_another_address_by_now_answers_from_the_old_one(desk: Desk, how: str) -> None:
    taken = await desk.mail()
    await desk.move(taken, "Closed")
    whose = (await desk.thread(taken))["contact_id"]
    if how == "merged":
        into = await desk.api.create("contact", email="ana@new.example")
        await desk.api.ok("POST", f"/records/contact/{whose}/merge", {"into": into["id"]})
    else:
        await desk.api.ok("PATCH", f"/records/contact/{whose}", {"properties": {"email": "ana@new.example"}})
    assert (await desk.mail(answers=taken["message_id"], sender="eve@x.example"))["kind"] == "other"
    assert (await desk.mail(answers=taken["message_id"]))["kind"] == "reply"
    assert (await desk.said(taken))[1:] == [("other", None), ("contact", "Closed → New")]


async def test_an_old_address_that_another_contact_has_by_now_is_that_one_s(desk: Desk) -> None:
    taken = await desk.mail()
    await desk.move(taken, "Closed")
    whose = (await desk.thread(taken))["contact_id"]
    await desk.api.ok("PATCH", f"/records/contact/{whose}", {"properties": {"email": "ana@new.example"}})
    await desk.api.create("contact", email=ANA)
    assert (await desk.mail(answers=taken["message_id"]))["kind"] == "other"
    assert await desk.stage(taken) == "Closed"


async def test_conversations_are_shown_to_those_who_may_read_messages(lite: Caller) -> None:
    blind = await lite.with_scopes("records:read", "records:write")
    assert (await blind.problem("GET", "/threads", status=403))["detail"] == "this key lacks the scope messages:read"
