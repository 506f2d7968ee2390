"""A message under way while its enrollment is moved to a new version: it leaves once, whatever becomes of its step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import WorkflowEnvironment
from werkzeug import Request, Response

from gateways.mail import open_mail
from gateways.webhooks import HttpWebhooks
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import AtData, SmtpSink, smtp_sink
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.test_new_versions import moved
from tests.runs.walking import way

__all__ = ["smtp_sink"]


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    """An installation that sends through a real mail server, which takes its time to answer."""
    smtp_sink.at_data = AtData.STALL
    async with running(dev_server, app_url, tmp_path, work=False) as found:
        mail = open_mail(smtp_sink.url, tmp_path)
        found.inst = replace(found.inst, mail=mail, webhooks=HttpWebhooks(["127.0.0.1"]))
        await found.start_worker()
        yield found


async def under_way(ft: Running, sink: SmtpSink) -> str:
    """An enrollment whose message was handed over and not answered for."""
    await ft.publish(by_hand("letter", [email("hello", "Hello"), task("call", "Call"), gap(days=2)]))
    contact = await ft.create("contact", email="ana@example.com")
    taken = await ft.enroll("letter", "contact", contact)
    await sink.stalled.wait()
    return str(taken["enrollment_id"])


async def test_a_step_that_stays_waits_for_the_answer_and_sends_once(ft: Running, smtp_sink: SmtpSink) -> None:
    one = await under_way(ft, smtp_sink)
    await moved(ft, by_hand("letter", [email("hello", "Hello again"), task("new", "New"), gap(days=2)]))
    found = await ft.call("GET", f"/enrollments/{one}")

    noted: list[str] = []

    async def has_noted() -> bool:
        noted[:] = await ft.events(found)
        told = noted.index("WORKFLOW_EXECUTION_SIGNALED") if "WORKFLOW_EXECUTION_SIGNALED" in noted else len(noted)
        return "WORKFLOW_TASK_COMPLETED" in noted[told:]

    await ft.until(has_noted, "the run was told, and goes on in no other")
    assert "ACTIVITY_TASK_CANCEL_REQUESTED" not in noted
    assert [mail.recipients for mail in smtp_sink.received] == [["ana@example.com"]]
    smtp_sink.released.set()
    await ft.sleeps_at(one, "gap")
    found = await ft.call("GET", f"/enrollments/{one}")
    assert found["version"] == 2
    assert await way(ft, found) == [("hello", "done", None), ("new", "done", None), ("gap", None, None)]
    assert len(smtp_sink.received) == 1


async def test_a_step_that_is_gone_is_left_and_what_was_sent_is_known(ft: Running, smtp_sink: SmtpSink) -> None:
    one = await under_way(ft, smtp_sink)
    await moved(ft, by_hand("letter", [gap(days=2)]))
    await ft.sleeps_at(one, "gap")
    smtp_sink.released.set()

    async def is_sent() -> bool:
        (message,) = (await ft.call("GET", "/messages?workflow=letter"))["items"]
        return bool(message["status"] == "sent")

    await ft.until(is_sent, "the answer that came late is written down")
    # Where the step comes again later, it was done.
    await moved(ft, by_hand("letter", [gap(days=2), email("hello", "Hello"), gap("last", days=3)]))
    await ft.call("POST", f"/enrollments/{one}/skip-wait")
    await ft.sleeps_at(one, "last")
    found = await ft.call("GET", f"/enrollments/{one}")
    assert await way(ft, found) == [
        ("hello", "left", "new_version"), ("gap", "done", "by_hand"), ("hello", "skipped", "already_done"),
        ("last", None, None),
    ]  # fmt: skip
    assert len(smtp_sink.received) == 1


async def test_a_no_for_now_in_the_middle_of_publishing_drops_nobody(ft: Running, httpserver: HTTPServer) -> None:
    begun, go_on = Event(), Event()

    def slow(_: Request) -> Response:
        begun.set()
        go_on.wait(20)
        return Response("later", 503, headers={"Retry-After": "1"})

    httpserver.expect_ordered_request("/x").respond_with_handler(slow)
    httpserver.expect_ordered_request("/x").respond_with_data("{}", 200)
    call = {"id": "call", "kind": "action", "action": "send_webhook", "config": {"url": httpserver.url_for("/x")}}
    await ft.publish(by_hand("letter", [call, gap(days=2)]))
    one = (await ft.enroll("letter", "contact", await ft.create("contact", email="ana@example.com")))["enrollment_id"]
    await asyncio.to_thread(begun.wait, 20)
    await moved(ft, by_hand("letter", [{**call, "name": "Renamed"}, gap(days=3)]))
    go_on.set()
    await ft.sleeps_at(one, "gap")
    found = await ft.call("GET", f"/enrollments/{one}")
    assert await way(ft, found) == [("call", "done", None), ("gap", None, None)]
    assert len(httpserver.log) == 2
