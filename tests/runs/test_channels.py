"""A mail server that refuses: for now means later, for good means failed, and who left gets nothing any more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from gateways.mail import open_mail
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import SmtpSink, smtp_sink
from tests.runs.definitions import by_hand, email, task
from tests.runs.walking import walked, way

__all__ = ["smtp_sink"]

ANA = "ana@example.com"


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    """An installation that sends through a real mail server."""
    async with running(dev_server, app_url, tmp_path, work=False) as found:
        found.inst = replace(found.inst, mail=open_mail(smtp_sink.url, tmp_path))
        await found.start_worker()
        yield found


async def refused(ft: Running, sink: SmtpSink, **parts: Any) -> tuple[str, str]:
    """A contact whose email was refused for now; its id and that of its enrollment."""
    sink.refusals[ANA] = "451 4.3.0 try again later"
    await ft.publish(by_hand("welcome", [email("hello", "Hello"), task("call", "Call")], **parts))
    contact = await ft.create("contact", email=ANA, first_name="Ana")
    taken = (await ft.enroll("welcome", "contact", contact))["enrollment_id"]

    async def was_tried() -> bool:
        return sink.connections > 0

    await ft.until(was_tried, "the message was tried")
    await ft.stands_at(taken, "hello")
    return contact, taken


async def statuses(ft: Running) -> list[str]:
    return [message["status"] for message in (await ft.call("GET", "/messages?workflow=welcome"))["items"]]


async def test_a_mail_server_that_refuses_for_now_delays_a_person_and_drops_nobody(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    _, taken = await refused(ft, smtp_sink)
    assert await statuses(ft) == ["queued"]
    assert (await ft.call("GET", f"/enrollments/{taken}"))["status"] == "active"
    smtp_sink.refusals.clear()
    over = await ft.ended(taken)
    assert await way(ft, over) == [("hello", "done", None), ("call", "done", None)]
    assert [mail.recipients for mail in smtp_sink.received] == [[ANA]]
    assert await statuses(ft) == ["sent"]


@pytest.mark.parametrize("on_error", ["continue", "exit"])
async def test_an_address_refused_for_good_fails_the_step_and_the_run_goes_where_on_error_says(
    ft: Running, smtp_sink: SmtpSink, on_error: str
) -> None:
    smtp_sink.refusals[ANA] = "550 5.1.1 no such mailbox"
    await ft.publish(by_hand("welcome", [{**email("hello", "Hello"), "on_error": on_error}, task("call", "Call")]))
    over = await walked(ft, "welcome", "contact", await ft.create("contact", email=ANA))
    after, end = {
        "continue": ([("call", "done", None)], ("completed", None)),
        "exit": ([], ("failed", "hello: rejected")),
    }[on_error]
    assert await way(ft, over) == [("hello", "failed", "rejected"), *after]
    assert (over["end_reason"], over["end_detail"]) == end
    assert (smtp_sink.received, await statuses(ft)) == ([], ["failed"])


async def test_who_is_taken_out_during_an_outage_leaves_at_once_and_gets_nothing_afterwards(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    _, taken = await refused(ft, smtp_sink)
    await ft.call("POST", f"/enrollments/{taken}/unenroll", {})
    over = await ft.ended(taken)
    assert over["end_reason"] == "unenrolled"
    smtp_sink.refusals.clear()
    # Somebody else's message goes out, so the channel is open again.
    other = await ft.create("contact", email="bea@example.com")
    await walked(ft, "welcome", "contact", other)
    assert [mail.recipients for mail in smtp_sink.received] == [["bea@example.com"]]
    assert await way(ft, over) == [("hello", "left", "unenrolled")]
    assert sorted(await statuses(ft)) == ["failed", "sent"]


async def test_a_goal_reached_during_an_outage_ends_the_run_at_once(ft: Running, smtp_sink: SmtpSink) -> None:
    goals = [
        {"id": "g1", "name": "Customer", "where": {"property": "lifecycle_stage", "op": "is", "value": "customer"}}
    ]
    contact, taken = await refused(ft, smtp_sink, exit={"goals": goals})
    await ft.patch("contact", contact, lifecycle_stage="customer")
    over = await ft.ended(taken)
    assert (over["end_reason"], over["end_detail"], smtp_sink.received) == ("goal", "g1", [])


async def test_a_reusable_email_is_sent_as_it_is_then_and_once_archived_it_fails_its_step(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    said = {"slug": "hello", "subject": "Hello {{ contact.first_name }}", "html": "<p>One</p>"}
    await ft.call("POST", "/emails", said)
    step = {"id": "hi", "kind": "action", "action": "send_email", "config": {"email": "hello", "transactional": True}}
    await ft.publish(by_hand("welcome", [step]))

    async def sent(address: str, name: str) -> tuple[Any, list[Any]]:
        over = await walked(ft, "welcome", "contact", await ft.create("contact", email=address, first_name=name))
        return await way(ft, over), (await ft.call("GET", f"/messages?enrollment={over['id']}"))["items"]

    way_of_ana, (first,) = await sent(ANA, "Ana")
    await ft.call("PATCH", "/emails/hello", {"html": "<p>Two</p>"})
    way_of_bea, (second,) = await sent("bea@example.com", "Bea")
    assert way_of_ana == way_of_bea == [("hi", "done", None)]
    assert [(each["subject"], each["text"], each["email"], each["email_version"]) for each in (first, second)] == [
        ("Hello Ana", "One", "hello", 1), ("Hello Bea", "Two", "hello", 2),
    ]  # fmt: skip
    assert [b"Two" in mail.content for mail in smtp_sink.received] == [False, True]

    assert (await ft.call("POST", "/emails/hello/test", {"to": ["kim@example.com"]}))["items"][0]["outcome"] == "sent"
    report = await ft.call("GET", "/workflows/welcome/report")
    (figures,) = [each for each in report["steps"] if each["step"] == "hi"]
    assert figures["sent"] == 2
    assert len((await ft.call("GET", "/messages"))["items"]) == 2

    await ft.call("PATCH", "/emails/hello?even_if_used=true", {"archived": True})
    assert await sent("cy@example.com", "Cy") == ([("hi", "failed", "broken_reference")], [])


async def test_many_recipients_of_one_step_get_one_each_though_one_of_them_has_to_wait(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    config = {
        "subject": "About {{ opportunity.product }}", "html": "<p>Hi {{ contact.first_name }}</p>",
        "to": {"associated": {"object": "contact", "match": "all"}}, "transactional": True,
    }  # fmt: skip
    follow_up = task("call", "Call {{ steps.tell.sent }}")
    telling = {"id": "tell", "kind": "action", "action": "send_email", "config": config}
    await ft.publish({**by_hand("deal", [telling, follow_up]), "object": "opportunity"})
    deal = await ft.create("opportunity", product="GTX Pro")
    for name in ("Ana", "Bea", "Cy"):
        contact = await ft.create("contact", email=f"{name.lower()}@example.com", first_name=name)
        await ft.associate("opportunity", deal, "contact", contact)
    smtp_sink.refusals["bea@example.com"] = "451 4.3.0 try again later"
    taken = (await ft.enroll("deal", "opportunity", deal))["enrollment_id"]

    async def two_have_it() -> bool:
        return len(smtp_sink.received) == 2

    await ft.until(two_have_it, "those who are not refused have it")
    assert (await ft.call("GET", f"/enrollments/{taken}"))["status"] == "active"
    smtp_sink.refusals.clear()
    over = await ft.ended(taken)
    assert await way(ft, over) == [("tell", "done", None), ("call", "done", None)]
    assert sorted(mail.recipients[0] for mail in smtp_sink.received) == [
        "ana@example.com", "bea@example.com", "cy@example.com",
    ]  # fmt: skip
    found = (await ft.call("GET", "/messages?workflow=deal"))["items"]
    assert {(each["text"], each["status"]) for each in found} == {
        (f"Hi {name}", "sent") for name in ("Ana", "Bea", "Cy")
    }
    assert [each["title"] for each in (await ft.call("GET", "/tasks?workflow=deal"))["items"]] == ["Call 3"]


MJML = """<mjml><mj-body><mj-section><mj-column><mj-text>Hi {{ contact.city }}</mj-text></mj-column></mj-section>
</mj-body></mjml>"""


def text(id: str, words: str) -> dict[str, Any]:
    """A step that sends a text message."""
    return {"id": id, "kind": "action", "action": "send_sms", "config": {"text": words, "transactional": True}}


async def test_what_cannot_be_written_for_somebody_fails_the_step_and_nothing_of_it_leaves(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    said = {"subject": "{{ contact.city | default: 'Far' }}", "mjml": MJML, "transactional": True}
    steps = [
        email("s0", "{{ contact.city }}"),
        email("s1", "Late {{ steps.s0.message }}"),
        {"id": "s2", "kind": "action", "action": "send_email", "config": said},
        text("s3", "{{ steps.s0.message }}"),
        text("s4", "Hello"),
    ]
    await ft.publish(by_hand("welcome", steps))
    over = await walked(ft, "welcome", "contact", await ft.create("contact", email=ANA, phone="+1 000"))
    assert await way(ft, over) == [
        ("s0", "failed", "bad_template"), ("s1", "failed", "bad_template"), ("s2", "done", None),
        ("s3", "skipped", "invalid_address"), ("s4", "skipped", "invalid_address"),
    ]  # fmt: skip
    (mail,) = smtp_sink.received
    assert b"Subject: Far" in mail.content
    assert b"<mj-" not in mail.content
    assert ft.outbox("sms") == []
    # A value that came with line breaks becomes no header.
    bea = await ft.create("contact", email="bea@example.com", city="Bergen\r\nBcc: eve@example.com")
    await walked(ft, "welcome", "contact", bea)
    to_bea = [mail for mail in smtp_sink.received if mail.recipients == ["bea@example.com"]]
    assert len(to_bea) == 3
    heads = [mail.content.partition(b"\r\n\r\n")[0].lower() for mail in to_bea]
    assert not any(line.startswith(b"bcc") for head in heads for line in head.splitlines())
