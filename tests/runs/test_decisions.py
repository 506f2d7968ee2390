"""Nobody knows whether a message arrived: the run waits, somebody decides, and it goes on by that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from gateways.mail import open_mail
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import AtData, SmtpSink, smtp_sink
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.walking import visit, walked, way

__all__ = ["smtp_sink"]

ANA = "ana@example.com"


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    """An installation that sends through a real mail server, which takes the content and never answers."""
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    async with running(dev_server, app_url, tmp_path, work=False) as found:
        found.inst = replace(found.inst, mail=open_mail(smtp_sink.url, tmp_path))
        await found.start_worker()
        yield found


def sending(**config: Any) -> dict[str, Any]:
    step = email("hello", "Hello")
    return {**step, "config": {**step["config"], **config}}


async def waiting(ft: Running, count: int = 1) -> list[Any]:
    """The effects that runs wait for a decision about, once there are so many."""
    found: list[Any] = []

    async def are_there() -> bool:
        found[:] = (await ft.call("GET", "/effects?waiting=true"))["items"]
        return len(found) == count

    await ft.until(are_there, f"{count} effects wait for a decision")
    return found


async def asked(ft: Running, sink: SmtpSink, *steps: dict[str, Any]) -> tuple[str, Any]:
    """Somebody whose run waits for a decision, behind a mail server that works again: enrollment and effect."""
    await ft.publish(by_hand("welcome", [sending(), *steps]))
    contact = await ft.create("contact", email=ANA, first_name="Ana")
    taken = (await ft.enroll("welcome", "contact", contact))["enrollment_id"]
    (effect,) = await waiting(ft)
    sink.at_data = AtData.TAKE
    return taken, effect


async def decide(ft: Running, effect: Any, settlement: str, **more: Any) -> Any:
    return await ft.call("POST", f"/effects/{effect['key']}/settle", {"as": settlement, **more})


async def report_of(ft: Running, step: str) -> Any:
    report = await ft.call("GET", "/workflows/welcome/report")
    return next(each for each in report["steps"] if each["step"] == step)


@pytest.mark.parametrize(
    ("settlement", "hello", "status", "received"),
    [
        ("accepted", ("hello", "done", None), "sent", 1),
        ("failed", ("hello", "failed", "gave_up"), "failed", 1),
        ("resend", ("hello", "done", None), "sent", 2),
    ],
)
async def test_a_transactional_message_whose_answer_was_lost_waits_until_somebody_decides(
    ft: Running, smtp_sink: SmtpSink, settlement: str, hello: Any, status: str, received: int
) -> None:
    taken, effect = await asked(ft, smtp_sink, task("call", "Call"))
    enrollment = await ft.call("GET", f"/enrollments/{taken}")
    stood = await visit(ft, enrollment, "hello")
    assert (enrollment["status"], enrollment["step"], enrollment["wakes_at"]) == ("active", "hello", None)
    assert stood["words"].startswith("waiting (nobody knows whether it arrived; waiting for a decision of whoever may")
    assert (stood["undecided"], stood["decisions"]) == ([effect["key"]], [])
    assert "nobody knows whether it arrived" in await ft.details(enrollment)
    assert (effect["state"], effect["waits"], effect["words"]) == ("unknown", True, "nobody knows whether it arrived")
    assert (await ft.call("GET", f"/messages/{effect['message_id']}"))["status"] == "unknown"

    made = await decide(ft, effect, settlement, note="she called")
    (decision,) = made["decisions"]
    assert (decision["settled_as"], decision["note"], made["waits"]) == (settlement, "she called", False)

    over = await ft.ended(taken)
    assert await way(ft, over) == [hello, ("call", "done", None)]
    message = await ft.call("GET", f"/messages/{effect['message_id']}")
    assert (message["status"], len(smtp_sink.received)) == (status, received)
    settled = await visit(ft, over, "hello")
    assert (settled["undecided"], settled["decisions"]) == ([], [decision])
    assert decision["words"].startswith("decided ")
    assert decision["words"].endswith(": she called")
    again = await ft.call("POST", f"/effects/{effect['key']}/settle", {"as": "accepted"}, expect=409)
    assert again["type"] == "urn:followthrough:problem:settled"


async def test_what_is_sent_once_more_and_lost_again_is_asked_again(ft: Running, smtp_sink: SmtpSink) -> None:
    taken, effect = await asked(ft, smtp_sink)
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    await decide(ft, effect, "resend")
    (again,) = await waiting(ft)
    assert (again["key"], again["attempt"], len(smtp_sink.received)) == (effect["key"], 2, 2)
    await decide(ft, again, "accepted")
    over = await ft.ended(taken)
    told = [each["settled_as"] for each in (await visit(ft, over, "hello"))["decisions"]]
    assert (told, len(smtp_sink.received)) == (["resend", "accepted"], 2)


async def test_marketing_goes_on_and_a_decision_afterwards_sets_the_figures_right(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    await ft.publish(by_hand("welcome", [sending(on_unknown="leave"), task("call", "Call")]))
    over = await walked(ft, "welcome", "contact", await ft.create("contact", email=ANA))
    other = await walked(ft, "welcome", "contact", await ft.create("contact", email="bea@example.com"))
    assert await way(ft, over) == [("hello", "failed", "unknown"), ("call", "done", None)]
    assert ((await report_of(ft, "hello"))["failed"], await waiting(ft, 0)) == ({"unknown": 2}, [])
    first, second = (await ft.call("GET", "/effects?state=unknown&workflow=welcome"))["items"]
    assert {first["enrollment_id"], second["enrollment_id"]} == {over["id"], other["id"]}
    mine, hers = (first, second) if first["enrollment_id"] == over["id"] else (second, first)

    refused = await ft.call("POST", f"/effects/{mine['key']}/settle", {"as": "resend"}, expect=409)
    assert refused["type"] == "urn:followthrough:problem:gone_on"
    await decide(ft, mine, "accepted")
    await decide(ft, hers, "failed", note="it never came")

    assert await way(ft, over) == [("hello", "done", None), ("call", "done", None)]
    figures = await report_of(ft, "hello")
    assert (figures["done"], figures["failed"], figures["sent"], figures["unknown"]) == (1, {"gave_up": 1}, 1, 0)
    assert len(smtp_sink.received) == 2
    assert (await ft.call("GET", f"/enrollments/{over['id']}"))["end_reason"] == "completed"


async def test_who_says_resend_gets_it_sent_again_without_being_asked(ft: Running, smtp_sink: SmtpSink) -> None:
    await ft.publish(by_hand("welcome", [sending(on_unknown="resend")]))
    taken = (await ft.enroll("welcome", "contact", await ft.create("contact", email=ANA)))["enrollment_id"]

    async def was_tried() -> bool:
        return bool(smtp_sink.received)

    await ft.until(was_tried, "the message was handed over")
    smtp_sink.at_data = AtData.TAKE
    over = await ft.ended(taken)
    assert (await way(ft, over), len(smtp_sink.received) > 1) == ([("hello", "done", None)], True)


async def test_who_waits_for_a_decision_leaves_like_anybody_who_waits(ft: Running, smtp_sink: SmtpSink) -> None:
    taken, effect = await asked(ft, smtp_sink)
    await ft.call("POST", f"/enrollments/{taken}/unenroll", {})
    over = await ft.ended(taken)
    assert (await way(ft, over), await waiting(ft, 0)) == ([("hello", "left", "unenrolled")], [])
    refused = await ft.call("POST", f"/effects/{effect['key']}/settle", {"as": "resend"}, expect=409)
    assert "does not wait" in refused["detail"]
    assert (await decide(ft, effect, "accepted"))["state"] == "accepted"
    assert await way(ft, over) == [("hello", "left", "unenrolled")]
    assert (await ft.call("GET", f"/messages/{effect['message_id']}"))["status"] == "sent"


async def test_who_waits_for_a_decision_can_be_moved_on_and_paused(ft: Running, smtp_sink: SmtpSink) -> None:
    taken, effect = await asked(ft, smtp_sink, gap(days=1))
    await ft.call("POST", f"/enrollments/{taken}/pause", {})
    await decide(ft, effect, "resend")
    await ft.settled()
    assert len(smtp_sink.received) == 1, "who is paused sends nothing"
    await ft.call("POST", f"/enrollments/{taken}/resume", {})
    await ft.sleeps_at(taken, "gap")
    assert len(smtp_sink.received) == 2

    smtp_sink.at_data = AtData.HANG_UP_AFTER
    await ft.call("POST", f"/enrollments/{taken}/move-to", {"step": "hello"})
    await waiting(ft)
    await ft.call("POST", f"/enrollments/{taken}/move-to", {"step": "gap"})
    await ft.sleeps_at(taken, "gap")
    assert await waiting(ft, 0) == []


async def test_many_recipients_of_one_step_wait_for_the_one_nobody_knows_of(ft: Running, smtp_sink: SmtpSink) -> None:
    config = {"to": {"addresses": ["one@example.com", "two@example.com"]}, "on_unknown": "ask"}
    await ft.publish(by_hand("welcome", [sending(**config), task("call", "Call {{ steps.hello.sent }}")]))
    taken = (await ft.enroll("welcome", "contact", await ft.create("contact", email=ANA)))["enrollment_id"]
    one, two = await waiting(ft, 2)
    smtp_sink.at_data = AtData.TAKE
    await decide(ft, one, "accepted")
    assert [each["key"] for each in await waiting(ft)] == [two["key"]]
    await decide(ft, two, "resend")
    over = await ft.ended(taken)
    assert await way(ft, over) == [("hello", "done", None), ("call", "done", None)]
    assert (await ft.call("GET", "/tasks?workflow=welcome"))["items"][0]["title"] == "Call 2"
    assert len(smtp_sink.received) == 3
