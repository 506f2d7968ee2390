"""Beginning again where something failed: what is carried over, what is not done twice, and what still holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import WorkflowEnvironment

from domain.ports import WebhookAnswer, WebhookRequest
from gateways.mail import open_mail
from gateways.webhooks import HttpWebhooks
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import AtData, SmtpSink, smtp_sink
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.walking import visit, walked, way

__all__ = ["smtp_sink"]

ANA = "ana@example.com"
REFUSED = "550 5.7.1 not from you"


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    """An installation that sends through a real mail server, and may call this machine."""
    async with running(dev_server, app_url, tmp_path, work=False) as found:
        mail = open_mail(smtp_sink.url, tmp_path)
        found.inst = replace(found.inst, mail=mail, webhooks=HttpWebhooks(["127.0.0.1"]))
        await found.start_worker()
        yield found


def exiting(step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "on_error": "exit"}


async def retry(ft: Running, over: Any, step: str | None = None, **more: Any) -> Any:
    body = {} if step is None else {"step": step}
    return await ft.call("POST", f"/enrollments/{over['id']}/retry", body, **more)


async def titles(ft: Running) -> list[str]:
    return sorted(each["title"] for each in (await ft.call("GET", "/tasks?workflow=welcome"))["items"])


async def test_who_failed_begins_again_at_that_step_with_what_it_had(ft: Running, smtp_sink: SmtpSink) -> None:
    smtp_sink.refusals[ANA] = REFUSED
    hello = exiting(email("hello", "{{ parameters.offer }} {{ steps.first.task }}"))
    await ft.publish(
        by_hand(
            "welcome",
            [task("first", "First"), hello, task("call", "Call")],
            parameters=[{"name": "offer", "type": "string", "title": "Offer"}],
        )
    )
    contact = await ft.create("contact", email=ANA, first_name="Ana")
    over = await walked(ft, "welcome", "contact", contact, parameters={"offer": "Half off"})
    assert (over["end_reason"], over["end_detail"], over["retried_as"]) == ("failed", "hello: rejected", None)
    smtp_sink.refusals.clear()

    made = await retry(ft, over, expect=202)
    assert made["decision"] == "enrolled", "re-entry is off, and is not asked"
    assert (await retry(ft, over, expect=202))["enrollment_id"] == made["enrollment_id"]
    assert (await retry(ft, over, "hello"))["enrollment_id"] == made["enrollment_id"]
    assert (await retry(ft, over, "call", expect=409))["type"] == "urn:followthrough:problem:retried"

    again = await ft.ended(made["enrollment_id"])
    assert await way(ft, again) == [("hello", "done", None), ("call", "done", None)]
    assert again["retried_from"] == {"enrollment_id": over["id"], "step": "hello"}
    assert (await ft.call("GET", f"/enrollments/{over['id']}"))["retried_as"] == again["id"]
    assert again["temporal"]["workflow_id"].endswith(":2")
    assert (again["parameters"], await titles(ft)) == ({"offer": "Half off"}, ["Call", "First"])
    given = (await visit(ft, over, "first"))["result"]["task"]
    (message,) = [each for each in (await ft.call("GET", "/messages"))["items"] if each["status"] == "sent"]
    assert message["subject"] == f"Half off {given}"
    assert len(await ft.enrollments("welcome")) == 2
    assert "went through the step 'first'" in (await retry(ft, again, "first", expect=409))["detail"]


async def test_only_what_failed_is_done_again(ft: Running, smtp_sink: SmtpSink) -> None:
    smtp_sink.refusals[ANA] = REFUSED
    await ft.publish(by_hand("welcome", [email("hello", "Hello"), task("call", "Call"), email("bye", "Bye")]))
    over = await walked(ft, "welcome", "contact", await ft.create("contact", email=ANA))
    assert [outcome for _, outcome, _ in await way(ft, over)] == ["failed", "done", "failed"]
    smtp_sink.refusals.clear()
    again = await ft.ended((await retry(ft, over))["enrollment_id"])
    assert await way(ft, again) == [("hello", "done", None), ("call", "skipped", "already_done"), ("bye", "done", None)]
    assert (await titles(ft), len(smtp_sink.received)) == (["Call"], 2)


async def test_what_was_accepted_is_not_sent_again_even_where_somebody_names_its_step(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    await ft.publish(by_hand("welcome", [email("hello", "Hello"), exiting(email("bye", "Bye {{ contact.city }}"))]))
    smtp_sink.refusals["bye@example.com"] = REFUSED
    contact = await ft.create("contact", email=ANA)
    taken = await ft.enroll("welcome", "contact", contact)
    over = await ft.ended(taken["enrollment_id"])
    assert over["end_reason"] == "completed"
    refused = await retry(ft, over, expect=409)
    assert "none of its steps failed" in refused["detail"]
    again = await ft.ended((await retry(ft, over, "hello"))["enrollment_id"])
    assert [outcome for _, outcome, _ in await way(ft, again)] == ["skipped", "skipped"]
    assert len(smtp_sink.received) == 2


async def test_a_lost_answer_that_was_left_is_sent_again_by_order(ft: Running, smtp_sink: SmtpSink) -> None:
    hello = email("hello", "Hello")
    hello["config"]["on_unknown"] = "leave"
    await ft.publish(by_hand("welcome", [hello, task("call", "Call")]))
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    over = await walked(ft, "welcome", "contact", await ft.create("contact", email=ANA))
    smtp_sink.at_data = AtData.TAKE
    again = await ft.ended((await retry(ft, over))["enrollment_id"])
    assert await way(ft, again) == [("hello", "done", None), ("call", "skipped", "already_done")]
    assert len(smtp_sink.received) == 2


async def test_the_current_version_is_run_and_has_to_have_the_step(ft: Running, smtp_sink: SmtpSink) -> None:
    await ft.call("POST", "/emails", {"slug": "hi", "subject": "Hi", "html": "<p>Hi</p>"})
    hello = {"id": "hello", "kind": "action", "action": "send_email", "on_error": "exit",
             "config": {"email": "hi", "transactional": True}}  # fmt: skip
    await ft.publish(by_hand("welcome", [hello]))
    contact = await ft.create("contact", email=ANA)
    taken = await ft.enroll("welcome", "contact", contact)
    over = await ft.ended(taken["enrollment_id"])
    assert over["end_reason"] == "completed"

    await ft.publish(by_hand("welcome", [exiting({**email("hello", "One"), "id": "other"})]))
    bea = await ft.create("contact", email="bea@example.com")
    smtp_sink.refusals["bea@example.com"] = REFUSED
    failed = await walked(ft, "welcome", "contact", bea)
    smtp_sink.refusals.clear()
    await ft.publish(by_hand("welcome", [email("hello", "Two")]))
    assert "has no step 'other' any more" in (await retry(ft, failed, expect=409))["detail"]
    wrong = await retry(ft, failed, "helo", expect=422)
    assert wrong["errors"][0]["path"] == "/step"
    again = await ft.ended((await retry(ft, failed, "hello"))["enrollment_id"])
    assert (again["version"], await way(ft, again)) == (3, [("hello", "done", None)])


async def test_suppression_being_inside_and_being_off_hold_for_a_retry_too(ft: Running, smtp_sink: SmtpSink) -> None:
    smtp_sink.refusals[ANA] = REFUSED
    entry = {"suppress": {"property": "city", "op": "is", "value": "Oslo"}, "re_entry": {"allowed": True}}
    await ft.publish(by_hand("welcome", [exiting(email("hello", "Hello")), gap(days=1)], entry=entry))
    contact = await ft.create("contact", email=ANA)
    over = await walked(ft, "welcome", "contact", contact)
    smtp_sink.refusals.clear()

    await ft.patch("contact", contact, city="Oslo")
    refused = await retry(ft, over, expect=200)
    assert (refused["decision"], refused["enrollment_id"]) == ("suppressed", None)
    await ft.patch("contact", contact, city="Bergen")
    await ft.call("POST", "/workflows/welcome/turn-off", {})
    assert (await retry(ft, over, expect=200))["decision"] == "workflow_off"
    await ft.call("POST", "/workflows/welcome/turn-on", {})
    inside = (await ft.enroll("welcome", "contact", contact))["enrollment_id"]
    await ft.sleeps_at(inside, "gap")
    assert (await retry(ft, over, expect=200))["enrollment_id"] == inside
    assert "nothing of it failed" in (await ft.call("POST", f"/enrollments/{inside}/retry", {}, expect=409))["detail"]
    await ft.call("POST", f"/enrollments/{inside}/unenroll", {})
    left = await ft.ended(inside)
    assert "ended as unenrolled" in (await retry(ft, left, expect=409))["detail"]
    await ft.call("DELETE", f"/records/contact/{contact}")
    assert (await retry(ft, over, expect=200))["decision"] == "no_record"
    assert (await ft.call("POST", "/enrollments/nobody/retry", {}, expect=404))["status"] == 404


async def test_what_waits_for_another_try_is_tried_at_once(ft: Running, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/x").respond_with_data("later", 503)
    httpserver.expect_ordered_request("/x").respond_with_data("{}", 200)
    call = {"id": "call", "kind": "action", "action": "send_webhook", "config": {"url": httpserver.url_for("/x")}}
    await ft.publish(by_hand("welcome", [call]))
    taken = (await ft.enroll("welcome", "contact", await ft.create("contact", email=ANA)))["enrollment_id"]

    async def is_stuck() -> bool:
        effects = (await ft.call("GET", f"/effects?enrollment={taken}&state=retry"))["items"]
        pending = (await ft.run(await ft.call("GET", f"/enrollments/{taken}")).describe()).raw_description
        return bool(effects) and any(each.attempt > 1 for each in pending.pending_activities)

    await ft.until(is_stuck, "the other side said not now")
    wrong = await ft.call("POST", f"/enrollments/{taken}/retry", {"step": "other"}, expect=422)
    assert "move it there" in wrong["detail"]
    made = await ft.call("POST", f"/enrollments/{taken}/retry", {}, expect=202)
    assert (made["decision"], made["enrollment_id"]) == ("tried_again", taken)
    # The next try by itself is a minute away.
    over = await ft.ended(taken)
    assert await way(ft, over) == [("call", "done", None)]
    assert len(httpserver.log) == 2


async def test_what_broke_off_is_tried_at_once_and_what_is_under_way_is_left_alone(
    ft: Running, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/x").respond_with_data("{}", 200)
    first, arrived, goes_on = HttpWebhooks.send, asyncio.Event(), asyncio.Event()

    async def breaks_off(self: HttpWebhooks, request: WebhookRequest) -> WebhookAnswer:
        await first(self, request)
        arrived.set()
        await goes_on.wait()
        raise RuntimeError("the worker broke off")

    monkeypatch.setattr(HttpWebhooks, "send", breaks_off)
    call = {"id": "call", "kind": "action", "action": "send_webhook", "config": {"url": httpserver.url_for("/x")}}
    await ft.publish(by_hand("welcome", [call]))
    taken = (await ft.enroll("welcome", "contact", await ft.create("contact", email=ANA)))["enrollment_id"]
    await arrived.wait()
    under_way = await ft.call("POST", f"/enrollments/{taken}/retry", {}, expect=409)
    assert "is being tried this moment" in under_way["detail"]
    goes_on.set()

    async def is_stuck() -> bool:
        pending = (await ft.run(await ft.call("GET", f"/enrollments/{taken}")).describe()).raw_description
        return any(each.attempt > 1 for each in pending.pending_activities)

    await ft.until(is_stuck, "the attempt broke off")
    assert [each["state"] for each in (await ft.call("GET", f"/effects?enrollment={taken}"))["items"]] == [
        "handed_over"
    ]
    monkeypatch.undo()
    made = await ft.call("POST", f"/enrollments/{taken}/retry", {}, expect=202)
    assert (made["decision"], made["enrollment_id"]) == ("tried_again", taken)
    # The next try by itself is a minute away.
    over = await ft.ended(taken)
    assert await way(ft, over) == [("call", "done", None)]
    assert len(httpserver.log) == 2


@pytest.mark.parametrize("kind", ["inside", "outside"])
@pytest.mark.parametrize("on_error", ["continue", "exit", "by_hand"])
async def test_after_a_failure_the_run_goes_where_on_error_says(
    ft: Running, smtp_sink: SmtpSink, kind: str, on_error: str
) -> None:
    user = await ft.call("POST", "/users", {"name": "Kim", "email": "kim@example.com"})
    smtp_sink.refusals[ANA] = REFUSED
    failing = email("hello", "Hello") if kind == "outside" else task("hello", "Hello", assignee=user["id"])
    steps = [{**failing, "on_error": on_error}, task("next", "Next"), task("by_hand", "By hand")]
    await ft.publish(by_hand("welcome", steps))
    await ft.forget_user(user["id"])
    over = await walked(ft, "welcome", "contact", await ft.create("contact", email=ANA))
    reason = "rejected" if kind == "outside" else "broken_reference"
    after, end = {
        "continue": (["next", "by_hand"], ("completed", None)),
        "exit": ([], ("failed", f"hello: {reason}")),
        "by_hand": (["by_hand"], ("completed", None)),
    }[on_error]
    assert await way(ft, over) == [("hello", "failed", reason), *((step, "done", None) for step in after)]
    assert (over["end_reason"], over["end_detail"]) == end
