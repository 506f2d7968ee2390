"""Mail that comes in, from the message that left through a real mail server to the run its answer ends or leads on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.fixtures.incoming import absence_of, answer_to
from tests.fixtures.running import Running
from tests.fixtures.smtp_sink import SmtpSink, smtp_sink
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.mailing import events_of, mailing, take, welcomed
from tests.runs.walking import way

__all__ = ["smtp_sink"]

STOPS = {"stop_on_reply": True}


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    async with mailing(dev_server, app_url, tmp_path, smtp_sink) as found:
        yield found


@pytest.fixture
async def ft_both(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    async with mailing(dev_server, database_url, tmp_path, smtp_sink) as found:
        yield found


async def test_an_answer_ends_its_run_and_an_absence_note_does_not(ft_both: Running, smtp_sink: SmtpSink) -> None:
    ft = ft_both
    steps = [email("hello", "Hello"), gap(days=9), task("call", "Call")]
    taken, received = await welcomed(ft, smtp_sink, steps, exit=STOPS)
    (message,) = (await ft.call("GET", "/messages"))["items"]
    away = await take(ft, absence_of(received))
    assert (away["kind"], away["answers"], away["event_id"]) == ("automatic", message["id"], None)
    await ft.settled()
    await ft.stands_at(taken, "gap")

    # Many ways lead here at once: two relays of the provider, each trying again.
    answers = await asyncio.gather(
        *(take(ft, answer_to(received, ("Received", f"by mx{n % 2}.example"))) for n in range(6))
    )
    assert sorted(each["status"] for each in answers) == ["accepted", *["duplicate"] * 5]
    assert {(each["id"], each["kind"]) for each in answers} == {(answers[0]["id"], "reply")}
    (event,) = await events_of(ft, "message.replied")
    assert (event["enrollment_id"], event["step"]) == (taken, "hello")
    assert event["properties"] == {"message": message["id"], "mail": answers[0]["id"]}
    over = await ft.ended(taken)
    assert over["end_reason"] == "replied"
    assert await way(ft, over) == [("hello", "done", None), ("gap", "left", "replied")]

    first, second = (await ft.call("GET", f"/inbound/emails?record={over['record']['id']}"))["items"]
    assert (first["kind"], first["sender"], first["subject"], first["text"]) == (
        "reply", "ana@example.com", "Re: Hello", "Yes, please.",
    )  # fmt: skip
    assert (first["event_id"], second["kind"]) == (event["id"], "automatic")
    assert (await ft.call("GET", "/inbound/emails?kind=reply"))["items"] == [first]
    items = (await ft.call("GET", f"/records/contact/{over['record']['id']}/timeline"))["items"]
    told = [(item["words"], item["workflow"], item["step"]) for item in items if item["kind"] == "mail"]
    assert told == [
        ("answered by email: Re: Hello", "welcome", "hello"),
        ("a program answered by email: Re: Hello", "welcome", "hello"),
    ]


async def test_a_wait_for_an_answer_goes_on_with_it_though_the_mail_names_no_message(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    waits = {"id": "asked", "kind": "wait", "for_event": {"event": "message.replied", "step": "hello"},
             "timeout": {"days": 9}}  # fmt: skip
    taken, received = await welcomed(ft, smtp_sink, [email("hello", "Hello"), waits, task("call", "Call")])
    forgetful = answer_to(received, threaded=False)
    assert (await take(ft, absence_of(received)))["event_id"] is None
    assert b"In-Reply-To" not in forgetful
    assert (await take(ft, forgetful))["kind"] == "reply"
    assert await way(ft, await ft.ended(taken)) == [
        ("hello", "done", None), ("asked", "done", None), ("call", "done", None),
    ]  # fmt: skip


async def test_an_answer_counts_for_the_contact_alone(ft: Running, smtp_sink: SmtpSink) -> None:
    taken, received = await welcomed(ft, smtp_sink, [email("hello", "Hello"), gap(days=9)], exit=STOPS)
    (message,) = (await ft.call("GET", "/messages"))["items"]
    await ft.call("POST", "/users", {"name": "Kim", "email": "kim@house.example"})
    await ft.create("contact", email="eve@example.com")
    handed_on = await take(ft, answer_to(received, sender="Eve <eve@example.com>", id="eve@x"))
    assert (handed_on["kind"], handed_on["answers"], handed_on["event_id"]) == ("other", message["id"], None)
    assert handed_on["record_id"] == message["record_id"]
    guessed = answer_to(received, threaded=False, id="guessed@x")
    token = guessed.partition(b"reply+")[2][:20]
    forged = await take(ft, guessed.replace(token, b"abcdefghij2345672345"))
    assert (forged["kind"], forged["answers"], forged["record_id"]) == ("unmatched", None, message["record_id"])
    colleague = await take(ft, answer_to(received, sender="Kim <KIM@house.example>", id="kim@x"))
    (event,) = await events_of(ft, "message.sent_by_user")
    assert (colleague["kind"], colleague["event_id"]) == ("sent_by_user", event["id"])
    assert (event["step"], event["record"]["id"]) == ("hello", message["record_id"])
    await ft.settled()
    await ft.stands_at(taken, "gap")
    assert await events_of(ft, "message.replied") == []

    # Ana's program names what Kim wrote and nothing else; she has another address by now.
    await ft.patch("contact", message["record_id"], email="ana@new.example")
    late = answer_to(received, ("In-Reply-To", "<kim@x>"), sender="ana@new.example", threaded=False, id="late@x")
    late = late.replace(b"reply+" + token, b"reply")
    assert (await take(ft, late))["kind"] == "reply"
    assert (await ft.ended(taken))["end_reason"] == "replied"


async def test_any_contact_of_an_opportunity_may_answer_for_it(ft: Running, smtp_sink: SmtpSink) -> None:
    await ft.publish({**by_hand("deal", [email("hello", "Hello"), gap(days=9)], exit=STOPS), "object": "opportunity"})
    deal = await ft.create("opportunity", name="Big one")
    for name in ("ana", "bo"):
        await ft.associate("opportunity", deal, "contact", await ft.create("contact", email=f"{name}@example.com"))
    stranger = await ft.create("contact", email="eve@example.com")
    taken = (await ft.enroll("deal", "opportunity", deal))["enrollment_id"]
    await ft.stands_at(taken, "gap")
    (received,) = smtp_sink.received
    (to,) = received.recipients
    other = next(f"{name}@example.com" for name in ("ana", "bo") if f"{name}@example.com" != to)
    assert (await take(ft, answer_to(received, sender="eve@example.com", id="eve@x")))["kind"] == "other"
    answer = await take(ft, answer_to(received, sender=other))
    assert answer["kind"] == "reply"
    assert (await ft.call("GET", f"/records/contact/{answer['record_id']}"))["properties"]["email"] == other
    assert answer["record_id"] != stranger
    assert (await ft.ended(taken))["end_reason"] == "replied"
