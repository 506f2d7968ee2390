"""A step that writes to several: each gets it once, whatever became of the others and whoever begins again."""

from __future__ import annotations

from collections import Counter
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
from tests.runs.test_new_versions import moved
from tests.runs.walking import walked, way

__all__ = ["smtp_sink"]

ANA = "ana@example.com"
BOTH = ["one@example.com", "two@example.com"]
REFUSED, LATER = "550 5.7.1 not today", "450 4.2.1 try later"


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    """An installation that sends through a real mail server."""
    async with running(dev_server, app_url, tmp_path, work=False) as found:
        found.inst = replace(found.inst, mail=open_mail(smtp_sink.url, tmp_path))
        await found.start_worker()
        yield found


def to_both(**config: Any) -> dict[str, Any]:
    hello = email("hello", "Hello")
    return {**hello, "config": {**hello["config"], "to": {"addresses": BOTH}, **config}}


def got(sink: SmtpSink) -> Counter[str]:
    return Counter(mail.recipients[0] for mail in sink.received)


async def entered(ft: Running, slug: str) -> str:
    contact = await ft.create("contact", email=ANA)
    return str((await ft.enroll(slug, "contact", contact))["enrollment_id"])


async def states(ft: Running, enrollment_id: str) -> list[str]:
    found = (await ft.call("GET", f"/effects?enrollment={enrollment_id}"))["items"]
    return sorted(each["state"] for each in found)


async def one_waits(ft: Running, busy: str, sink: SmtpSink, step: dict[str, Any]) -> str:
    """An enrollment of which one message was taken and one is told to come later."""
    await ft.publish(by_hand("welcome", [step, gap(days=2)]))
    sink.refusals[busy] = LATER
    taken = await entered(ft, "welcome")

    async def waits() -> bool:
        return await states(ft, taken) == ["accepted", "retry"]

    await ft.until(waits, "one was taken and one waits")
    return taken


async def test_behind_the_figures_is_each_message_also_where_pages_are_short(ft: Running, smtp_sink: SmtpSink) -> None:
    await ft.publish(by_hand("welcome", [to_both()]))
    for address in (ANA, "bo@example.com"):
        await walked(ft, "welcome", "contact", await ft.create("contact", email=address))
    (step,) = (await ft.call("GET", "/workflows/welcome/report"))["steps"]
    pages, cursor = 0, ""
    while True:
        page = await ft.call("GET", f"/workflows/welcome/report/hello/sent?limit=1{cursor}")
        pages += len(page["items"])
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert pages == step["sent"] == 4


@pytest.mark.parametrize("bad", BOTH)
async def test_who_begins_again_writes_to_those_who_got_nothing(ft: Running, smtp_sink: SmtpSink, bad: str) -> None:
    await ft.publish(by_hand("welcome", [to_both()]))
    smtp_sink.refusals[bad] = REFUSED
    over = await walked(ft, "welcome", "contact", await ft.create("contact", email=ANA))
    again = await ft.call("POST", f"/enrollments/{over['id']}/retry", {"step": "hello"})
    second = await ft.ended(again["enrollment_id"])
    assert await way(ft, second) == [("hello", "failed", "rejected")]
    smtp_sink.refusals.clear()
    # Also where the passage before had taken up another one there.
    last = await ft.ended((await ft.call("POST", f"/enrollments/{second['id']}/retry", {}))["enrollment_id"])
    assert await way(ft, last) == [("hello", "done", None)]
    assert got(smtp_sink) == dict.fromkeys(BOTH, 1)


@pytest.mark.parametrize("busy", BOTH)
async def test_of_many_one_that_waits_is_tried_at_once(ft: Running, smtp_sink: SmtpSink, busy: str) -> None:
    taken = await one_waits(ft, busy, smtp_sink, to_both())
    smtp_sink.refusals.clear()
    await ft.call("POST", f"/enrollments/{taken}/retry", {}, expect=202)
    await ft.sleeps_at(taken, "gap")
    assert got(smtp_sink) == dict.fromkeys(BOTH, 1)


@pytest.mark.parametrize("busy", BOTH)
async def test_a_step_that_comes_again_in_a_later_version_was_done(ft: Running, smtp_sink: SmtpSink, busy: str) -> None:
    taken = await one_waits(ft, busy, smtp_sink, to_both())
    await moved(ft, by_hand("welcome", [gap(days=2)]))
    await ft.sleeps_at(taken, "gap")
    smtp_sink.refusals.clear()
    await moved(ft, by_hand("welcome", [gap(days=2), to_both(), gap("last", days=3)]))
    await ft.call("POST", f"/enrollments/{taken}/skip-wait")
    await ft.sleeps_at(taken, "last")
    assert sum(got(smtp_sink).values()) == 1


async def test_behind_a_goto_that_leads_on_nothing_is_done_again(ft: Running, smtp_sink: SmtpSink) -> None:
    jump = {"id": "jump", "kind": "goto", "to": "bye", "max_visits": 1}
    hello = {**to_both(), "config": {**to_both()["config"], "to": {"addresses": BOTH[:1]}}}
    await ft.publish(by_hand("welcome", [hello, jump, task("mid", "Mid"), email("bye", "Bye"), task("call", "Call")]))
    smtp_sink.refusals[BOTH[0]] = REFUSED
    over = await walked(ft, "welcome", "contact", await ft.create("contact", email=ANA))
    smtp_sink.refusals.clear()
    again = await ft.ended((await ft.call("POST", f"/enrollments/{over['id']}/retry", {}))["enrollment_id"])
    assert await way(ft, again) == [
        ("hello", "done", None), ("jump", "done", None), ("bye", "skipped", "already_done"),
        ("call", "skipped", "already_done"),
    ]  # fmt: skip
    assert got(smtp_sink) == {ANA: 1, BOTH[0]: 1}


async def test_a_round_that_a_goto_leads_back_to_is_done_anew(ft: Running, smtp_sink: SmtpSink) -> None:
    back = {"id": "back", "kind": "goto", "to": "mid", "max_visits": 1}
    hello = {**to_both(), "config": {**to_both()["config"], "to": {"addresses": BOTH[:1]}}}
    await ft.publish(by_hand("welcome", [hello, task("mid", "Mid"), back]))
    smtp_sink.refusals[BOTH[0]] = REFUSED
    over = await walked(ft, "welcome", "contact", await ft.create("contact", email=ANA))
    smtp_sink.refusals.clear()
    again = await ft.ended((await ft.call("POST", f"/enrollments/{over['id']}/retry", {}))["enrollment_id"])
    assert [(step, outcome) for step, outcome, _ in await way(ft, again)] == [
        ("hello", "done"), ("mid", "skipped"), ("back", "done"), ("mid", "done"), ("back", "done"),
    ]  # fmt: skip


@pytest.mark.parametrize("bad", BOTH)
async def test_a_retry_of_all_leaves_out_what_may_have_arrived(ft: Running, smtp_sink: SmtpSink, bad: str) -> None:
    await ft.publish(by_hand("welcome", [to_both(on_unknown="leave")]))
    smtp_sink.refusals[bad] = REFUSED
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    over = await walked(ft, "welcome", "contact", await ft.create("contact", email=ANA))
    assert await states(ft, over["id"]) == ["refused", "unknown"]
    assert (await ft.call("POST", "/workflows/welcome/retry", {"dry_run": True}))["total"] == 0


async def test_a_step_whose_messages_are_all_settled_as_failed_says_so(ft: Running, smtp_sink: SmtpSink) -> None:
    await ft.publish(by_hand("welcome", [to_both(on_unknown="leave")]))
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    over = await walked(ft, "welcome", "contact", await ft.create("contact", email=ANA))
    first, last = (await ft.call("GET", f"/effects?enrollment={over['id']}"))["items"]
    await ft.call("POST", f"/effects/{first['key']}/settle", {"as": "failed"})
    assert await way(ft, over) == [("hello", "failed", "unknown")]
    await ft.call("POST", f"/effects/{last['key']}/settle", {"as": "failed"})
    assert await way(ft, over) == [("hello", "failed", "gave_up")]
    assert (await ft.call("POST", "/workflows/welcome/retry", {"dry_run": True}))["total"] == 1
