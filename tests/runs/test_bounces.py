"""What mail servers report of a message that left, and what it means for the next one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.fixtures.incoming import bare_report_of, complaint_of, report_of
from tests.fixtures.running import Running
from tests.fixtures.smtp_sink import AtData, SmtpSink, smtp_sink
from tests.runs.definitions import by_hand, email, gap
from tests.runs.mailing import events_of, mailing, take, welcomed
from tests.runs.walking import way

__all__ = ["smtp_sink"]

WAITS = {"id": "back", "kind": "wait", "for_event": {"event": "email.bounced", "step": "hello"}, "timeout": {"days": 9}}
STEPS = [email("hello", "Hello"), WAITS, email("again", "Again")]


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    async with mailing(dev_server, database_url, tmp_path, smtp_sink) as found:
        yield found


async def message(ft: Running) -> Any:
    return (await ft.call("GET", "/messages"))["items"][-1]


async def test_after_a_bounce_the_next_email_is_skipped(ft: Running, smtp_sink: SmtpSink) -> None:
    taken, received = await welcomed(ft, smtp_sink, STEPS)
    sent = await message(ft)
    arrived = await take(ft, report_of(received, "2.1.5", action="delivered", id="ok@mx"))
    assert arrived["kind"] == "report"
    assert (await message(ft))["status"] == "delivered"
    full = await take(ft, report_of(received, "5.2.2", id="full@mx"))
    other = await take(ft, report_of(received, about="eve@example.com", id="other@mx"))
    lost = await take(ft, report_of(received, id="lost@mx").replace(sent["message_id"].encode(), b"nobody@knows"))
    assert [each["kind"] for each in (full, other, lost)] == ["soft_bounced", "other", "unmatched"]
    assert [each["event_id"] for each in (full, other, lost)] == [None] * 3
    await ft.settled()
    await ft.stands_at(taken, "back")
    assert (await ft.call("GET", "/suppressions"))["items"] == []

    # The same bounce, told by two servers at once.
    told = await asyncio.gather(*(take(ft, report_of(received, id=f"{n % 2}@mx")) for n in range(4)))
    assert {each["kind"] for each in told} == {"bounced"}
    (event,) = await events_of(ft, "email.bounced")
    assert (event["step"], event["enrollment_id"]) == ("hello", taken)
    assert event["properties"] == {"message": sent["id"], "reason": "bounced: 550 5.1.1 it is so"}
    assert await way(ft, await ft.ended(taken)) == [
        ("hello", "done", None), ("back", "done", None), ("again", "skipped", "bounced"),
    ]  # fmt: skip
    contact = await ft.call("GET", f"/records/contact/{sent['record_id']}")
    assert contact["properties"]["email_status"] == "bounced"
    (kept,) = (await ft.call("GET", "/suppressions"))["items"]
    assert (kept["address"], kept["reason"], kept["source"]) == ("ana@example.com", "bounced", "mail that came in")
    assert (await message(ft))["status"] == "bounced"
    slug = (await message(ft))["workflow"]
    (step, *_) = (await ft.call("GET", f"/workflows/{slug}/report"))["steps"]
    assert (step["sent"], step["bounced"], step["delivered"]) == (1, 1, 0)
    assert len((await ft.call("GET", f"/workflows/{slug}/report/hello/bounced"))["items"]) == 1
    # What is told afterwards takes nothing back, and a complaint is worse.
    await take(ft, report_of(received, "2.1.5", action="delivered", id="late@mx"))
    assert (await message(ft))["status"] == "bounced"
    assert (await take(ft, complaint_of(received)))["kind"] == "complained"
    assert (await message(ft))["status"] == "complained"
    assert len(await events_of(ft, "email.complained")) == 1
    assert len(await events_of(ft, "email.delivered")) == 1


async def test_a_report_that_is_quicker_than_the_answer_of_the_server_stays(ft: Running, smtp_sink: SmtpSink) -> None:
    smtp_sink.at_data = AtData.STALL
    await ft.publish(by_hand("slow", [email("hello", "Hello"), gap(days=9)]))
    taken = await ft.enroll("slow", "contact", await ft.create("contact", email="ana@example.com"))
    await asyncio.wait_for(smtp_sink.stalled.wait(), 30)
    await take(ft, report_of(smtp_sink.received[-1]))
    smtp_sink.released.set()
    await ft.stands_at(taken["enrollment_id"], "gap")
    found = await message(ft)
    assert (found["status"], found["detail"]) == ("bounced", "bounced: 550 5.1.1 it is so")
    assert found["sent_at"] is not None
    assert (await ft.call("GET", "/effects"))["items"][0]["state"] == "accepted"


async def test_a_report_that_returns_nothing_finds_its_message_by_where_it_came(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    ft.inst = replace(ft.inst, takes_bounces=True)
    await ft.stop_worker()
    await ft.start_worker()
    steps = [email("hello", "Hello"), gap(days=9)]
    steps[0]["config"]["reply_to"] = "desk@example.com"
    _, received = await welcomed(ft, smtp_sink, steps)
    assert re.fullmatch(r"reply\+[a-z2-7]{20}@in\.example\.com", received.sender)
    ours = message_from_bytes(received.content)
    assert (ours["Reply-To"], ours["From"]) == ("desk@example.com", "Followthrough <hello@example.com>")
    assert (await take(ft, bare_report_of(received)))["kind"] == "unmatched"
    came = await take(ft, bare_report_of(received, id="again@mx"), sender="", recipient=received.sender)
    assert (came["kind"], came["answers"]) == ("bounced", (await message(ft))["id"])


async def test_a_complaint_that_hides_its_reader_is_of_who_got_the_message(ft: Running, smtp_sink: SmtpSink) -> None:
    _, received = await welcomed(ft, smtp_sink, STEPS)
    other = await take(ft, complaint_of(received, id="other@mx", about="somebody@elsewhere.example"))
    assert other["kind"] == "other"
    hidden = await take(ft, complaint_of(received, about="redacted-9f2c@example.com"))
    assert hidden["kind"] == "complained"
    assert (await message(ft))["status"] == "complained"


async def test_an_address_that_the_mail_server_does_not_know_gets_nothing_more(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    smtp_sink.refusals["ana@example.com"] = "550 5.1.1 no such user"
    smtp_sink.refusals["bo@example.com"] = "550 5.7.1 not from you"
    await ft.publish(by_hand("two", [email("hello", "Hello"), email("again", "Again")]))
    for name, then in (("ana", ("skipped", "bounced")), ("bo", ("failed", "rejected"))):
        contact = await ft.create("contact", email=f"{name}@example.com")
        over = await ft.ended((await ft.enroll("two", "contact", contact))["enrollment_id"])
        assert await way(ft, over) == [("hello", "failed", "rejected"), ("again", *then)]
    (kept,) = (await ft.call("GET", "/suppressions"))["items"]
    assert (kept["address"], kept["reason"]) == ("ana@example.com", "bounced")
