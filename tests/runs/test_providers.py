"""What the mail service tells of a message that left through it, and what it means for the next one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from gateways.mail import open_mail
from services.telling.verifying import Verifying, verify_tables
from tests.fixtures.incoming import answer_to, report_of
from tests.fixtures.providers import Services, by_mailgun, by_sendgrid, id_of
from tests.fixtures.running import Running
from tests.fixtures.smtp_sink import AtData, SmtpSink, smtp_sink
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.mailing import events_of, mailing, take, welcomed
from tests.runs.walking import visit, way

__all__ = ["smtp_sink"]

BACK = {"id": "back", "kind": "wait", "for_event": {"event": "email.bounced", "step": "hello"}, "timeout": {"days": 9}}
STEPS = [email("hello", "Hello"), BACK, email("again", "Again")]
GONE = {"severity": "permanent", "reason": "bounce", "delivery-status": {"code": 550, "bounce-type": "hard"}}


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    async with mailing(dev_server, database_url, tmp_path, smtp_sink) as found:
        yield found


@pytest.fixture
async def services(ft: Running) -> Services:
    """Mail services whose keys the installation keeps."""
    found = Services(ft.http)
    await found.introduce()
    return found


def taken(answer: Any) -> dict[str, int]:
    """What came of a call, without what is nought."""
    assert answer.status_code == 200, answer.text
    return {name: count for name, count in answer.json().items() if count}


async def message(ft: Running) -> Any:
    return (await ft.call("GET", "/messages"))["items"][-1]


async def are_waiting(ft: Running, count: int) -> list[Any]:
    """The effects that runs wait for a decision about, once there are so many."""
    found: list[Any] = []

    async def are_there() -> bool:
        found[:] = (await ft.call("GET", "/effects?waiting=true"))["items"]
        return len(found) == count

    await ft.until(are_there, f"{count} effects wait for a decision")
    return found


async def suppressed(ft: Running) -> list[tuple[str, str, str]]:
    kept = (await ft.call("GET", "/suppressions"))["items"]
    return [(each["address"], each["reason"], each["source"]) for each in kept]


async def test_sendgrid_tells_and_the_next_email_is_skipped(
    ft: Running, services: Services, smtp_sink: SmtpSink
) -> None:
    inside, received = await welcomed(ft, smtp_sink, STEPS)
    sent = await message(ft)
    blocked = by_sendgrid(received, "bounce", type="blocked", status="5.2.2", reason="552 mailbox full")
    assert taken(await services.sendgrid(blocked, blocked)) == {"new": 2}
    assert taken(await services.sendgrid(blocked)) == {"known": 1}
    full = await message(ft)
    assert (full["status"], full["detail"]) == ("sent", "bounce: 5.2.2 552 mailbox full")
    nothing = [by_sendgrid(received, name) for name in ("processed", "open", "click")]
    elsewhere = {**by_sendgrid(received, "bounce"), "smtp-id": "<nobody@knows>"}
    other = by_sendgrid(received, "bounce", email="eve@example.com")
    at = datetime.fromisoformat(sent["created_at"]) + timedelta(milliseconds=1)
    arrived = by_sendgrid(received, "delivered", response="250 OK", timestamp=at.timestamp())
    assert taken(await services.sendgrid(*nothing, elsewhere, other, arrived)) == {
        "new": 1, "unmatched": 2, "ignored": 3,
    }  # fmt: skip
    assert (await message(ft))["status"] == "delivered"
    (event,) = await events_of(ft, "email.delivered")
    assert abs(datetime.fromisoformat(event["occurred_at"]) - at) < timedelta(microseconds=9)
    assert taken(await services.sendgrid(arrived, arrived)) == {"known": 2}
    assert await suppressed(ft) == []
    await ft.stands_at(inside, "back")

    # The same bounce, told four times at once, in one call with what was told before.
    bounced = by_sendgrid(received, "bounce", type="bounce", status="5.1.1", reason="550 no such user")
    answers = await asyncio.gather(*(services.sendgrid(arrived, bounced) for _ in range(4)))
    assert sum(taken(each).get("new", 0) for each in answers) == 1
    (event,) = await events_of(ft, "email.bounced")
    assert (event["step"], event["enrollment_id"]) == ("hello", inside)
    assert event["properties"] == {"message": sent["id"], "reason": "bounce: 5.1.1 550 no such user"}
    assert await way(ft, await ft.ended(inside)) == [
        ("hello", "done", None), ("back", "done", None), ("again", "skipped", "bounced"),
    ]  # fmt: skip
    assert await suppressed(ft) == [("ana@example.com", "bounced", "SendGrid")]
    contact = await ft.call("GET", f"/records/contact/{sent['record_id']}")
    assert contact["properties"]["email_status"] == "bounced"
    # What is told late takes nothing back, and a complaint is worse.
    assert taken(await services.sendgrid(arrived)) == {"known": 1}
    assert (await message(ft))["status"] == "bounced"
    assert taken(await services.sendgrid(by_sendgrid(received, "spamreport"))) == {"new": 1}
    assert (await message(ft))["status"] == "complained"
    assert len(await events_of(ft, "email.delivered")) == 1
    slug = sent["workflow"]
    (step, *_) = (await ft.call("GET", f"/workflows/{slug}/report"))["steps"]
    assert (step["sent"], step["complained"], step["delivered"], step["bounced"]) == (1, 1, 1, 0)


async def test_a_complaint_of_a_reader_made_unreadable_counts_and_a_bounce_does_not(
    ft: Running, services: Services, smtp_sink: SmtpSink
) -> None:
    _, received = await welcomed(ft, smtp_sink, STEPS)
    hidden = {"email": "redacted-2b1d@Example.COM"}
    bounced = by_sendgrid(received, "bounce", type="bounce", **hidden)
    elsewhere = by_sendgrid(received, "spamreport", email="redacted-2b1d@example.org")
    assert taken(await services.sendgrid(bounced, elsewhere)) == {"unmatched": 2}
    assert await suppressed(ft) == []
    assert taken(await services.sendgrid(by_sendgrid(received, "spamreport", **hidden))) == {"new": 1}
    assert await suppressed(ft) == [("ana@example.com", "complained", "SendGrid")]
    assert (await message(ft))["status"] == "complained"


async def test_mailgun_tells_and_no_email_goes_there_any_more(
    ft: Running, services: Services, smtp_sink: SmtpSink
) -> None:
    inside, received = await welcomed(ft, smtp_sink, STEPS)
    later = by_mailgun(received, "failed", severity="temporary", reason="generic")
    assert taken(await services.mailgun(later, token="b" * 50)) == {"new": 1}
    assert taken(await services.mailgun(by_mailgun(received, "delivered"), token="a" * 50)) == {"new": 1}
    assert await suppressed(ft) == []
    gone = by_mailgun(received, "failed", **GONE)
    assert taken(await services.mailgun(gone, token="c" * 50)) == {"new": 1}
    # The call is repeated as its answer was lost; somebody who caught its token tells something else with it.
    assert taken(await services.mailgun(gone, token="c" * 50)) == {"known": 1}
    forged = await services.mailgun(by_mailgun(received, "complained"), token="c" * 50)
    assert (forged.status_code, "another body" in forged.text) == (401, True)
    assert await way(ft, await ft.ended(inside)) == [
        ("hello", "done", None), ("back", "done", None), ("again", "skipped", "bounced"),
    ]  # fmt: skip
    assert await suppressed(ft) == [("ana@example.com", "bounced", "Mailgun")]


async def test_who_unsubscribes_at_the_service_gets_the_next_transactional_email_only(
    ft: Running, services: Services, smtp_sink: SmtpSink
) -> None:
    await ft.call("POST", "/subscription-types", {"slug": "news"})
    steps = [email("hello", "Hello"), gap(hours=1), email("news", "News"), email("invoice", "Invoice")]
    for step, transactional in zip((steps[0], steps[2], steps[3]), (True, False, True), strict=True):
        step["config"] |= {"transactional": transactional, **({} if transactional else {"subscription": "news"})}
    inside, received = await welcomed(ft, smtp_sink, steps)
    contact = (await message(ft))["record_id"]
    await ft.patch("contact", contact, marketing_status="marketing")
    wanted = {"subscriptions": {"news": "subscribed"}, "source": "form", "legal_basis": "consent"}
    await ft.call("PUT", f"/records/contact/{contact}/subscriptions", wanted)
    about = {"message_id": id_of(received), "recipient": "ana@example.com"}
    assert taken(await services.standard("email.unsubscribed", "msg_1", **about)) == {"new": 1}
    assert taken(await services.standard("email.unsubscribed", "msg_1", **about)) == {"known": 1}
    (event,) = await events_of(ft, "email.unsubscribed")
    assert event["properties"] == {"message": (await message(ft))["id"], "all": True, "how": "provider"}
    await ft.call("POST", f"/enrollments/{inside}/skip-wait", {})
    assert await way(ft, await ft.ended(inside)) == [
        ("hello", "done", None), ("gap", "done", "by_hand"), ("news", "skipped", "unsubscribed"),
        ("invoice", "done", None),
    ]  # fmt: skip


async def test_what_is_delivered_was_sent_though_its_answer_was_lost(
    ft: Running, services: Services, smtp_sink: SmtpSink
) -> None:
    """Whoever waits for a decision goes on, and what went on is set right."""
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    asks, leaves = email("hello", "Hello"), email("again", "Again")
    leaves["config"] |= {"on_unknown": "leave"}
    await ft.publish(by_hand("welcome", [leaves, asks, task("call", "Call")]))
    contact = await ft.create("contact", email="ana@example.com")
    inside = (await ft.enroll("welcome", "contact", contact))["enrollment_id"]
    await are_waiting(ft, 1)
    early, late = smtp_sink.received
    assert taken(await services.sendgrid(by_sendgrid(early, "delivered"))) == {"new": 1}
    deferred = by_sendgrid(late, "deferred", response="400 try again later")
    assert taken(await services.sendgrid(deferred)) == {"new": 1}
    over = await ft.ended(inside)
    assert await way(ft, over) == [("again", "done", None), ("hello", "done", None), ("call", "done", None)]
    effects = (await ft.call("GET", "/effects"))["items"]
    assert [(each["state"], each["waits"], each["attempt"]) for each in effects] == [("accepted", False, 1)] * 2
    shown = {each["step"]: each for each in (await ft.call("GET", "/messages"))["items"]}
    assert (shown["again"]["status"], shown["hello"]["status"]) == ("delivered", "sent")
    assert all(each["sent_at"] for each in shown.values())
    assert (await visit(ft, over, "hello"))["detail"] is None
    (first, second, *_) = (await ft.call("GET", "/workflows/welcome/report"))["steps"]
    assert [(each["sent"], each["unknown"], each["failed"]) for each in (first, second)] == [(1, 0, {})] * 2
    assert len(smtp_sink.received) == 2
    settled = await ft.call("POST", f"/effects/{effects[0]['key']}/settle", {"as": "failed"}, expect=409)
    assert settled["type"] == "urn:followthrough:problem:settled"


async def test_what_is_told_before_the_answer_is_lost_counts(
    ft: Running, services: Services, smtp_sink: SmtpSink
) -> None:
    smtp_sink.at_data = AtData.STALL
    await ft.publish(by_hand("slow", [email("hello", "Hello"), gap(days=9)]))
    inside = await ft.enroll("slow", "contact", await ft.create("contact", email="ana@example.com"))
    await asyncio.wait_for(smtp_sink.stalled.wait(), 30)
    assert taken(await services.sendgrid(by_sendgrid(smtp_sink.received[-1], "delivered"))) == {"new": 1}
    await smtp_sink.hang_up()
    smtp_sink.released.set()
    await ft.stands_at(inside["enrollment_id"], "gap")
    assert (await message(ft))["status"] == "delivered"
    (effect,) = (await ft.call("GET", "/effects"))["items"]
    assert (effect["state"], effect["attempt"]) == ("accepted", 1)


async def test_a_worker_that_ends_while_a_message_leaves_finds_that_it_arrived(
    ft: Running, services: Services, smtp_sink: SmtpSink
) -> None:
    smtp_sink.at_data = AtData.STALL
    await ft.publish(by_hand("slow", [email("hello", "Hello"), gap(days=9)]))
    inside = await ft.enroll("slow", "contact", await ft.create("contact", email="ana@example.com"))
    await asyncio.wait_for(smtp_sink.stalled.wait(), 30)
    await ft.stop_worker()
    (effect,) = (await ft.call("GET", "/effects"))["items"]
    assert effect["state"] == "handed_over"
    assert taken(await services.sendgrid(by_sendgrid(smtp_sink.received[-1], "delivered"))) == {"new": 1}
    smtp_sink.at_data = AtData.TAKE
    smtp_sink.released.set()
    await ft.start_worker()
    await ft.stands_at(inside["enrollment_id"], "gap")
    (effect,) = (await ft.call("GET", "/effects"))["items"]
    assert (effect["state"], effect["attempt"], len(smtp_sink.received)) == ("accepted", 1, 1)
    assert (await way(ft, {"id": inside["enrollment_id"]}))[0] == ("hello", "done", None)


async def test_of_many_recipients_each_is_settled_by_its_own_report(
    ft: Running, services: Services, smtp_sink: SmtpSink
) -> None:
    """Also where the run went on without knowing."""
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    steps = [email("hello", "Hello"), email("again", "Again")]
    for step, on_unknown in zip(steps, ("leave", "ask"), strict=True):
        to = {"addresses": [f"{name}@{step['id']}.example.com" for name in ("one", "two")]}
        step["config"] |= {"on_unknown": on_unknown, "to": to}
    await ft.publish(by_hand("welcome", [*steps, task("call", "Call {{ steps.again.sent }}")]))
    contact = await ft.create("contact", email="ana@example.com")
    inside = (await ft.enroll("welcome", "contact", contact))["enrollment_id"]
    await are_waiting(ft, 2)
    left = {each.recipients[0]: each for each in smtp_sink.received}
    told = [
        by_sendgrid(left["one@hello.example.com"], "delivered"),
        by_sendgrid(left["one@again.example.com"], "delivered"),
        by_sendgrid(left["two@again.example.com"], "bounce", type="bounce", reason="550 no such user"),
    ]
    assert taken(await services.sendgrid(*told[:2])) == {"new": 2}
    await are_waiting(ft, 1)
    assert taken(await services.sendgrid(*told)) == {"new": 1, "known": 2}
    over = await ft.ended(inside)
    assert await way(ft, over) == [("hello", "done", None), ("again", "done", None), ("call", "done", None)]
    assert (await ft.call("GET", "/tasks?workflow=welcome"))["items"][0]["title"] == "Call 2"
    states = [each["state"] for each in (await ft.call("GET", "/effects"))["items"]]
    assert sorted(states) == ["accepted", "accepted", "accepted", "unknown"]
    assert await suppressed(ft) == [("two@again.example.com", "bounced", "SendGrid")]
    # What nobody told of is still for somebody to decide; nothing else is odd.
    verifying = Verifying(inst=ft.inst, history_days=730, tell=lambda what, count: None, again_s=0)
    assert [each async for each in verify_tables(verifying)] == []
    assert len(smtp_sink.received) == 4


async def test_a_failure_that_somebody_decided_on_is_corrected(
    ft: Running, services: Services, smtp_sink: SmtpSink
) -> None:
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    await ft.publish(by_hand("welcome", [email("hello", "Hello"), task("call", "Call")]))
    contact = await ft.create("contact", email="ana@example.com")
    inside = (await ft.enroll("welcome", "contact", contact))["enrollment_id"]
    (effect,) = await are_waiting(ft, 1)
    await ft.call("POST", f"/effects/{effect['key']}/settle", {"as": "failed"})
    over = await ft.ended(inside)
    assert taken(await services.mailgun(by_mailgun(smtp_sink.received[0], "delivered"))) == {"new": 1}
    assert (await message(ft))["status"] == "delivered"
    assert (await ft.call("GET", f"/effects/{effect['key']}"))["state"] == "accepted"
    # The run took its way by what was decided, and its story says so.
    assert await way(ft, over) == [("hello", "failed", "gave_up"), ("call", "done", None)]


async def test_a_report_by_mail_settles_what_nobody_knew(ft: Running, smtp_sink: SmtpSink) -> None:
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    await ft.publish(by_hand("welcome", [email("hello", "Hello"), task("call", "Call")]))
    contact = await ft.create("contact", email="ana@example.com")
    inside = (await ft.enroll("welcome", "contact", contact))["enrollment_id"]
    await are_waiting(ft, 1)
    assert (await take(ft, report_of(smtp_sink.received[0], "5.2.2")))["kind"] == "soft_bounced"
    assert await way(ft, await ft.ended(inside)) == [("hello", "done", None), ("call", "done", None)]
    assert ((await message(ft))["status"], await suppressed(ft)) == ("sent", [])


async def test_a_domain_beyond_ascii_is_the_same_however_it_is_told(
    ft: Running, services: Services, smtp_sink: SmtpSink
) -> None:
    await ft.publish(by_hand("welcome", [email("hello", "Hello"), gap(days=9)]))
    contact = await ft.create("contact", email="ana@bücher.example.com")
    inside = (await ft.enroll("welcome", "contact", contact))["enrollment_id"]
    await ft.stands_at(inside, "gap")
    received = smtp_sink.received[-1]
    assert received.recipients == ["ana@xn--bcher-kva.example.com"]
    assert (await take(ft, answer_to(received)))["kind"] == "reply"
    bounced = by_sendgrid(received, "bounce", type="bounce", timestamp=1513299569)
    assert taken(await services.sendgrid(bounced)) == {"new": 1}
    assert await suppressed(ft) == [("ana@bücher.example.com", "bounced", "SendGrid")]
    # A clock that is wrong makes nothing happen before there was a message.
    (event,) = await events_of(ft, "email.bounced")
    assert event["occurred_at"] == (await message(ft))["created_at"]


async def test_sendgrid_is_told_what_to_call_a_message(
    ft: Running, services: Services, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    await ft.stop_worker()
    mail = open_mail(f"{smtp_sink.url}?service=sendgrid", tmp_path)
    ft.inst = replace(ft.inst, mail=mail)
    await ft.start_worker()
    _, received = await welcomed(ft, smtp_sink, STEPS)
    ours = id_of(received)
    assert b'X-SMTPAPI: {"unique_args": {"followthrough_message": "%s"}}\r\n' % ours.encode() in received.content
    assert message_from_bytes(received.content)["Subject"] == "Hello"
    named = {**by_sendgrid(received, "spamreport"), "followthrough_message": ours}
    del named["smtp-id"]
    assert taken(await services.sendgrid(named)) == {"new": 1}
    assert await suppressed(ft) == [("ana@example.com", "complained", "SendGrid")]
    await mail.close()
