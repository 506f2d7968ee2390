"""What colleagues write by mail: sent once by a run of its own, and answered in its thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.ports import Mail
from domain.records import Cause
from gateways.mime import build_message
from services.conversations.mailing import Letter, answer_in
from services.records.records import begin_write
from services.running.carrying import with_thread
from tests.conversations.desk import ANA, SUPPORT
from tests.fixtures.incoming import answer_to, report_of
from tests.fixtures.running import Running
from tests.fixtures.smtp_sink import AtData, SmtpSink, smtp_sink
from tests.fixtures.temporal import dev_server
from tests.runs.mailing import mailing, take

__all__ = ["dev_server", "smtp_sink"]

ON_SENT = {"sent": {"on": True, "stage": "Waiting on contact"}}
QUESTION = f"From: Ana <{ANA}>\r\nTo: {SUPPORT}\r\nSubject: My order\r\nMessage-ID: <q@x>\r\n\r\nWhere is it?"


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    async with mailing(dev_server, database_url, tmp_path, smtp_sink) as found:
        await found.call("POST", "/channels", {"slug": "support", "kind": "email", "address": SUPPORT})
        yield found


async def kim(ft: Running) -> str:
    return str((await ft.call("POST", "/users", {"name": "Kim Lund", "email": "kim@example.com"}))["id"])


async def asked(ft: Running) -> Any:
    """A ticket that a mail opened: its thread."""
    return await ft.call("GET", f"/threads/{(await take(ft, QUESTION.encode()))['thread_id']}")


async def stage(ft: Running, thread: Any) -> Any:
    return (await ft.call("GET", f"/records/ticket/{thread['ticket_id']}"))["properties"]["stage"]


async def last(ft: Running, thread: Any) -> Any:
    return (await ft.call("GET", f"/threads/{thread['id']}/messages"))["items"][-1]


async def sent(ft: Running, thread: Any, status: str = "sent") -> Any:
    async def is_so() -> bool:
        return bool((await last(ft, thread))["status"] == status)

    await ft.until(is_so, f"the mail is {status}")
    return await last(ft, thread)


async def reply(ft: Running, thread: Any, user: str, **more: Any) -> Any:
    body = {"text": "It is on its way.\nKim", "user": user, **more}
    return await ft.call("POST", f"/threads/{thread['id']}/messages", body)


async def test_rule_3_a_mail_from_the_ticket_moves_it_and_its_answer_comes_back_to_the_thread(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    thread, user = await asked(ft), await kim(ft)
    assert (await reply(ft, thread, user))["effect"] is None
    await sent(ft, thread)
    await ft.call("PATCH", "/pipelines/ticket/default", {"status_from_email": ON_SENT})
    assert (await reply(ft, thread, user))["effect"] == "New → Waiting on contact"
    await sent(ft, thread)
    received = smtp_sink.received[-1]
    mail = message_from_bytes(received.content, policy=default)
    assert (received.recipients, mail["From"], mail["Subject"]) == ([ANA], f"Kim Lund <{SUPPORT}>", "Re: My order")
    assert mail["References"].split()[0] == "<q@x>"
    assert mail["Reply-To"].startswith("reply+")
    await ft.call("PATCH", f"/records/ticket/{thread['ticket_id']}", {"properties": {"stage": "Closed"}})
    answered = await take(ft, answer_to(received, threaded=False))
    assert (answered["kind"], answered["thread_id"]) == ("reply", thread["id"])
    assert await stage(ft, thread) == "New"


async def test_a_mail_whose_subject_and_id_no_header_holds_is_answered_all_the_same(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    odd = QUESTION.replace("My order", "=?utf-8?q?My=07order?=").replace("<q@x>", "<q\x07@x>")
    thread = await ft.call("GET", f"/threads/{(await take(ft, odd.encode()))['thread_id']}")
    await reply(ft, thread, await kim(ft))
    await sent(ft, thread)
    mail = message_from_bytes(smtp_sink.received[-1].content, policy=default)
    assert (mail["Subject"], mail["References"]) == ("Re: My order", None)


def test_however_long_a_conversation_of_short_ids_is_it_can_be_answered() -> None:
    mail = Mail(
        key="k", message_id="m@example.com", sender=SUPPORT, to=ANA, subject="s", html="h", text="t",
        at=datetime(2026, 11, 23, tzinfo=UTC),
    )  # fmt: skip
    ids = [f"{n}@x" for n in range(150)]
    named = message_from_bytes(build_message(with_thread(mail, ids)), policy=default)["References"].split()
    assert (named[0], named[-1], len(named) > 80) == ("<0@x>", "<149@x>", True)


async def test_rule_3_a_mail_from_the_record_of_the_contact_moves_no_ticket(ft: Running, smtp_sink: SmtpSink) -> None:
    await ft.call("PATCH", "/pipelines/ticket/default", {"status_from_email": ON_SENT})
    thread, user = await asked(ft), await kim(ft)
    await reply(ft, thread, user, sent_from="contact")
    await sent(ft, thread)
    body = {"channel": "support", "subject": "Hello", "text": "How are you?", "user": user}
    apart = await ft.call("POST", "/threads", {**body, "contact": thread["contact_id"]})
    assert (apart["ticket_id"], apart["effect"]) == (None, None)
    assert await stage(ft, thread) == "New"
    about = await ft.call("POST", "/threads", {**body, "ticket": thread["ticket_id"]})
    assert (about["ticket_id"], about["effect"]) == (thread["ticket_id"], "New → Waiting on contact")
    # A thread that a colleague began is not the one the ticket was created from.
    await sent(ft, {"id": about["thread_id"]})
    await ft.call(
        "PATCH", "/pipelines/ticket/default", {"status_from_email": {"replied": {"on": True, "stage": "Waiting on us"}}}
    )
    await take(ft, answer_to(smtp_sink.received[-1]))
    assert await stage(ft, thread) == "Waiting on contact"


async def test_rule_3_an_answer_by_mail_about_the_ticket_of_a_form_moves_it(ft: Running, smtp_sink: SmtpSink) -> None:
    await ft.call("POST", "/channels", {"slug": "form", "kind": "form", "address": "contact-us"})
    rules = {"replied": {"on": True, "stage": "Waiting on us"}}
    await ft.call("PATCH", "/pipelines/ticket/default", {"status_from_email": rules})
    received = {
        "id": "received", "kind": "action", "action": "send_email",
        "config": {"email": "ticket-received", "transactional": True},
    }  # fmt: skip
    await ft.call("PUT", "/pipelines/ticket/default/stages/New/automation", {"steps": [received]})
    filled_in = {
        "event": "form.submitted",
        "record": {"object": "contact", "by": {"email": ANA}, "create": True},
        "properties": {"form": "contact-us", "subject": "Delivery", "message": "Where is it?"},
    }
    await ft.call("POST", "/events", filled_in)

    async def arrived() -> bool:
        return len(smtp_sink.received) == 1

    await ft.until(arrived, "the contact was written to")
    answered = await take(ft, answer_to(smtp_sink.received[0]))
    thread = await ft.call("GET", f"/threads/{answered['thread_id']}")
    assert (thread["channel"], (await last(ft, thread))["effect"]) == ("form", "New → Waiting on us")


async def test_a_mail_waits_for_a_mail_server_that_is_away_and_is_sent_once(ft: Running, smtp_sink: SmtpSink) -> None:
    thread, user = await asked(ft), await kim(ft)
    await waits(ft, thread, user, smtp_sink)
    assert (await last(ft, thread))["status"] == "queued"
    smtp_sink.refusals = {}
    await sent(ft, thread)
    assert len(smtp_sink.received) == 1


async def test_what_cannot_be_sent_or_comes_back_is_told_to_whoever_wrote_it(ft: Running, smtp_sink: SmtpSink) -> None:
    thread, user = await asked(ft), await kim(ft)
    smtp_sink.refusals = {ANA: "550 5.7.1 not here"}
    await reply(ft, thread, user)
    assert "not here" in (await sent(ft, thread, "failed"))["detail"]
    smtp_sink.refusals = {}
    await reply(ft, thread, user)
    await sent(ft, thread)
    bounce = await take(ft, report_of(smtp_sink.received[-1]))
    assert (bounce["kind"], (await last(ft, thread))["status"]) == ("bounced", "bounced")
    told = (await ft.call("GET", f"/notifications?user={user}"))["items"]
    assert [each["title"] for each in told] == ["Your email came back", "Your email could not be sent"]
    refused = await ft.call("POST", f"/threads/{thread['id']}/messages", {"text": "x", "user": user}, expect=409)
    assert "bounced" in refused["detail"]


async def waits(ft: Running, thread: Any, user: str, smtp_sink: SmtpSink) -> None:
    """A mail that the mail server does not take yet; from now on it would."""
    smtp_sink.refusals = {ANA: "451 try later"}
    await reply(ft, thread, user)

    async def was_tried() -> bool:
        return "try later" in ((await last(ft, thread))["detail"] or "")

    await ft.until(was_tried, "it was tried")


async def test_a_mail_that_waited_is_not_sent_to_an_address_that_bounced_meanwhile(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    thread, user = await asked(ft), await kim(ft)
    await reply(ft, thread, user)
    await sent(ft, thread)
    await waits(ft, thread, user, smtp_sink)
    await take(ft, report_of(smtp_sink.received[-1]))
    smtp_sink.refusals = {}
    assert "bounced" in (await sent(ft, thread, "failed"))["detail"]
    assert len(smtp_sink.received) == 1


async def test_a_mail_that_waited_is_not_sent_to_a_contact_who_was_deleted_meanwhile(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    thread, user = await asked(ft), await kim(ft)
    await waits(ft, thread, user, smtp_sink)
    await ft.call("DELETE", f"/records/contact/{thread['contact_id']}", expect=204)
    smtp_sink.refusals = {}
    assert "deleted" in (await sent(ft, thread, "failed"))["detail"]
    assert smtp_sink.received == []


async def test_a_mail_whose_answer_was_lost_is_unknown_and_not_sent_again(ft: Running, smtp_sink: SmtpSink) -> None:
    thread, user = await asked(ft), await kim(ft)
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    await reply(ft, thread, user)
    assert "nobody knows" in (await sent(ft, thread, "unknown"))["detail"]
    assert len(smtp_sink.received) == 1
    (told,) = (await ft.call("GET", f"/notifications?user={user}"))["items"]
    assert told["title"] == "Nobody knows whether your email was sent"


async def test_the_same_order_twice_sends_one_mail(ft: Running, smtp_sink: SmtpSink) -> None:
    thread, user = await asked(ft), await kim(ft)
    path, body = f"/api/v1/threads/{thread['id']}/messages", {"text": "Once", "user": user}
    made = await asyncio.gather(
        *(ft.http.post(path, json=body, headers={"Idempotency-Key": "k"}) for _ in range(3))
    )  # fmt: skip
    assert 202 in {each.status_code for each in made}
    again = await ft.http.post(path, json=body, headers={"Idempotency-Key": "k"})
    assert again.status_code == 202
    await sent(ft, thread)
    assert len(smtp_sink.received) == 1


async def test_a_mail_written_while_temporal_was_away_is_begun_by_the_relay(ft: Running, smtp_sink: SmtpSink) -> None:

    thread, user = await asked(ft), await kim(ft)
    async with ft.inst.db.transaction() as tx:
        write = await begin_write(tx, ft.inst, Cause(kind="api"))
        await answer_in(tx, write, thread["id"], Letter(user_id=user, text="Later"))
    await sent(ft, thread)
    assert len(smtp_sink.received) == 1


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"channel": "none"}, 404, "no channel"),
        ({"user": "nobody"}, 404, "no user"),
        ({"ticket": "nobody"}, 404, "no ticket"),
        ({"subject": "  "}, 422, "subject is empty"),
        ({"channel": "chat"}, 422, "answer where the conversation is"),
    ],
)
async def test_a_mail_that_cannot_be_written_is_refused(
    ft: Running, smtp_sink: SmtpSink, body: dict[str, Any], status: int, words: str
) -> None:
    await ft.call("POST", "/channels", {"slug": "chat", "kind": "chat"})
    ticket = await ft.create("ticket", subject="Alone")
    whole = {"channel": "support", "ticket": ticket, "subject": "Hello", "text": "x", "user": await kim(ft), **body}
    refused = await ft.call("POST", "/threads", whole, expect=status)
    assert words in refused["detail"]
    alone = await ft.call(
        "POST",
        "/threads",
        {
            **whole,
            "channel": "support",
            "ticket": ticket,
            "subject": "s",
            "user": (await ft.call("GET", "/users"))["items"][0]["id"],
        },
        expect=409,
    )
    assert "the ticket has no contact" in alone["detail"]
    assert smtp_sink.received == []
